//! What every parser gets of IntelMQ's `ParserBot`: the text of a report, events made of it, fields from parameters, failed rows
//! and the closing line of the log.

use serde_json::Value as Json;

use super::super::{Context, Failure, Level, Site};
use crate::message::{Add, Key, Message, MessageType, Value, json};
use crate::pipeline::{ParamError, Params};

/// The parameters that every parser has.
#[derive(Debug)]
pub(crate) struct Common {
    copied: Vec<String>,
    defaults: Vec<(Key, Value)>,
}

impl Common {
    /// Reads `default_fields` and `copy_collector_provided_fields`; refuses a default that no event could have.
    pub(crate) fn new(params: &Params, site: &Site) -> Result<Common, Failure> {
        let wrong = |problem: String| ParamError { name: "default_fields".to_owned(), problem };
        let mut scratch = Message::event(&site.idf);
        let mut defaults = Vec::new();
        for (name, value) in params.get("default_fields").and_then(Json::as_object).into_iter().flatten() {
            let stored = scratch.add(name, value_of(value)).map_err(|error| wrong(error.to_string()))?;
            let key = site.idf.key(MessageType::Event, name).map_err(|error| wrong(error.to_string()))?;
            if let (true, Some(value)) = (stored, scratch.get_key(&key)) {
                defaults.push((key, value.clone()));
            }
        }
        Ok(Common {
            copied: params.list("copy_collector_provided_fields", true)?.unwrap_or_default(),
            defaults,
        })
    }

    /// Makes an event with what the report hands on.
    pub(crate) fn event(&self, report: &Message) -> Message {
        Message::event_from(report, &self.copied)
    }

    /// Adds the default fields that a finished event lacks.
    pub(crate) fn finish(&self, event: &mut Message) {
        for (key, value) in &self.defaults {
            if event.get_key(key).is_none() {
                event.put(key, value.clone());
            }
        }
    }
}

/// Makes a value of a message of one from the configuration.
pub(crate) fn value_of(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::from(text.as_str()),
        other => json::parse(other.to_string().as_bytes()).unwrap_or(Value::Null),
    }
}

/// Returns what a report holds, read as UTF-8 without the bytes that are none, or `None` after a line in the log.
pub(crate) fn text(report: &Message, context: &mut Context) -> Option<String> {
    let Some(bytes) = report.raw() else {
        let warning = "Report without raw field received. Possible bug or misconfiguration in previous bots.";
        context.log(Level::Warning, warning);
        return None;
    };
    Some(readable(bytes))
}

/// Returns what a report holds, for parsers of reports that hold one thing: without anything they fail.
pub(crate) fn whole_text(report: &Message) -> Result<String, Failure> {
    let raw = report
        .raw()
        .ok_or_else(|| Failure::other("the report has no raw, so that there is nothing to parse"))?;
    Ok(readable(raw))
}

/// Reads a text that is one JSON object.
pub(crate) fn object(text: &str) -> Result<Value, Failure> {
    match json::parse(text.as_bytes()) {
        Ok(object @ Value::Map(_)) => Ok(object),
        Ok(_) => Err(Failure::other("the report is JSON, but not an object")),
        Err(error) => Err(Failure::Other(format!("the report is not JSON: {error}"))),
    }
}

/// Reads bytes as UTF-8, without those that are none.
fn readable(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().utf8_chunks().map(|chunk| chunk.valid()).collect())
}

/// Records that a row could not be parsed: the dump gets a report that holds it alone.
pub(crate) fn fail_row(context: &mut Context, report: &Message, raw: &str, error: &str) {
    let mut row = report.clone();
    if let Err(error) = row.add_with("raw", Value::from(raw), Add::REPLACE) {
        context.log(Level::Error, format!("A failed row cannot be kept as a report: {error}"));
    }
    context.log(Level::Error, format!("Failed to parse line. {error}"));
    context.fail_row(row, error);
}

/// How far a report is parsed: rows seen and rows failed, each of the others having given one event.
///
/// It is the position from which a report goes on, so that the counts outlive the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) rows: u32,
    pub(crate) failed: u32,
}

impl Tally {
    /// Reads a position.
    pub(crate) fn at(position: u64) -> Tally {
        Tally { rows: position as u32, failed: (position >> 32) as u32 }
    }

    /// Returns the position.
    pub(crate) fn position(self) -> u64 {
        u64::from(self.failed) << 32 | u64::from(self.rows)
    }

    /// Counts a row.
    pub(crate) fn count(&mut self, failed: bool) {
        self.rows = self.rows.saturating_add(1);
        self.failed = self.failed.saturating_add(failed.into());
    }

    /// Writes the closing line of a report.
    pub(crate) fn log(self, context: &mut Context) {
        let sent = self.rows - self.failed;
        context.log(Level::Info, format!("Sent {sent} events and found {} problem(s).", self.failed));
    }
}
