//! Events to compare with.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Event;
use crate::diagnostic::Located;

/// Events to compare with: written in the playbook, or in a file of golden events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Golden {
    /// The file, if it is one.
    pub file: Option<Located<String>>,
    /// The events; the loader fills them in from the file.
    pub events: Vec<Event>,
}

impl Golden {
    /// Tells whether no event stands there; a file may get some.
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.events.is_empty()
    }
}

impl<'de> Deserialize<'de> for Golden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let located = Located::<Written>::deserialize(deserializer)?;
        Ok(match located.value {
            Written::File(name) => {
                Golden { file: Some(Located::new(name, located.span)), events: Vec::new() }
            }
            Written::Here(events) => Golden { file: None, events },
        })
    }
}

enum Written {
    File(String),
    Here(Vec<Event>),
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GoldenVisitor)
    }
}

struct GoldenVisitor;

impl<'de> Visitor<'de> for GoldenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file such as `expected/events.jsonl`, or a list of events")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Written, E> {
        Ok(Written::File(name.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Written, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Written::Here)
    }
}
