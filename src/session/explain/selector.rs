//! Which events are meant on the command line.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::super::SessionError;
use super::{End, Life};

/// Which events are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The delivered event with this number, counted from 1.
    Number(usize),
    /// Every message with these fields.
    Fields(Vec<(String, String)>),
}

impl Selector {
    /// Reads words such as `3`, or `source.ip=192.0.2.15 source.port=23`.
    pub fn parse(words: &[String]) -> Result<Self, SessionError> {
        if let [word] = words
            && let Ok(number) = word.parse()
            && number > 0
        {
            return Ok(Selector::Number(number));
        }
        let fields = words.iter().map(|word| match word.split_once('=') {
            Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
            _ => Err(SessionError::usage(
                "event-selector",
                format!("{word:?} names no event"),
                "give its number in `intelmq-lab events`, or fields such as source.ip=192.0.2.15",
            )),
        });
        Ok(Selector::Fields(fields.collect::<Result<_, _>>()?))
    }

    /// Lists the fields that it asks for.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let fields = match self {
            Selector::Number(_) => &[][..],
            Selector::Fields(fields) => fields,
        };
        fields.iter().map(|(field, _)| field.as_str())
    }

    /// Tells whether a life is meant.
    pub(super) fn takes(&self, life: &Life) -> bool {
        match self {
            Selector::Number(number) => life.end == End::Delivered && life.number == Some(*number),
            Selector::Fields(fields) => fields.iter().all(|(field, wanted)| match life.message.get(field) {
                Some(value) => text_of(value) == *wanted,
                None => wanted.is_empty(),
            }),
        }
    }
}

fn text_of(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => text.into(),
        value => value.to_string().into(),
    }
}
