//! IntelMQ messages: reports and events, their fields, types, wire form, hash and export.
//!
//! Everything here behaves as IntelMQ 3.5.0 does, byte for byte where it is written; the golden tests prove it.

mod idf;
mod kind;
mod store;
mod value;

pub use idf::{FieldSpec, HarmonizationError, Idf, Key};
pub use kind::FieldType;
pub use store::{Add, Message, MessageError, MessageType};
pub use value::Value;
