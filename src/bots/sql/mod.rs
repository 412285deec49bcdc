//! Databases that outputs insert into, and that can be asked what is in them. One file a library.

mod postgres;
mod sqlite;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;

#[cfg(test)]
pub(crate) use self::postgres::server;
use crate::bots::{Failure, Site};
use crate::message::{FieldType, Value};
use crate::pipeline::Params;

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// Rows as they were asked for.
pub(super) type Rows = Vec<Vec<Json>>;

/// Where a database is.
pub(super) enum Database {
    /// A file of SQLite, and how long another that writes is waited for.
    File(PathBuf, Duration),
    /// A server of PostgreSQL.
    Server(Box<postgres::Address>),
}

/// A database that is written to, in transactions that the caller ends.
pub(super) trait Writer: Send {
    /// Makes what a statement says, outside of a transaction.
    fn make(&mut self, statement: &str) -> Result<(), String>;

    /// Inserts a row within the transaction, which begins now if none is open; the statement has `$1` and so on for the values.
    fn insert(&mut self, statement: &str, values: &[&Value]) -> Result<(), String>;

    /// Ends the transaction. After an error everything since its begin is undone, as far as anybody can tell.
    fn commit(&mut self) -> Result<(), String>;
}

impl Database {
    /// Reads where it is from the parameters of an output; nothing is opened yet.
    pub(super) fn of(params: &Params, site: &Site) -> Result<Database, Failure> {
        let engine = params.required_text("engine")?.to_lowercase();
        let patience = params.seconds("connect_timeout")?.unwrap_or(Duration::from_secs(5));
        let database = params.text("database")?.unwrap_or_else(|| "intelmq-events".to_owned());
        match engine.as_str() {
            "sqlite" => Ok(Database::File(site.path(&database), patience)),
            "postgresql" => {
                Ok(Database::Server(Box::new(postgres::Address::of(params, site, &database, patience)?)))
            }
            _ => Err(Failure::Configuration(format!(
                "parameter \"engine\": this version cannot speak to {engine}; use sqlite or postgresql, or the file \
                 output and a loader of the database"
            ))),
        }
    }

    /// Opens it; a file is made if there is none.
    pub(super) fn open(&self) -> Result<Box<dyn Writer>, String> {
        Ok(match self {
            Database::File(file, patience) => Box::new(sqlite::Writer::open(file, *patience)?),
            Database::Server(address) => Box::new(postgres::Writer::open(address)?),
        })
    }

    /// Asks without any way to change it, and returns the first rows.
    pub(super) fn ask(&self, query: &str, most: usize) -> Result<Rows, String> {
        match self {
            Database::File(file, _) => sqlite::ask(file, query, most),
            Database::Server(address) => postgres::ask(address, query, most),
        }
    }

    /// Returns the column that numbers the rows of a table which is made here.
    pub(super) fn id(&self) -> &'static str {
        match self {
            Database::File(..) => "id INTEGER PRIMARY KEY",
            Database::Server(_) => "id BIGSERIAL PRIMARY KEY",
        }
    }

    /// Returns the type of a column for values of a field.
    pub(super) fn column(&self, kind: FieldType) -> &'static str {
        match (self, kind) {
            (Database::File(..), FieldType::Integer | FieldType::Asn | FieldType::Boolean) => "INTEGER",
            (_, FieldType::Float | FieldType::Accuracy) => "REAL",
            (Database::Server(_), FieldType::Integer | FieldType::Asn) => "BIGINT",
            (Database::Server(_), FieldType::Boolean) => "BOOLEAN",
            (Database::Server(_), FieldType::IpAddress | FieldType::IpNetwork) => "INET",
            (Database::Server(_), FieldType::DateTime) => "TIMESTAMP WITH TIME ZONE",
            (Database::Server(_), FieldType::Json | FieldType::JsonDict) => "JSONB",
            _ => "TEXT",
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::File(file, _) => file.display().fmt(f),
            Database::Server(address) => address.fmt(f),
        }
    }
}
