//! `harmonization.conf`: a site's is read, and ours is written for IntelMQ to read.

use serde_json::{Map, Value, json};

use super::described::describe;
use super::idf::{FieldSpec, HarmonizationError};
use super::kind::FieldType;
use super::pattern::Pattern;

type Fields = (Vec<FieldSpec>, Vec<FieldSpec>);

/// Returns the fields of events and of reports.
pub(crate) fn parse(text: &str) -> Result<Fields, HarmonizationError> {
    let json: Value =
        serde_json::from_str(text).map_err(|error| HarmonizationError(format!("not JSON: {error}")))?;
    let Value::Object(types) = json else {
        return Err(HarmonizationError("not an object with \"event\" and \"report\"".into()));
    };
    Ok((fields(&types, "event")?, fields(&types, "report")?))
}

/// Returns the file for fields of events and of reports.
pub(crate) fn write<'a>(
    event: impl Iterator<Item = &'a FieldSpec>,
    report: impl Iterator<Item = &'a FieldSpec>,
) -> Value {
    let entry = |field: &FieldSpec| {
        let mut told = json!({ "description": describe(&field.name), "type": field.kind.name() });
        if let Some(length) = field.length {
            told["length"] = length.into();
        }
        for (text, ignore_case) in field.patterns.iter().map(Pattern::python) {
            told[if ignore_case { "iregex" } else { "regex" }] = text.into();
        }
        (field.name.to_string(), told)
    };
    json!({ "event": event.map(entry).collect::<Map<_, _>>(), "report": report.map(entry).collect::<Map<_, _>>() })
}

fn fields(types: &Map<String, Value>, kind: &str) -> Result<Vec<FieldSpec>, HarmonizationError> {
    let Some(Value::Object(fields)) = types.get(kind) else {
        return Err(HarmonizationError(format!("{kind}: missing; it must be an object of fields")));
    };
    if fields.len() > usize::from(u16::MAX) / 4 {
        return Err(HarmonizationError(format!("{kind}: has more than 16383 fields")));
    }
    fields
        .iter()
        .map(|(name, field)| {
            spec(name, field).map_err(|why| HarmonizationError(format!("{kind}: {name}: {why}")))
        })
        .collect()
}

fn spec(name: &str, field: &Value) -> Result<FieldSpec, String> {
    if !is_key(name) {
        return Err(
            "not a name: use lower-case letters, digits, _ and dots, and two characters before the first dot"
                .into(),
        );
    }
    let kind = match field.get("type") {
        Some(Value::String(kind)) => {
            FieldType::from_name(kind).ok_or_else(|| format!("unknown type {kind:?}"))?
        }
        _ => return Err("has no \"type\"".into()),
    };
    let length = match field.get("length") {
        None => None,
        Some(Value::Number(length)) if length.as_u64().is_some() => length.as_u64(),
        Some(Value::String(length)) if length.parse::<u64>().is_ok() => length.parse().ok(),
        Some(other) => return Err(format!("\"length\" must be a whole number, not {other}")),
    };
    let mut patterns = Vec::new();
    for (key, ignore_case) in [("regex", false), ("iregex", true)] {
        match field.get(key) {
            None => {}
            Some(Value::String(text)) => patterns.push(
                Pattern::compile(text, ignore_case)
                    .map_err(|error| format!("{key:?} cannot be used: {error}"))?,
            ),
            Some(other) => return Err(format!("{key:?} must be text, not {other}")),
        }
    }
    Ok(FieldSpec { name: name.into(), kind, length: length.map(|length| length as usize), patterns })
}

/// Tells whether a whole name has the form `^[a-z_][a-z_0-9]+(\.[a-z_0-9]+)*$`.
fn is_key(name: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default();
    first.len() >= 2
        && !first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(word)
        && parts.all(|part| !part.is_empty() && part.bytes().all(word))
}
