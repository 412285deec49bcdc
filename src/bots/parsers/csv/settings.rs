//! The parameters as the parser works with them.

use serde_json::{Map, Value as Json};

use super::super::base::value_of;
use super::column::{Column, Form, Reading, Target};
use super::table::{Filter, Rules};
use crate::bots::format::Template;
use crate::bots::pattern::Pattern;
use crate::bots::{Failure, Site};
use crate::message::{Key, MessageType, datetime::TimeFormat};
use crate::pipeline::{ParamError, Params};

fn wrong(name: &str, problem: impl Into<String>) -> Failure {
    ParamError { name: name.to_owned(), problem: problem.into() }.into()
}

/// Returns the parameters with `type` among the default fields.
pub(super) fn with_type(params: &Params) -> Params {
    let mut params = params.clone();
    let kind = params.get("type").filter(|kind| kind.as_str() != Some("")).cloned();
    if let Some(kind) = kind {
        let fields = params.get("default_fields").and_then(Json::as_object).cloned();
        let mut fields = fields.unwrap_or_default();
        fields.insert("classification.type".to_owned(), kind);
        params.set("default_fields", fields);
    }
    params
}

/// Reads the columns.
pub(super) fn columns(params: &Params, site: &Site) -> Result<Vec<Column>, Failure> {
    let names = params.list("columns", true)?;
    let names = names.ok_or_else(|| wrong("columns", "is required and has no default"))?;
    let searches = object(params, "column_regex_search")?;
    let types = object(params, "data_type")?;
    let required = required(params, names.len())?;
    let fields = |name: &str| {
        let targets = name.split('|').map(str::trim);
        targets.map(|name| field(name, &searches, &types, site)).collect::<Result<_, _>>()
    };
    let columns = names.into_iter().zip(required);
    columns.map(|(name, required)| Ok(Column { fields: fields(&name)?, required, name })).collect()
}

fn field(
    name: &str,
    searches: &Map<String, Json>,
    types: &Map<String, Json>,
    site: &Site,
) -> Result<Option<Target>, Failure> {
    if matches!(name, "" | "__IGNORE__") {
        return Ok(None);
    }
    let search = match searches.get(name) {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) if text.is_empty() => None,
        Some(Json::String(text)) => {
            Some(Pattern::parse(text, true).map_err(|error| wrong("column_regex_search", error))?)
        }
        Some(other) => return Err(wrong("column_regex_search", format!("{other} is no regular expression"))),
    };
    let json = match types.get(name) {
        None => false,
        Some(Json::String(kind)) if kind == "json" => true,
        Some(other) => return Err(wrong("data_type", format!("{name} may only be \"json\", not {other}"))),
    };
    let key = known(site, "columns", name)?;
    Ok(Some(Target { key, name: name.to_owned(), search, json, form: Form::of(name) }))
}

fn known(site: &Site, parameter: &str, name: &str) -> Result<Key, Failure> {
    let problem = || format!("events have no field {name:?}");
    site.idf.key(MessageType::Event, name).map_err(|_| wrong(parameter, problem()))
}

/// Reads a mapping, or the JSON of one; what counts as nothing in Python is an empty one.
fn object(params: &Params, name: &str) -> Result<Map<String, Json>, Failure> {
    let given = match params.get(name) {
        Some(Json::String(text)) if !text.is_empty() => {
            serde_json::from_str(text).map_err(|error| wrong(name, format!("is no JSON: {error}")))?
        }
        Some(other) => other.clone(),
        None => Json::Null,
    };
    match given {
        Json::Object(map) => Ok(map),
        Json::Null | Json::Bool(false) => Ok(Map::new()),
        Json::String(text) if text.is_empty() => Ok(Map::new()),
        Json::Array(list) if list.is_empty() => Ok(Map::new()),
        other => Err(wrong(name, format!("must be a mapping, not {other}"))),
    }
}

fn required(params: &Params, columns: usize) -> Result<Vec<bool>, Failure> {
    match params.get("columns_required") {
        None => Ok(vec![true; columns]),
        Some(Json::Array(flags)) if flags.len() == columns => {
            Ok(flags.iter().map(|flag| value_of(flag).is_truthy()).collect())
        }
        Some(other) => {
            Err(wrong("columns_required", format!("must be a list of {columns} true or false, not {other}")))
        }
    }
}

/// Reads how cells of some fields are read.
pub(super) fn reading(params: &Params) -> Result<Reading, Failure> {
    let time = match params.text("time_format")?.filter(|text| !text.is_empty()) {
        None => TimeFormat::Fuzzy,
        Some(text) if text.ends_with('|') => {
            return Err(wrong("time_format", format!("needs a format behind {text:?}")));
        }
        Some(text) => TimeFormat::parse(&text).map_err(|problem| wrong("time_format", problem))?,
    };
    let types = object(params, "type_translation")?;
    Ok(Reading {
        time,
        protocol: params.text("default_url_protocol")?.unwrap_or_else(|| "http://".to_owned()),
        types: types.iter().map(|(word, kind)| (word.clone(), value_of(kind))).collect(),
        any_type: params.get("type").is_some(),
    })
}

/// Reads the fields that are made of several cells.
pub(super) fn composed(params: &Params, site: &Site) -> Result<Vec<(Key, Template)>, Failure> {
    let read = |(name, text): (String, Json)| {
        let Json::String(text) = text else {
            return Err(wrong("compose_fields", format!("{name} needs a format string, not {text}")));
        };
        let template = Template::parse(&text);
        let template =
            template.map_err(|problem| wrong("compose_fields", format!("{name}, {text:?}: {problem}")))?;
        Ok((known(site, "compose_fields", &name)?, template))
    };
    object(params, "compose_fields")?.into_iter().map(read).collect()
}

/// Reads which lines are rows, and how they are divided.
pub(super) fn rows(params: &Params) -> Result<Rules, Failure> {
    let header = match params.get("skip_header") {
        None => 0,
        Some(Json::Bool(flag)) => u64::from(*flag),
        Some(Json::Number(number)) => number.as_f64().map_or(0, |lines| lines.max(0.0) as u64),
        Some(Json::String(text)) if text.trim().parse::<u32>().is_ok() => text.trim().parse().unwrap_or(0),
        Some(other) => {
            return Err(wrong(
                "skip_header",
                format!("must be true, false or a number of lines, not {other}"),
            ));
        }
    };
    let delimiter = params.text("delimiter")?.unwrap_or_else(|| ",".to_owned());
    let mut chars = delimiter.chars();
    let delimiter = match (chars.next(), chars.next()) {
        (Some(only), None) if !['"', '\n', '\r'].contains(&only) => only,
        _ => {
            let problem = format!("must be one character, no quote and no end of line, not {delimiter:?}");
            return Err(wrong("delimiter", problem));
        }
    };
    let filter = match params.text("filter_type")?.as_deref() {
        None | Some("") => None,
        Some("whitelist") => Some(true),
        Some("blacklist") => Some(false),
        Some(other) => {
            return Err(wrong("filter_type", format!("must be whitelist or blacklist, not {other:?}")));
        }
    };
    let text = params.text("filter_text")?.filter(|text| !text.is_empty());
    let filter = filter.zip(text).map(|(wanted, text)| Filter { text, wanted });
    Ok(Rules { header, delimiter, filter })
}
