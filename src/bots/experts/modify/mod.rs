//! Changes events by rules: where fields match, other fields are set.

mod rules;
mod scope;
#[cfg(test)]
mod tests;

use self::rules::{Condition, Rule, Value as NewValue};
use self::scope::{Groups, Names};
use crate::bots::values::{equal, lookup};
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Message, Value, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The modify expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.modify.expert",
        kind: Kind::Expert,
        summary: "Changes events by rules: where fields match, other fields are set.",
        params: &[
            Param::new(
                "configuration_path",
                ParamKind::Text,
                "\"modify/modify.conf\"",
                "The rules, a list in JSON or YAML: `rulename`, `if` (field: regular expression to be searched for, \"\" \
                 for a field that is not there, or a number, true or false that is equal) and `then` (field: value, \
                 a format string with `{msg[source.ip]}` and `{matches[source.fqdn][1]}`; \"\" removes the field).",
            ),
            Param::new(
                "case_sensitive",
                ParamKind::Bool,
                "true",
                "Whether regular expressions tell A from a.",
            ),
            Param::new(
                "maximum_matches",
                ParamKind::Int,
                "null",
                "After so many rules that matched, the rest is left out; 0 or nothing applies all.",
            ),
            Param::new("overwrite", ParamKind::Bool, "true", "Whether fields that are there are replaced."),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct Modify {
    rules: Vec<Rule>,
    most: usize,
    how: Add,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let path = params.text("configuration_path")?.unwrap_or_else(|| "modify/modify.conf".to_owned());
    let flag = |name: &str| params.get(name).is_none() || params.flag(name);
    let rules =
        rules::read(&site.path(&path), flag("case_sensitive"), &site.idf).map_err(Failure::Configuration)?;
    let most = params.int("maximum_matches")?.unwrap_or(0);
    let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
    let how = Add { sanitize: true, overwrite: Some(flag("overwrite")) };
    Ok(Bot::Expert(Box::new(Modify { rules, most, how })))
}

impl Expert for Modify {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        let mut matched = 0;
        for rule in &self.rules {
            let Some(groups) = rule.matches(&event)? else { continue };
            rule.apply(&mut event, &groups, self.how)?;
            matched += 1;
            if matched >= self.most {
                break;
            }
        }
        context.send(event)
    }
}

impl Rule {
    /// Tells whether all conditions hold; returns what the regular expressions found, if the rule uses it.
    fn matches(&self, event: &Message) -> Result<Option<Vec<Groups<'_>>>, Failure> {
        let mut groups = Vec::new();
        for (field, condition) in &self.conditions {
            if matches!(condition, Condition::Absent) {
                if event.contains(field) {
                    return Ok(None);
                }
                continue;
            }
            let Some(value) = lookup(event, field) else { return Ok(None) };
            let holds = match condition {
                Condition::Absent => true,
                Condition::Equal(wanted) => equal(&value, wanted),
                Condition::Regex(pattern) => {
                    let number;
                    let text = match &*value {
                        Value::Text(text) => text.as_str(),
                        Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) => {
                            number = python::str(&value);
                            &number
                        }
                        _ => return Err(self.failed(field, "a regular expression needs a text or a number")),
                    };
                    if self.uses_groups {
                        let found = Groups::search(field, pattern, text).map_err(Failure::Other)?;
                        found.map(|found| groups.push(found)).is_some()
                    } else {
                        pattern.is_match(text).map_err(Failure::Other)?
                    }
                }
            };
            if !holds {
                return Ok(None);
            }
        }
        Ok(Some(groups))
    }

    /// Sets the fields one after the other; later ones see earlier ones.
    fn apply(&self, event: &mut Message, groups: &[Groups], how: Add) -> Result<(), Failure> {
        for (field, value) in &self.actions {
            let value = match value {
                NewValue::Fixed(value) => value.clone(),
                NewValue::Format(template) => {
                    let text = template.render(&Names { event, groups });
                    Value::from(text.map_err(|error| self.failed(field, &error))?)
                }
            };
            event.add_with(field, value, how)?;
        }
        Ok(())
    }

    fn failed(&self, field: &str, problem: &str) -> Failure {
        Failure::Other(format!("rule {:?}, {field}: {problem}", self.name))
    }
}
