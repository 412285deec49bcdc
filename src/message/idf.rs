//! The IntelMQ data format: which fields a report and an event may have.

use std::sync::Arc;

use super::kind::FieldType;

/// The fields of reports and events: IntelMQ's own, or those of a site's `harmonization.conf`.
#[derive(Debug)]
pub struct Idf {
    // H1: event fields, report fields, index by name
}

/// One field of a report or an event.
#[derive(Debug, Clone)]
pub struct FieldSpec {
    /// The dotted name, such as `source.ip`.
    pub name: Box<str>,
    /// What values it takes.
    pub kind: FieldType,
}

/// A field's name, looked up once so that reading and adding cost no text comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    // H1: index of the field + optional sub-key of a JSONDict field
}

/// Why a `harmonization.conf` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct HarmonizationError(pub String);

impl Idf {
    /// Returns IntelMQ 3.5.0's own fields.
    pub fn builtin() -> Arc<Idf> {
        unimplemented!()
    }

    /// Reads a `harmonization.conf` (JSON).
    pub fn parse(_text: &str) -> Result<Arc<Idf>, HarmonizationError> {
        unimplemented!()
    }
}
