//! Values as PostgreSQL takes them: as text with the type that a literal in a statement would have, so that the server makes of
//! them what it makes of the statements of IntelMQ.

use std::error::Error;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::message::{Value, json};

/// A value of a row.
#[derive(Debug)]
pub(super) struct Cell {
    /// The type that the server is told; the column's own for texts.
    pub(super) kind: Type,
    text: Option<String>,
}

impl Cell {
    pub(super) fn of(value: &Value) -> Cell {
        let (kind, text) = match value {
            Value::Null => (Type::UNKNOWN, None),
            Value::Bool(_) => (Type::BOOL, Some(json::to_text(value, false, false))),
            Value::Int(number) => (Type::INT8, Some(number.to_string())),
            Value::BigInt(_) | Value::Float(_) => (Type::NUMERIC, Some(json::to_text(value, false, false))),
            Value::Text(text) => (Type::UNKNOWN, Some(without_zeros(text))),
            Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
                (Type::UNKNOWN, Some(without_zeros(&json::to_text(value, false, false))))
            }
        };
        Cell { kind, text }
    }
}

/// JSON may hold an escaped zero, which `jsonb` cannot keep: it is escaped once more, as IntelMQ does it.
fn without_zeros(text: &str) -> String {
    text.replace("\\u0000", "\\\\u0000")
}

impl ToSql for Cell {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = &self.text else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
