//! The rules for adding fields to a message.

use super::error::MessageError;
use super::idf::{FieldSpec, Key, Place};
use super::json;
use super::kind::FieldType;
use super::python;
use super::store::Message;
use super::value::Value;

/// How [`Message::add_with`] treats a value.
#[derive(Debug, Clone, Copy)]
pub struct Add {
    /// Converts the value to the field's type first; otherwise it must be valid as it is.
    pub sanitize: bool,
    /// What happens if the key is there: `None` is an error, `Some(false)` keeps the old value, `Some(true)` replaces it.
    pub overwrite: Option<bool>,
}

impl Default for Add {
    /// Sanitises, and refuses a key that is there.
    fn default() -> Self {
        Add { sanitize: true, overwrite: None }
    }
}

impl Add {
    /// Sanitises, and replaces the value of a key that is there.
    pub const REPLACE: Add = Add { sanitize: true, overwrite: Some(true) };
    /// Sanitises, and keeps the value of a key that is there.
    pub const KEEP: Add = Add { sanitize: true, overwrite: Some(false) };
    /// Takes the value as it is, and refuses a key that is there.
    pub const RAW: Add = Add { sanitize: false, overwrite: None };
}

/// What becomes of a value that is to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The field is there and may not be replaced.
    Refuse,
    /// Nothing is to be stored.
    Ignore,
    /// It is a new field.
    Push,
    /// It replaces what is there.
    Replace,
}

impl Message {
    /// Adds a field as Python's `add(key, value)` does: sanitises, refuses an existing key.
    ///
    /// Returns whether it was stored; nothing, empty text, `-` and `N/A` are not.
    pub fn add(&mut self, name: &str, value: impl Into<Value>) -> Result<bool, MessageError> {
        self.add_with(name, value.into(), Add::default())
    }

    /// Adds a field with the switches that Python's `add` has.
    ///
    /// Returns whether it was stored. A value that is ignored removes the field if it may be replaced.
    pub fn add_with(&mut self, name: &str, value: Value, how: Add) -> Result<bool, MessageError> {
        let place = self.idf().place(name);
        match self.decide(place, &value, how.overwrite) {
            Next::Refuse => Err(MessageError::KeyExists(name.to_owned())),
            Next::Ignore => Ok(false),
            next => {
                let key = self.key_at(place, name)?;
                self.store(key, value, how.sanitize, next)
            }
        }
    }

    /// Adds a field by a key of this message's data format; otherwise like [`Message::add_with`].
    pub fn add_key(&mut self, key: &Key, value: Value, how: Add) -> Result<bool, MessageError> {
        match self.decide(Some(key.place()), &value, how.overwrite) {
            Next::Refuse => Err(MessageError::KeyExists(self.idf().name(key).into_owned())),
            Next::Ignore => Ok(false),
            next => self.store(key.clone(), value, how.sanitize, next),
        }
    }

    /// Changes a field as Python's `change` does: the key must exist; a value that is ignored removes it.
    pub fn change(&mut self, name: &str, value: impl Into<Value>) -> Result<bool, MessageError> {
        if !self.contains(name) {
            return Err(MessageError::KeyNotExists(name.to_owned()));
        }
        self.add_with(name, value.into(), Add::REPLACE)
    }

    /// Sets many fields, replacing what is there: each as it is if it is valid so, sanitised otherwise.
    ///
    /// Stops at the first that cannot be stored; those before it are.
    pub fn update<'a>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<(), MessageError> {
        for (name, value) in pairs {
            let place = self.idf().place(name);
            let next = self.decide(place, &value, Some(true));
            if next != Next::Ignore {
                let key = self.key_at(place, name)?;
                self.store_either(key, value, next)?;
            }
        }
        Ok(())
    }

    fn key_at(&self, place: Option<Place>, name: &str) -> Result<Key, MessageError> {
        let key = place.and_then(|place| self.idf().key_at(self.message_type(), place));
        key.ok_or_else(|| MessageError::InvalidKey(name.to_owned()))
    }

    /// Does what comes before a look at the type of the field.
    fn decide(&mut self, place: Option<Place>, value: &Value, overwrite: Option<bool>) -> Next {
        match (place.filter(|place| self.fields.has(*place)), overwrite) {
            (None, _) if value.is_ignored() => Next::Ignore,
            (None, _) => Next::Push,
            (Some(_), None) => Next::Refuse,
            (Some(_), Some(false)) => Next::Ignore,
            (Some(place), Some(true)) if value.is_ignored() => {
                self.fields.remove(place);
                Next::Ignore
            }
            (Some(_), Some(true)) => Next::Replace,
        }
    }

    /// Stores a value as it is if it is valid so, sanitised otherwise.
    pub(super) fn store_either(&mut self, key: Key, value: Value, next: Next) -> Result<bool, MessageError> {
        let Some(spec) = self.idf().spec(self.message_type(), key.id) else {
            return Err(MessageError::InvalidKey(self.idf().name(&key).into_owned()));
        };
        let valid =
            key.sub.is_some() || spec.kind.check(&value).map_err(|why| self.invalid(&key, &value, &why))?;
        let sanitize = !valid || spec.limits(&value).is_err();
        self.store(key, value, sanitize, next)
    }

    /// Sanitises, validates and stores.
    fn store(&mut self, key: Key, value: Value, sanitize: bool, next: Next) -> Result<bool, MessageError> {
        let Some(spec) = self.idf().spec(self.message_type(), key.id) else {
            return Err(MessageError::InvalidKey(self.idf().name(&key).into_owned()));
        };
        let value = match sanitized(spec, &key, value, sanitize) {
            Ok(value) => value,
            Err((value, reason)) => return Err(self.invalid(&key, &value, &reason)),
        };
        if spec.kind == FieldType::JsonDict && key.sub.is_none() {
            return Ok(self.store_dict(&key, &value));
        }
        match next {
            Next::Push => self.fields.push(key, value),
            _ => self.fields.put(key, value),
        }
        Ok(true)
    }

    /// Stores every entry of an object's JSON text under its own key, whatever that looks like.
    fn store_dict(&mut self, key: &Key, text: &Value) -> bool {
        self.fields.remove(key.place());
        let keep_empty = self.idf().base(key) == "extra";
        if let Some(Ok(Value::Map(items))) = text.as_str().map(|text| json::parse(text.as_bytes())) {
            for (sub, value) in items {
                if keep_empty || !value.is_ignored() {
                    self.fields.push(Key { id: key.id, sub: Some(sub.into()) }, value);
                }
            }
        }
        true
    }

    fn invalid(&self, key: &Key, value: &Value, reason: &impl ToString) -> MessageError {
        MessageError::InvalidValue {
            key: self.idf().name(key).into_owned(),
            value: python::repr(value),
            reason: reason.to_string(),
        }
    }
}

/// Makes a value fit for storing, or gives it back with the reason why it cannot be.
fn sanitized(spec: &FieldSpec, key: &Key, value: Value, sanitize: bool) -> Result<Value, (Value, String)> {
    let value = match value {
        Value::Bytes(bytes) if key.sub.is_some() => Value::from(super::text::decode(&bytes)),
        value => value,
    };
    if key.sub.is_some() || !sanitize {
        return match fits(spec, key, &value) {
            Ok(()) => Ok(value),
            Err(reason) => Err((value, reason)),
        };
    }
    let value = if spec.kind.is_clean(&value) { value } else { convert(spec.kind, value)? };
    match spec.limits(&value) {
        Ok(()) => Ok(value),
        Err(reason) => Err((value, reason)),
    }
}

fn convert(kind: FieldType, value: Value) -> Result<Value, (Value, String)> {
    // What may be large is not copied for the sake of a message that it cannot cause.
    let shown = if kind == FieldType::Base64 && value.is_truthy() { Value::Null } else { value.clone() };
    let value = match kind.sanitize_owned(value) {
        Ok(Some(value)) => value,
        Ok(None) => return Err((shown, format!("cannot be converted to {}", kind.name()))),
        Err(raised) => return Err((shown, raised.to_string())),
    };
    match kind.check(&value) {
        Ok(true) => Ok(value),
        Ok(false) => Err((value, format!("is no valid {}", kind.name()))),
        Err(raised) => Err((value, raised.to_string())),
    }
}

/// Tells why a value cannot be stored as it is.
fn fits(spec: &FieldSpec, key: &Key, value: &Value) -> Result<(), String> {
    match if key.sub.is_some() { Ok(true) } else { spec.kind.check(value) } {
        Ok(true) => {}
        Ok(false) => return Err(format!("is no valid {}", spec.kind.name())),
        Err(raised) => return Err(raised.to_string()),
    }
    spec.limits(value)
}
