//! One message: its fields in the order they were added, and the rules for adding them.

use std::sync::Arc;

use super::idf::{Idf, Key};
use super::value::Value;

/// Whether a message is a report (raw data of a feed) or an event (one finding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Raw data as a collector fetched it.
    Report,
    /// One finding, in IntelMQ's data format.
    Event,
}

/// A report or an event.
#[derive(Debug, Clone)]
pub struct Message {
    // H1
}

/// How [`Message::add_with`] treats a value.
#[derive(Debug, Clone, Copy)]
pub struct Add {
    /// Converts the value to the field's type first; otherwise it must be valid as it is.
    pub sanitize: bool,
    /// What happens if the key is there: `None` is an error, `Some(false)` keeps the old value, `Some(true)` replaces it.
    pub overwrite: Option<bool>,
}

/// Why a field was not stored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MessageError {
    /// The key is there already.
    #[error("key {0:?} already exists")]
    KeyExists(String),
    /// The key is not there.
    #[error("key {0:?} does not exist")]
    KeyNotExists(String),
    /// The data format has no such field.
    #[error("key {0:?} is not allowed in a message of this type")]
    InvalidKey(String),
    /// The value does not fit the field's type, length or pattern.
    #[error("invalid value {value} for key {key:?}: {reason}")]
    InvalidValue {
        /// The field.
        key: String,
        /// The value as Python prints it.
        value: String,
        /// Which rule it broke.
        reason: String,
    },
}

#[allow(missing_docs, unused_variables)]
impl Message {
    /// Makes an empty event.
    pub fn event(idf: &Arc<Idf>) -> Message {
        unimplemented!()
    }
    /// Makes a report; `time.observation` is set to now.
    pub fn report(idf: &Arc<Idf>) -> Message {
        unimplemented!()
    }
    /// Makes an event with the fields that a report hands on (facts §2.3), and those in `also`.
    pub fn event_from(report: &Message, also: &[String]) -> Message {
        unimplemented!()
    }
    /// Report made from an event, as intelmqdump does.
    pub fn into_report(self) -> Message {
        unimplemented!()
    }
    pub fn message_type(&self) -> MessageType {
        unimplemented!()
    }
    pub fn idf(&self) -> &Arc<Idf> {
        unimplemented!()
    }
    pub fn get(&self, name: &str) -> Option<&Value> {
        unimplemented!()
    }
    pub fn get_key(&self, key: &Key) -> Option<&Value> {
        unimplemented!()
    }
    /// Text of a field, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        unimplemented!()
    }
    /// Python's `in`: true for `extra` if any `extra.*` is there.
    pub fn contains(&self, name: &str) -> bool {
        unimplemented!()
    }
    /// Fields in the order they were added, as (name, value).
    pub fn iter(&self) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, &Value)> {
        std::iter::empty()
    }
    pub fn len(&self) -> usize {
        unimplemented!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Python's `add(key, value)`: sanitises, refuses an existing key. Ok(true) = stored, Ok(false) = ignored value.
    pub fn add(&mut self, name: &str, value: impl Into<Value>) -> Result<bool, MessageError> {
        unimplemented!()
    }
    /// Python's `add` with its switches.
    pub fn add_with(&mut self, name: &str, value: Value, how: Add) -> Result<bool, MessageError> {
        unimplemented!()
    }
    pub fn add_key(&mut self, key: &Key, value: Value, how: Add) -> Result<bool, MessageError> {
        unimplemented!()
    }
    /// Python's `change`: the key must exist.
    pub fn change(&mut self, name: &str, value: Value) -> Result<bool, MessageError> {
        unimplemented!()
    }
    /// Removes a field (`extra` removes all sub-keys); returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        unimplemented!()
    }
    /// The bytes of `raw`.
    pub fn raw(&self) -> Option<Vec<u8>> {
        unimplemented!()
    }
}
