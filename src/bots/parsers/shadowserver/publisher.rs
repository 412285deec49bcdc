//! The publisher's own form of the mapping, `shadowserver-schema.json` (facts A4): read, and written for IntelMQ to read.

use serde_json::{Map, Value as Json, json};

use super::schema::{Mapping, ReportType, Schema};

/// Reads a `shadowserver-schema.json`; a fault tells the place and what is wanted there.
pub(crate) fn read(text: &str) -> Result<Schema, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("no valid JSON: {error}"))?;
    let reports = json.as_object().ok_or("an object with a report type under each key is wanted")?;
    let date = reports.get("_meta").and_then(|meta| meta.get("date_created")).and_then(Json::as_str);
    let reports = reports.iter().filter(|(key, _)| !key.starts_with('_'));
    let types = reports.map(|(key, json)| report(json).map_err(|problem| format!("{key}: {problem}")));
    Ok(Schema::new(date.unwrap_or_default(), types.collect::<Result<_, _>>()?))
}

fn report(json: &Json) -> Result<ReportType, String> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let fields = |name: &str| -> Result<Vec<Mapping>, String> {
        let list = json.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let mappings = list.iter().map(|entry| {
            let wanted = || format!("{name}: [field, column, function, true] is wanted, not {entry}");
            mapping(entry).ok_or_else(wanted)
        });
        mappings.collect()
    };
    let constants = json.get("constant_fields").and_then(Json::as_object);
    Ok(ReportType {
        file_name: text("file_name").ok_or("\"file_name\" is missing")?,
        feed_name: text("feed_name").ok_or("\"feed_name\" is missing")?,
        url: text("url"),
        constants: constants.cloned().unwrap_or_default(),
        required: fields("required_fields")?,
        optional: fields("optional_fields")?,
        rules: None,
    })
}

fn mapping(entry: &Json) -> Option<Mapping> {
    let entry = entry.as_array()?;
    Some(Mapping {
        field: match entry.first()? {
            Json::Bool(false) => None,
            field => Some(field.as_str()?.to_owned()),
        },
        column: entry.get(1)?.as_str()?.to_owned(),
        function: match entry.get(2) {
            None | Some(Json::Null) => None,
            Some(function) => Some(function.as_str()?.to_owned()).filter(|name| !name.is_empty()),
        },
        row: matches!(entry.get(3), Some(Json::Bool(true))),
    })
}

/// Writes report types as the publisher does, each for the columns that its reports have.
pub(crate) fn write<'a>(date: &str, types: impl IntoIterator<Item = (&'a ReportType, Vec<&'a str>)>) -> Json {
    let mut schema = Map::new();
    schema.insert("_meta".to_owned(), json!({"change_log": [], "date_created": date}));
    for (kind, columns) in types {
        let mut report = json!({
            "constant_fields": kind.constants,
            "feed_name": kind.feed_name,
            "file_name": kind.file_name,
            "optional_fields": kind.optional_for(&columns).iter().map(entry).collect::<Vec<_>>(),
            "required_fields": kind.required.iter().map(entry).collect::<Vec<_>>(),
        });
        if let Some(url) = &kind.url {
            report["url"] = json!(url);
        }
        schema.insert(kind.file_name.clone(), report);
    }
    Json::Object(schema)
}

fn entry(mapping: &Mapping) -> Json {
    let mut entry = vec![mapping.field.as_ref().map_or(Json::Bool(false), |field| json!(field))];
    entry.push(json!(mapping.column));
    if let Some(function) = &mapping.function {
        entry.push(json!(function));
        if mapping.row {
            entry.push(json!(true));
        }
    }
    Json::Array(entry)
}
