//! The parameters of one bot, resolved by precedence, read by type.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

/// The resolved parameters of one bot: defaults, `global`, the bot's own, then the environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    values: BTreeMap<String, Json>,
}

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name:?}: {problem}")]
pub struct ParamError {
    /// The parameter.
    pub name: String,
    /// What is wrong with its value.
    pub problem: String,
}

impl Params {
    /// Takes values that are already resolved.
    pub fn new(values: BTreeMap<String, Json>) -> Self {
        Params { values }
    }

    /// Sets one value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        self.values.insert(name.into(), value.into());
    }

    /// Returns the value as it stands in the file, unless it is missing or `null`.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// Returns every parameter in the order of its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns a text; numbers give their text.
    pub fn text(&self, name: &str) -> Result<Option<String>, ParamError> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(Json::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(wrong(name, "a text", other)),
        }
    }

    /// Returns a text that must be there.
    pub fn required_text(&self, name: &str) -> Result<String, ParamError> {
        self.text(name)?.ok_or_else(|| ParamError {
            name: name.to_owned(),
            problem: "is required and has no default".to_owned(),
        })
    }

    /// Returns a flag; Python's falsy values count as false.
    pub fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            None | Some(Json::Bool(false)) => false,
            Some(Json::String(text)) => !text.is_empty(),
            Some(Json::Number(number)) => number.as_f64() != Some(0.0),
            Some(Json::Array(list)) => !list.is_empty(),
            Some(Json::Object(map)) => !map.is_empty(),
            Some(_) => true,
        }
    }

    /// Returns a whole number.
    pub fn int(&self, name: &str) -> Result<Option<i64>, ParamError> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Number(number)) if number.as_i64().is_some() => Ok(number.as_i64()),
            Some(Json::String(text)) if text.trim().parse::<i64>().is_ok() => Ok(text.trim().parse().ok()),
            Some(other) => Err(wrong(name, "a whole number", other)),
        }
    }

    /// Returns a number of seconds as a duration.
    pub fn seconds(&self, name: &str) -> Result<Option<Duration>, ParamError> {
        let seconds = match self.get(name) {
            None => return Ok(None),
            Some(Json::Number(number)) => number.as_f64(),
            Some(Json::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match seconds.map(Duration::try_from_secs_f64) {
            Some(Ok(duration)) => Ok(Some(duration)),
            _ => Err(wrong(name, "a number of seconds, zero or more", &self.values[name])),
        }
    }

    /// Returns a list of texts; a text is split at commas, without trimming unless `trim`.
    pub fn list(&self, name: &str, trim: bool) -> Result<Option<Vec<String>>, ParamError> {
        let item = |text: &str| if trim { text.trim().to_owned() } else { text.to_owned() };
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.split(',').map(item).collect())),
            Some(Json::Array(list)) => list
                .iter()
                .map(|entry| match entry {
                    Json::String(text) => Ok(item(text)),
                    Json::Number(number) => Ok(number.to_string()),
                    other => Err(wrong(name, "a list of texts", other)),
                })
                .collect::<Result<Vec<_>, _>>()
                .map(Some),
            Some(other) => Err(wrong(name, "a list, or a text separated by commas", other)),
        }
    }
}

fn wrong(name: &str, wanted: &str, found: &Json) -> ParamError {
    ParamError { name: name.to_owned(), problem: format!("must be {wanted}, not {found}") }
}
