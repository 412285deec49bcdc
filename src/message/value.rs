//! A value as IntelMQ's messages hold it: JSON that tells integers from floats and keeps the order of objects.

use super::lazy::Text;

/// One value of a message.
///
/// Integers keep their size and floats stay floats (`80` and `80.0` are different values and hash differently),
/// as in Python. Objects keep the order of their keys.
#[derive(Debug, Clone)]
pub enum Value {
    /// JSON `null`; only below `extra`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A larger integer, as its decimal digits.
    BigInt(Box<str>),
    /// A float; `NaN` and infinities occur.
    Float(f64),
    /// Text.
    Text(Text),
    /// Bytes; only on their way into a message, which stores what its field type makes of them.
    Bytes(Vec<u8>),
    /// A list; only below `extra`.
    List(Vec<Value>),
    /// An object in the order it was written; only below `extra`.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Returns the text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the bytes that this is the Base64 of, if they are at hand.
    pub(crate) fn decoded(&self) -> Option<&[u8]> {
        match self {
            Value::Text(text) => text.decoded(),
            _ => None,
        }
    }

    /// Returns the value with a text that clones share, if it is a text.
    #[must_use]
    pub fn shared(self) -> Value {
        match self {
            Value::Text(text) => Value::Text(text.shared()),
            other => other,
        }
    }

    /// Returns the integer, if this is one of at most 64 bits.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the number, if this is an integer or a float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::BigInt(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// Returns the truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Tells whether Python's `bool()` of the value is true.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Int(number) => *number != 0,
            Value::BigInt(_) => true,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(items) => !items.is_empty(),
        }
    }

    /// Tells whether adding this value to a message does nothing: nothing, empty text, `-` and `N/A`.
    pub fn is_ignored(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(text) => match text.decoded() {
                Some(bytes) => bytes.is_empty(),
                None => matches!(text.as_str(), "" | "-" | "N/A"),
            },
            _ => false,
        }
    }

    /// Returns the entry of an object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(items) => items.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Equal kind and equal content; floats are equal when their bits are, so that `NaN` equals itself and `0.0` is not `-0.0`.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::BigInt(a), Value::BigInt(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::from(text.as_str())
    }
}

impl From<std::borrow::Cow<'_, str>> for Value {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        Value::from(text.into_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Value::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Value::Bytes(bytes.to_vec())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Value::Int(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Int(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Value::Int(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string().into()), Value::Int)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::List(items)
    }
}

impl From<Vec<(String, Value)>> for Value {
    fn from(items: Vec<(String, Value)>) -> Self {
        Value::Map(items)
    }
}

/// Reads JSON as serde_json has it; a number too large for it is a float already.
impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::from(number),
                _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Value::from(text),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Value::from).collect()),
            serde_json::Value::Object(items) => {
                Value::Map(items.into_iter().map(|(key, value)| (key, Value::from(value))).collect())
            }
        }
    }
}
