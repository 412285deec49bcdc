//! The rules as they stand in their file.

use std::path::Path;

use serde_json::Value as Json;

use crate::bots::format::Template;
use crate::bots::pattern::Pattern;
use crate::diagnostic::{Source, yaml};
use crate::message::{Idf, MessageType};

/// One rule: if all conditions hold, the actions are done in order.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) conditions: Vec<(String, Condition)>,
    pub(super) actions: Vec<(String, Value)>,
    /// Whether an action names what a condition found.
    pub(super) uses_groups: bool,
}

/// What must hold of a field.
#[derive(Debug)]
pub(super) enum Condition {
    /// It is not there.
    Absent,
    /// Its text contains a match.
    Regex(Box<Pattern>),
    /// It is equal.
    Equal(crate::message::Value),
}

/// What a field is set to.
#[derive(Debug)]
pub(super) enum Value {
    /// Always the same.
    Fixed(crate::message::Value),
    /// A text with fields in it.
    Format(Template),
}

/// Reads a file of rules; the error says in which rule and field something is wrong.
pub(super) fn read(path: &Path, case_sensitive: bool, idf: &Idf) -> Result<Vec<Rule>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "the rules {} cannot be read: {error}; write a list of rules there, each with rulename, if and then, \
             or set configuration_path",
            path.display()
        )
    })?;
    let name = path.display().to_string();
    let source = Source::new(name.as_str(), text.as_str());
    let json = match yaml::read::<Json>(&source) {
        Ok(json) => json,
        // JSON may hold tabs where YAML does not take them.
        Err(problem) => serde_json::from_str(&text).map_err(|_| problem.to_string())?,
    };
    let Json::Array(rules) = json else {
        return Err(format!("{name}: must be a list of rules, each with rulename, if and then"));
    };
    let rules = rules.iter().enumerate().map(|(index, rule)| {
        Rule::of(rule, index, case_sensitive, idf).map_err(|problem| format!("{name}: {problem}"))
    });
    rules.collect()
}

impl Rule {
    fn of(rule: &Json, index: usize, case_sensitive: bool, idf: &Idf) -> Result<Rule, String> {
        let name = match rule.get("rulename") {
            Some(Json::String(name)) => name.clone(),
            Some(other) => other.to_string(),
            None => return Err(format!("rule {}: rulename is missing", index + 1)),
        };
        let part = |key: &str| match rule.get(key) {
            Some(Json::Object(part)) => Ok(part),
            Some(other) => Err(format!("rule {name:?}: {key} must be a mapping of fields, not {other}")),
            None => Err(format!("rule {name:?}: {key} is missing; it is a mapping of fields")),
        };
        let mut conditions = Vec::new();
        for (field, wanted) in part("if")? {
            let condition = match wanted {
                Json::String(text) if text.is_empty() => Condition::Absent,
                Json::String(text) => Pattern::parse(text, case_sensitive)
                    .map(|pattern| Condition::Regex(Box::new(pattern)))
                    .map_err(|problem| format!("rule {name:?}, if {field}: {problem}"))?,
                other => Condition::Equal(other.clone().into()),
            };
            conditions.push((field.clone(), condition));
        }
        let mut actions = Vec::new();
        let mut uses_groups = false;
        for (field, value) in part("then")? {
            let refused = |problem: String| format!("rule {name:?}, then {field}: {problem}");
            idf.key(MessageType::Event, field).map_err(|error| refused(error.to_string()))?;
            let value = match value {
                Json::String(text) if text.contains(['{', '}']) => {
                    uses_groups |= text.contains("matches");
                    let template = Template::parse(text);
                    Value::Format(template.map_err(|problem| refused(format!("{text:?}: {problem}")))?)
                }
                other => Value::Fixed(other.clone().into()),
            };
            actions.push((field.clone(), value));
        }
        Ok(Rule { name, conditions, actions, uses_groups })
    }
}
