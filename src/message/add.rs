//! The rules for adding fields to a message (facts §2.2).

use std::sync::Arc;

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
        let idf = Arc::clone(self.idf());
        let place = idf.place(name);
        if let Some(decided) = self.before_value(place, name, &value, how)? {
            return Ok(decided);
        }
        let key = idf.key(self.message_type(), name)?;
        self.store(key, value, how)
    }

    /// Adds a field by a key of this message's data format; otherwise like [`Message::add_with`].
    pub fn add_key(&mut self, key: &Key, value: Value, how: Add) -> Result<bool, MessageError> {
        let place = key.place();
        if self.has(place) {
            let idf = Arc::clone(self.idf());
            if let Some(decided) = self.before_value(Some(place), &idf.name(key), &value, how)? {
                return Ok(decided);
            }
        } else if value.is_ignored() {
            return Ok(false);
        }
        self.store(key.clone(), value, how)
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
            let idf = Arc::clone(self.idf());
            if self.before_value(idf.place(name), name, &value, Add::REPLACE)?.is_none() {
                let key = idf.key(self.message_type(), name)?;
                self.store_either(key, value)?;
            }
        }
        Ok(())
    }

    /// Does what comes before a look at the value's type; returns the result if that settles it.
    fn before_value(
        &mut self,
        place: Option<Place>,
        name: &str,
        value: &Value,
        how: Add,
    ) -> Result<Option<bool>, MessageError> {
        let present = place.is_some_and(|place| self.has(place));
        match (present, how.overwrite) {
            (true, None) => return Err(MessageError::KeyExists(name.to_owned())),
            (true, Some(false)) => return Ok(Some(false)),
            _ => {}
        }
        if !value.is_ignored() {
            return Ok(None);
        }
        if let (true, Some(place)) = (present, place) {
            self.remove_place(place);
        }
        Ok(Some(false))
    }

    /// Stores a value as it is if it is valid so, sanitised otherwise; replaces what is there.
    pub(super) fn store_either(&mut self, key: Key, value: Value) -> Result<bool, MessageError> {
        let Some(spec) = self.idf().spec(self.message_type(), key.id) else {
            return Err(MessageError::InvalidKey(self.idf().name(&key).into_owned()));
        };
        let valid =
            key.sub.is_some() || spec.kind.check(&value).map_err(|why| self.invalid(&key, &value, why))?;
        let sanitize = !valid || spec.limits(&value).is_err();
        self.store(key, value, Add { sanitize, overwrite: Some(true) })
    }

    /// Sanitises, validates and stores.
    fn store(&mut self, key: Key, value: Value, how: Add) -> Result<bool, MessageError> {
        let Some(spec) = self.idf().spec(self.message_type(), key.id) else {
            return Err(MessageError::InvalidKey(self.idf().name(&key).into_owned()));
        };
        let value = match sanitized(spec, &key, value, how.sanitize) {
            Ok(value) => value,
            Err((value, reason)) => return Err(self.invalid(&key, &value, reason)),
        };
        if spec.kind == FieldType::JsonDict && key.sub.is_none() {
            return Ok(self.store_dict(&key, &value));
        }
        match self.find(key.place()) {
            Some(at) => self.fields[at].1 = value,
            None => self.fields.push((key, value)),
        }
        Ok(true)
    }

    /// Stores every entry of an object's JSON text under its own key, whatever that looks like.
    fn store_dict(&mut self, key: &Key, text: &Value) -> bool {
        self.remove_place(key.place());
        let keep_empty = self.idf().base(key) == "extra";
        if let Some(Ok(Value::Map(items))) = text.as_str().map(|text| json::parse(text.as_bytes())) {
            for (sub, value) in items {
                if keep_empty || !value.is_ignored() {
                    self.fields.push((Key { id: key.id, sub: Some(sub.into()) }, value));
                }
            }
        }
        true
    }

    fn invalid(&self, key: &Key, value: &Value, reason: impl ToString) -> MessageError {
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
        Value::Bytes(bytes) if key.sub.is_some() => Value::Text(super::text::decode(&bytes)),
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
    match spec.kind.check(value) {
        _ if key.sub.is_some() => {}
        Ok(true) => {}
        Ok(false) => return Err(format!("is no valid {}", spec.kind.name())),
        Err(raised) => return Err(raised.to_string()),
    }
    spec.limits(value)
}
