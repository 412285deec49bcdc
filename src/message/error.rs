//! Why a field was not stored, a message not read.

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

/// Why bytes are not a message; they are kept in the dump, not lost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not text.
    #[error("the message is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// The text is not JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but not `{…}`.
    #[error("the message is JSON, but not an object")]
    NotObject,
    /// `__type` is missing, so that nobody knows what it is.
    #[error("the message has no \"__type\"; it must be \"Event\" or \"Report\"")]
    NoType,
    /// `__type` is neither `Event` nor `Report`.
    #[error("the message has the unknown \"__type\" {0}; it must be \"Event\" or \"Report\"")]
    UnknownType(String),
    /// A key or a value is not allowed by the data format.
    #[error(transparent)]
    Field(#[from] MessageError),
}
