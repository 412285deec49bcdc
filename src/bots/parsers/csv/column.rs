//! What becomes of the cells of one column: the fields that they are offered to, and what is made of them before.

use crate::bots::pattern::Pattern;
use crate::message::{Add, Key, Message, MessageError, Value, datetime::TimeFormat, json, python};

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    /// The fields in the order in which they are tried; nothing ends it, and the cell is left out.
    pub(super) fields: Vec<Option<Target>>,
    /// Whether a cell that no field accepts fails the row.
    pub(super) required: bool,
    /// As the parameter names it.
    pub(super) name: String,
}

/// A field that a cell is offered to, and what is done with the cell for it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) key: Key,
    pub(super) name: String,
    pub(super) search: Option<Pattern>,
    pub(super) json: bool,
    pub(super) form: Form,
}

/// What a field's name tells of how its cells are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Time,
    Url,
    Type,
    Plain,
}

impl Form {
    /// Returns the form of a field.
    pub(super) fn of(name: &str) -> Form {
        match name {
            "time.source" | "time.destination" => Form::Time,
            "classification.type" => Form::Type,
            _ if name.strip_suffix(".url").is_some() => Form::Url,
            _ => Form::Plain,
        }
    }
}

/// How cells of some fields are read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) time: TimeFormat,
    pub(super) protocol: String,
    pub(super) types: Vec<(String, Value)>,
    /// Whether a word that is not among the types is taken as it is.
    pub(super) any_type: bool,
}

impl Column {
    /// Puts a cell into the first field that accepts it; the error says why the row fails.
    pub(super) fn fill(&self, cell: &str, reading: &Reading, event: &mut Message) -> Result<(), String> {
        let mut value = Value::from(cell);
        let mut refused = None;
        for field in &self.fields {
            let target = match field {
                Some(target) if value.as_str() != Some("") => target,
                _ => return Ok(()),
            };
            // What one field made of the cell is what the next one gets.
            value = target.prepare(value)?;
            if !reading.read(target, &mut value)? {
                continue;
            }
            match event.add_key(&target.key, value.clone(), Add::default()) {
                Ok(_) => return Ok(()),
                Err(error @ MessageError::InvalidValue { .. }) => refused = Some(error.to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
        let why = || format!("no field of the column {:?} takes {}", self.name, python::repr(&value));
        if self.required && !self.fields.is_empty() { Err(refused.unwrap_or_else(why)) } else { Ok(()) }
    }
}

impl Target {
    /// Takes what the regular expression finds, and reads JSON.
    fn prepare(&self, mut value: Value) -> Result<Value, String> {
        let fault = |problem: String| format!("{}: {problem}", self.name);
        if let Some(search) = &self.search {
            let text = value.as_str().ok_or_else(|| fault(format!("{} is no text", python::repr(&value))))?;
            let found = search.search(text)?;
            value = found.and_then(|found| found.group(0).flatten().map(Value::from)).unwrap_or(Value::Null);
        }
        if self.json {
            let text = value.as_str().ok_or_else(|| fault(format!("{} is no JSON", python::repr(&value))))?;
            value = json::parse(text.as_bytes()).map_err(|error| fault(format!("not JSON: {error}")))?;
        }
        Ok(value)
    }
}

impl Reading {
    /// Reads a value as the field's form asks for; returns whether the field is offered it at all.
    fn read(&self, target: &Target, value: &mut Value) -> Result<bool, String> {
        let name = &target.name;
        match target.form {
            Form::Time if self.time.drops(value) => *value = Value::Null,
            Form::Time => {
                *value = self.time.convert(value).map_err(|error| format!("{name}: {error}"))?.into();
            }
            Form::Url => return self.read_url(name, value),
            Form::Type if !self.types.is_empty() => {
                let word = value.as_str();
                match self.types.iter().find(|(known, _)| Some(known.as_str()) == word) {
                    Some((_, kind)) => *value = kind.clone(),
                    None => return Ok(self.any_type),
                }
            }
            Form::Type | Form::Plain => {}
        }
        Ok(true)
    }

    fn read_url(&self, name: &str, value: &mut Value) -> Result<bool, String> {
        match value {
            value if !value.is_truthy() => Ok(false),
            Value::Text(text) => {
                if !text.contains("://") {
                    *text = format!("{}{}", self.protocol, text.as_str()).into();
                }
                Ok(true)
            }
            other => Err(format!("{name}: {} is no text", python::repr(other))),
        }
    }
}
