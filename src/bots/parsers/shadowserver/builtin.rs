//! Reads the built-in table: `[rules]`, `[overrides]` and `[reports]`, one entry a line, continued by indented lines.
//!
//! The table's head says what a line means. It is part of the program, so that a line nobody understands is a bug and is left out.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::schema::{Mapping, ReportType, Rules, Target};

/// Where the publisher documents its reports.
const DOCUMENTATION: &str = "https://www.shadowserver.org/what-we-do/network-reporting/";

/// Reads a table.
pub(crate) fn read(table: &str) -> Vec<ReportType> {
    let mut rules = Rules::default();
    let mut reports: Vec<(Vec<String>, String)> = Vec::new();
    let mut section = String::new();
    for line in logical_lines(table) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(title) => title.clone_into(&mut section),
            None => match section.split_once(' ').unwrap_or((&section, "")) {
                ("reports", required) => {
                    let required = required.split_whitespace().map(str::to_owned).collect();
                    reports.push((required, line));
                }
                _ => rule(&mut rules, &line),
            },
        }
    }
    let rules = Arc::new(rules);
    reports.iter().filter_map(|(required, line)| report(&rules, required, line)).collect()
}

fn logical_lines(table: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Takes `COLUMN …: TARGETS`, or `COLUMN in TYPE …: TARGETS`.
fn rule(rules: &mut Rules, line: &str) {
    let Some((left, right)) = line.split_once(": ") else { return };
    let targets: Vec<Target> = right.split(" + ").map(target).collect();
    if let Some((column, types)) = left.split_once(" in ") {
        for kind in types.split_whitespace() {
            rules.overrides.insert((column.to_owned(), kind.to_owned()), targets.clone());
        }
        return;
    }
    for column in left.split_whitespace() {
        match column {
            "*" => rules.default.clone_from(&targets),
            column => {
                rules.columns.insert(column.to_owned(), targets.clone());
            }
        }
    }
}

fn target(text: &str) -> Target {
    match text.trim().split_once(' ') {
        Some((field, function)) => Target { field: field.to_owned(), function: Some(function.to_owned()) },
        None => Target { field: text.trim().to_owned(), function: None },
    }
}

/// Takes `TYPE | feed name | taxonomy/type | identifier | application | transport | page`.
fn report(rules: &Arc<Rules>, required: &[String], line: &str) -> Option<ReportType> {
    let mut parts = line.split(" | ").map(str::trim);
    let mut next = || parts.next();
    let (file_name, feed_name) = (next()?, next()?);
    let (class, identifier, application, transport, page) = (next()?, next()?, next()?, next()?, next()?);
    let (taxonomy, kind) = class.split_once('/').unwrap_or(("-", "-"));
    let constants = [
        ("classification.identifier", identifier),
        ("classification.taxonomy", taxonomy),
        ("classification.type", kind),
        ("protocol.application", application),
        ("protocol.transport", transport),
    ];
    let constants = constants.into_iter().filter(|(_, value)| *value != "-");
    let mut report = ReportType {
        file_name: file_name.to_owned(),
        feed_name: feed_name.to_owned(),
        url: (page != "-").then(|| format!("{DOCUMENTATION}{page}")),
        constants: constants
            .map(|(field, value)| (field.to_owned(), Json::from(value)))
            .collect::<Map<_, _>>(),
        rules: Some(Arc::clone(rules)),
        ..ReportType::default()
    };
    for column in required {
        let mut mappings: Vec<Mapping> = report.mappings(rules, column);
        let further = mappings.split_off(1.min(mappings.len()));
        report.required.extend(mappings);
        report.optional.extend(further);
    }
    Some(report)
}
