//! SQLite: the only place that names its library. Outputs insert; whoever looks at a result asks.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde_json::Value as Json;

use crate::message::{Value, json};

/// The most rows that a question gives.
const ROWS: usize = 10_000;

/// A database that is written to, in transactions that the caller ends.
pub(super) struct Writer {
    connection: Connection,
    /// Whether a transaction was thrown away by the database itself.
    lost: bool,
}

impl Writer {
    /// Opens a database, which is made if there is none; `patience` is how long another writer is waited for.
    pub(super) fn open(file: &Path, patience: Duration) -> Result<Writer, String> {
        let connection = Connection::open(file).map_err(|error| error.to_string())?;
        connection.busy_timeout(patience).map_err(|error| error.to_string())?;
        Ok(Writer { connection, lost: false })
    }

    /// Makes what a statement says, outside of a transaction.
    pub(super) fn make(&self, statement: &str) -> Result<(), String> {
        self.connection.execute_batch(statement).map_err(|error| error.to_string())
    }

    /// Does one statement within the transaction, which begins now if none is open.
    pub(super) fn insert(&mut self, statement: &str, values: &[&Value]) -> Result<(), String> {
        if self.lost {
            return Err("the transaction was lost".to_owned());
        }
        if self.connection.is_autocommit() {
            self.make("BEGIN IMMEDIATE")?;
        }
        let done = self
            .connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute(params_from_iter(values.iter().map(|v| lower(v)))));
        // Some errors take the whole transaction with them, so that what was inserted before is gone too.
        self.lost = done.is_err() && self.connection.is_autocommit();
        done.map(drop).map_err(|error| error.to_string())
    }

    /// Ends the transaction. After an error everything since its begin is undone.
    pub(super) fn commit(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.lost) {
            return Err("the transaction was lost".to_owned());
        }
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.make("COMMIT").inspect_err(|_| {
            // The connection may be beyond that; it is thrown away then.
            let _ = self.make("ROLLBACK");
        })
    }
}

fn lower(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Cell;
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Integer((*value).into()),
        Value::Int(value) => Cell::Integer(*value),
        Value::Float(value) => Cell::Real(*value),
        Value::Text(value) => Cell::Text(value.clone()),
        Value::Bytes(value) => Cell::Blob(value.clone()),
        Value::BigInt(_) | Value::List(_) | Value::Map(_) => Cell::Text(json::to_text(value, false, false)),
    }
}

/// Asks a database file without any way to change it, and returns the rows.
pub fn ask(file: &Path, query: &str) -> Result<Vec<Vec<Json>>, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| error.to_string())?;
    let rows = || -> rusqlite::Result<Vec<Vec<Json>>> {
        connection.busy_timeout(Duration::from_secs(2))?;
        // Nothing outside this file can be reached either.
        connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let mut statement = connection.prepare(query)?;
        let width = statement.column_count();
        let mut found = statement.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let cells: rusqlite::Result<Vec<Json>> =
                (0..width).map(|index| Ok(lift(row.get_ref(index)?))).collect();
            rows.push(cells?);
            if rows.len() >= ROWS {
                break;
            }
        }
        Ok(rows)
    };
    rows().map_err(|error| error.to_string())
}

fn lift(cell: ValueRef<'_>) -> Json {
    match cell {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}
