//! Names of files with fields of the event in them, as `format_filename` has them: Python's format strings.

use jiff::Timestamp;

use crate::message::{Message, python};

/// A name in parts.
#[derive(Debug)]
pub(super) struct FileName {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// A field and, for moments, how they are written.
    Field(String, String),
}

impl FileName {
    /// Reads a name; `{event[FIELD]}` and `{event[time.source]:%Y-%m-%d}` are filled in, `{{` and `}}` are braces.
    pub(super) fn parse(text: &str) -> Result<FileName, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let inside = if brace == "{" { after.split_once('}') } else { None };
            let Some((inside, after)) = inside else {
                return Err(format!("{brace:?} stands alone; write it twice to have the sign itself"));
            };
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(field(inside)?);
            rest = after;
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        Ok(FileName { parts })
    }

    /// Fills in an event's fields; one that is missing is an error.
    pub(super) fn fill(&self, event: &Message) -> Result<String, String> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Field(field, spec) => name.push_str(&value(event, field, spec)?),
            }
        }
        Ok(name)
    }
}

fn field(inside: &str) -> Result<Part, String> {
    let (name, spec) = inside.split_once(':').unwrap_or((inside, ""));
    let Some(field) = name.strip_prefix("event[").and_then(|name| name.strip_suffix(']')) else {
        return Err(format!("{{{inside}}} is no field; write {{event[source.asn]}}"));
    };
    if !spec.is_empty() && !field.starts_with("time.") {
        return Err(format!("{{{inside}}}: only time.source and time.observation take a format"));
    }
    Ok(Part::Field(field.to_owned(), spec.to_owned()))
}

/// Returns a field's text. What would lead into another folder is replaced, for it comes from outside.
fn value(event: &Message, field: &str, spec: &str) -> Result<String, String> {
    let Some(value) = event.get(field) else {
        return Err(format!("the event has no {field}, which the name of its file needs"));
    };
    let text = python::str(value);
    let text = if field.starts_with("time.") { moment(&text, spec)? } else { text };
    if text.bytes().all(|byte| byte == b'.') {
        return Ok("_".repeat(text.len()));
    }
    Ok(text.replace(['/', '\0'], "_"))
}

fn moment(text: &str, spec: &str) -> Result<String, String> {
    let moment: Timestamp = text.parse().map_err(|error| format!("{text:?} is no moment: {error}"))?;
    let spec = match spec {
        "" if moment.subsec_nanosecond() == 0 => "%Y-%m-%d %H:%M:%S",
        "" => "%Y-%m-%d %H:%M:%S.%6f",
        spec => spec,
    };
    jiff::fmt::strtime::format(spec, moment)
        .map_err(|error| format!("the format {spec:?} cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Idf, Value};

    fn filled(name: &str) -> Result<String, String> {
        let mut event = Message::event(&Idf::builtin());
        let fields = [
            ("source.asn", Value::from(64500)),
            ("source.reverse_dns", Value::Text("ward-3.hospital.example".to_owned())),
            ("time.source", Value::Text("2026-01-15T03:10:12+00:00".to_owned())),
            ("extra.path", Value::Text("../../etc".to_owned())),
            ("extra.dots", Value::Text("..".to_owned())),
        ];
        for (name, value) in fields {
            event.add(name, value).unwrap();
        }
        FileName::parse(name)?.fill(&event)
    }

    #[test]
    fn fields_are_filled_in() {
        let cases = [
            ("events.jsonl", "events.jsonl"),
            ("a/AS{event[source.asn]}.jsonl", "a/AS64500.jsonl"),
            ("{event[source.asn]}/{event[source.reverse_dns]}", "64500/ward-3.hospital.example"),
            ("{event[time.source]:%Y-%m-%d}.txt", "2026-01-15.txt"),
            ("{event[time.source]}", "2026-01-15 03:10:12"),
            ("{{}}{event[source.asn]}", "{}64500"),
            ("out/{event[extra.path]}/{event[extra.dots]}/x", "out/.._.._etc/__/x"),
        ];
        for (name, expected) in cases {
            assert_eq!(filled(name).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_says_why() {
        let cases = [
            ("{event[source.ip]}", "no source.ip"),
            ("{event", "stands alone"),
            ("x}", "stands alone"),
            ("{}", "is no field"),
            ("{event[source.asn]:%Y}", "only time.source"),
        ];
        for (name, expected) in cases {
            let problem = filled(name).unwrap_err();
            assert!(problem.contains(expected), "{name}: {problem}");
        }
    }
}
