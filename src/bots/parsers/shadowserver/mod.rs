//! The reports of the Shadowserver foundation: CSV files of 170 types, each with its own mapping to IntelMQ's fields.

mod builtin;
mod compile;
mod convert;
mod plan;
mod publisher;
mod report;
mod schema;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value as Json;

use self::plan::{Fault, Row};
use self::report::Prepared;
use self::schema::{ReportType, Schema};
use super::super::{Bot, BotSpec, Context, Failure, Level, Parser, Progress, Site};
use super::base::{self, Common, Tally};
use crate::message::{Add, Message, Value, python};
use crate::pipeline::ParamKind::{Bool, Text};
use crate::pipeline::{Kind, Param, Params, Spec};
use crate::rows::Rows;

/// The module's path.
pub const MODULE: &str = "intelmq.bots.parsers.shadowserver.parser";

/// The publisher's mapping, below the state path.
pub const SCHEMA_FILE: &str = "shadowserver-schema.json";

/// What the parser is.
pub(crate) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: MODULE,
        kind: Kind::Parser,
        summary: "Turns Shadowserver's reports into events; knows all 170 types and takes the publisher's own mapping instead \
                  if `shadowserver-schema.json` lies in the state path.",
        params: &[
            Param::new(
                "feedname",
                Text,
                "null",
                "The report's type, by its feed name (such as `Accessible-Telnet`); without it the file's name tells the type.",
            ),
            Param::new("overwrite", Bool, "false", "Whether the type's feed name replaces the collector's."),
            Param::new(
                "auto_update",
                Bool,
                "false",
                "Taken as IntelMQ takes it, but nothing is downloaded yet: put the publisher's `shadowserver-schema.json` into \
                 the state path, where it is preferred over the built-in mapping.",
            ),
            Param::new(
                "test_mode",
                Bool,
                "false",
                "Knows only the types test_afs, test_smb and test_telnet, for trying things out.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// Returns the built-in mapping in the publisher's form, as IntelMQ reads it, for reports with these types and columns.
///
/// Types that are not known are left out.
pub fn publisher_form<'a>(reports: impl IntoIterator<Item = (&'a str, Vec<&'a str>)>) -> Json {
    let schema = Schema::builtin();
    let known = reports.into_iter().filter_map(|(name, columns)| Some((schema.by_file_name(name)?, columns)));
    publisher::write("2026-03-24T15:31:20Z", known)
}

/// Returns the built-in mapping in the publisher's form for some reports, each with its file's name.
///
/// The name tells the type, and the first line the columns that it has; files whose names tell no known type are left out.
pub fn schema_for<'a>(reports: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Json {
    // Reports of one type may have more or fewer columns; the type gets those of all.
    let mut known: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, report) in reports.into_iter().filter_map(|(name, report)| Some((type_in_name(name)?, report)))
    {
        let all = known.entry(kind).or_default();
        for column in columns(&String::from_utf8_lossy(report)) {
            if !all.contains(&column) {
                all.push(column);
            }
        }
    }
    publisher_form(known.iter().map(|(kind, columns)| (*kind, columns.iter().map(String::as_str).collect())))
}

/// Lists the built-in types of reports, as they stand in names of files.
pub fn report_types() -> Vec<String> {
    Schema::builtin().types().iter().map(|kind| kind.file_name.clone()).collect()
}

/// Returns the type that the name of a report's file tells.
pub fn type_in_name(name: &str) -> Option<&str> {
    static FILE_NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:\d{4}-\d{2}-\d{2}-)?(\w+)(?:-\w+)*\.csv\n?$").expect("a pattern of this file")
    });
    FILE_NAME.captures(name).and_then(|found| found.get(1)).map(|found| found.as_str())
}

/// Returns the columns that a report's header names.
pub fn columns(report: &str) -> Vec<String> {
    let mut cells = Vec::new();
    Rows::new(report, 0).next_row(&mut cells);
    cells.into_iter().map(Cow::into_owned).collect()
}

struct Shadowserver {
    schema: Arc<Schema>,
    feedname: Option<String>,
    overwrite: bool,
    common: Common,
    /// The report in hand, between its batches.
    prepared: Option<Prepared>,
    /// What the log is told with the first report.
    notices: Vec<(Level, String)>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let mut notices = Vec::new();
    let schema = if params.flag("test_mode") { Schema::test() } else { schema(site, &mut notices)? };
    if params.flag("auto_update") {
        let note = format!(
            "auto_update: nothing is downloaded; put the publisher's {SCHEMA_FILE} into the state path to use it."
        );
        notices.push((Level::Info, note));
    }
    let mut feedname = params.text("feedname")?;
    if feedname.as_ref().is_some_and(|name| schema.by_feed_name(name).is_none()) {
        // IntelMQ goes by the file's name then.
        let name = feedname.take().unwrap_or_default();
        let note =
            format!("No report type has the feed name {name:?}; the file's name tells the type instead.");
        notices.push((Level::Warning, note));
    }
    Ok(Bot::Parser(Box::new(Shadowserver {
        schema,
        feedname,
        overwrite: params.flag("overwrite"),
        common: Common::new(params, site)?,
        prepared: None,
        notices,
    })))
}

/// Returns the publisher's mapping if it is there, else the built-in one.
fn schema(site: &Site, notices: &mut Vec<(Level, String)>) -> Result<Arc<Schema>, Failure> {
    let path = site.path(SCHEMA_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Schema::builtin()),
        Err(error) => return Err(Failure::Configuration(format!("{}: {error}", path.display()))),
    };
    let schema = publisher::read(&text).map_err(|problem| {
        let advice = "repair it, or remove it to use the built-in mapping";
        Failure::Configuration(format!("{}: {problem}; {advice}", path.display()))
    })?;
    notices.push((Level::Info, format!("Loading schema {:?}.", schema.date)));
    Ok(Arc::new(schema))
}

impl Parser for Shadowserver {
    fn parse(&mut self, report: &Message, from: u64, context: &mut Context) -> Result<Progress, Failure> {
        for (level, notice) in self.notices.drain(..) {
            context.log(level, notice);
        }
        let known = self.prepared.take();
        let mut prepared = match known.and_then(|mut known| known.goes_on(report, from).then_some(known)) {
            Some(prepared) => prepared,
            None => match self.prepare(report, from, context)? {
                Some(prepared) => prepared,
                None => return Ok(Progress::Done),
            },
        };
        let progress = self.rows(&mut prepared, report, context)?;
        if progress != Progress::Done {
            self.prepared = Some(prepared);
        }
        Ok(progress)
    }
}

impl Shadowserver {
    /// Reads a report's text and header, and goes to a position in it.
    fn prepare(
        &self,
        report: &Message,
        from: u64,
        context: &mut Context,
    ) -> Result<Option<Prepared>, Failure> {
        let Some(text) = base::text(report, context) else { return Ok(None) };
        let kind = self.kind(report)?;
        let mut start = self.common.event(report);
        let feed = Add { sanitize: true, overwrite: Some(self.overwrite) };
        start.add_with("feed.name", Value::from(kind.feed_name.as_str()), feed)?;
        if let Some(url) = &kind.url {
            start.add_with("feed.documentation", Value::from(url.as_str()), Add::KEEP)?;
        }
        let (prepared, warnings) = Prepared::new(report, text, kind, start, Tally::at(from));
        if from == 0 {
            for warning in warnings {
                context.log(Level::Warning, warning);
            }
        }
        Ok(Some(prepared))
    }

    /// Tells a report's type by the parameter or the file's name.
    fn kind(&self, report: &Message) -> Result<&ReportType, Failure> {
        if let Some(kind) = self.feedname.as_ref().and_then(|name| self.schema.by_feed_name(name)) {
            return Ok(kind);
        }
        let name = report.text("extra.file_name").filter(|name| !name.is_empty()).ok_or_else(|| {
            Failure::other(
                "No feedname given as parameter and the processed report has no 'extra.file_name'. Ensure that at least one \
                 is given. Also have a look at the documentation of the bot.",
            )
        })?;
        let found = type_in_name(name).ok_or_else(|| {
            let name = python::repr(&Value::from(name));
            Failure::Other(format!("Report's 'extra.file_name' {name} is not valid."))
        })?;
        self.schema.by_file_name(found).ok_or_else(|| {
            Failure::Other(format!("Could not get a config for '{found}', check the documentation."))
        })
    }

    /// Makes events of rows until the batch is full or the report is at its end.
    fn rows(
        &self,
        prepared: &mut Prepared,
        report: &Message,
        context: &mut Context,
    ) -> Result<Progress, Failure> {
        let Prepared { text, at, until, tally, plan, .. } = prepared;
        let mut rows = Rows::new(text, *at);
        let mut row = Row::of(text);
        while !context.is_full() && rows.position() < *until {
            let Some(line) = rows.next_row(&mut row.cells) else {
                tally.log(context);
                return Ok(Progress::Done);
            };
            if row.cells.is_empty() {
                continue;
            }
            let event = plan.event(&mut row, line);
            tally.count(event.is_err());
            match event {
                Ok(mut event) => {
                    self.common.finish(&mut event);
                    context.send(event)?;
                }
                Err(Fault { error, note }) => {
                    if let Some(note) = note {
                        context.log(Level::Error, note);
                    }
                    base::fail_row(context, report, &plan.raw(line), &error);
                }
            }
        }
        *at = rows.position();
        Ok(Progress::More(tally.position()))
    }
}
