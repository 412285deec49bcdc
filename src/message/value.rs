//! A value as IntelMQ's messages hold it: JSON that tells integers from floats and keeps the order of objects.

/// One value of a message.
///
/// Integers keep their size and floats stay floats (`80` and `80.0` are different values and hash differently),
/// as in Python. Objects keep the order of their keys.
#[derive(Debug, Clone, PartialEq)]
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
    Text(String),
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
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
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
