//! IntelMQ messages: reports and events, their fields, types, wire form, hash and export.
//!
//! Everything here behaves as IntelMQ 3.5.0 does, byte for byte where it is written; the golden tests prove it.

mod add;
mod address;
pub mod classification;
mod conf;
pub mod datetime;
mod described;
pub mod domain;
mod entries;
mod error;
mod export;
mod fields;
mod hash;
mod idf;
mod intern;
pub mod json;
mod kind;
mod lazy;
mod number;
mod order;
mod packed;
mod pattern;
pub mod python;
mod store;
mod text;
mod url;
mod value;
mod wire;

#[cfg(test)]
mod tests;

pub use add::Add;
pub use error::{MessageError, WireError};
pub use export::Export;
pub use hash::{Filter, KeyHash};
pub use idf::{FieldSpec, HarmonizationError, Idf, Key};
pub use kind::{FieldType, Raised};
pub use lazy::Text;
pub use packed::unpacked;
pub use store::{Message, MessageType};
pub use value::Value;
