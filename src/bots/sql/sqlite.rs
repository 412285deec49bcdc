//! SQLite: the only place that names its library. Outputs insert; whoever looks at a result asks.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use serde_json::Value as Json;

use super::{PATIENCE, Rows};
use crate::message::{Value, json};

/// A file that is written to.
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
}

impl super::Writer for Writer {
    fn make(&mut self, statement: &str) -> Result<(), String> {
        self.connection.execute_batch(statement).map_err(|error| error.to_string())
    }

    fn insert(&mut self, statement: &str, values: &[&Value]) -> Result<(), String> {
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

    fn commit(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.lost) {
            return Err("the transaction was lost".to_owned());
        }
        if self.connection.is_autocommit() {
            return Ok(());
        }
        let committed = self.make("COMMIT");
        if committed.is_err() {
            // The connection may be beyond that; it is thrown away then.
            let _ = self.make("ROLLBACK");
        }
        committed
    }
}

fn lower(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Cell;
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Integer((*value).into()),
        Value::Int(value) => Cell::Integer(*value),
        Value::Float(value) => Cell::Real(*value),
        Value::Text(value) => Cell::Text(value.as_str().to_owned()),
        Value::Bytes(value) => Cell::Blob(value.clone()),
        Value::BigInt(_) | Value::List(_) | Value::Map(_) => Cell::Text(json::to_text(value, false, false)),
    }
}

/// Asks a database file without any way to change it, and returns the first rows.
pub(super) fn ask(file: &Path, query: &str, most: usize) -> Result<Rows, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(|error| error.to_string())?;
    let interrupt = connection.get_interrupt_handle();
    let (done, over) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let rows = rows(&connection, query, most).map_err(|error| error.to_string());
        drop(done);
        rows
    })
}

fn rows(connection: &Connection, query: &str, most: usize) -> rusqlite::Result<Rows> {
    connection.busy_timeout(Duration::from_secs(2))?;
    // Nothing outside this file can be reached either.
    connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    let mut statement = connection.prepare(query)?;
    let width = statement.column_count();
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while rows.len() < most
        && let Some(row) = found.next()?
    {
        let cells: rusqlite::Result<Vec<Json>> =
            (0..width).map(|index| Ok(lift(row.get_ref(index)?))).collect();
        rows.push(cells?);
    }
    Ok(rows)
}

fn lift(cell: ValueRef<'_>) -> Json {
    match cell {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}
