//! PostgreSQL: the only place that names its library. Outputs insert; whoever looks at a result asks.

mod cell;
mod client;
#[cfg(test)]
pub(crate) mod server;
mod tls;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, SimpleQueryMessage, Statement};

use self::cell::Cell;
use self::client::{Client, Trouble};
use self::tls::Tls;
use super::{PATIENCE, Rows};
use crate::bots::{Failure, Site};
use crate::message::Value;
use crate::pipeline::{ParamError, Params};
use crate::tls::{Trust, config};

/// How long a connection may be dead before it counts as lost.
const GONE: Duration = Duration::from_secs(30);
/// How long the server may work on what a writer wants, locks included.
const WORK: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 30 });
/// How many statements a connection keeps ready.
const READY: usize = 256;

/// Where a server is, which database is meant, and how it is spoken to.
#[derive(Clone)]
pub(in crate::bots) struct Address {
    config: Config,
    tls: Tls,
    /// How long connecting and logging in may take.
    patience: Duration,
    name: String,
}

impl Address {
    /// Reads it from the parameters of an output.
    pub(super) fn of(
        params: &Params,
        site: &Site,
        database: &str,
        patience: Duration,
    ) -> Result<Address, Failure> {
        let host = params.text("host")?.unwrap_or_else(|| "localhost".to_owned());
        let port = params.int("port")?.unwrap_or(5432);
        let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| ParamError {
            name: "port".to_owned(),
            problem: format!("must be a port, 1 to 65535, not {port}"),
        })?;
        let mode = params.text("sslmode")?.unwrap_or_else(|| "require".to_owned());
        let ca = || match params.text("ssl_ca_certificate") {
            Ok(Some(path)) => Ok(Trust::Bundle(site.path(&path))),
            Ok(None) => Ok(Trust::System),
            Err(error) => Err(error),
        };
        let (ssl, trust) = match mode.as_str() {
            "disable" => (SslMode::Disable, Trust::Everything),
            "allow" | "prefer" => (SslMode::Prefer, Trust::Everything),
            "require" => (SslMode::Require, Trust::Everything),
            "verify-ca" | "verify-full" => (SslMode::Require, ca()?),
            _ => {
                let known = "disable, allow, prefer, require, verify-ca or verify-full";
                let problem = format!("must be {known}, not {mode:?}");
                return Err(ParamError { name: "sslmode".to_owned(), problem }.into());
            }
        };
        let tls = config(&trust, None).map_err(|error| Failure::Configuration(error.to_string()))?;
        let is_socket = host.starts_with('/');
        let mut config = Config::new();
        config.dbname(database).port(port).application_name("intelmq-lab");
        // A server that is gone without a word is missed after so long.
        config.keepalives_idle(GONE).tcp_user_timeout(GONE);
        if is_socket {
            config.host_path(Path::new(&host));
        } else {
            config.host(&host);
        }
        // A socket of this machine has no TLS, whatever is wanted.
        config.ssl_mode(if is_socket { SslMode::Disable } else { ssl });
        config.user(params.text("user")?.unwrap_or_else(|| "intelmq".to_owned()));
        if let Some(password) = params.text("password")? {
            config.password(password);
        }
        // None at all would be for ever.
        let patience = if patience.is_zero() { GONE } else { patience };
        let name = format!("{database} at {host}:{port}");
        Ok(Address { config, tls: Tls(Arc::new(tls)), patience, name })
    }

    /// Connects; `limit` is how long the server may work on a statement.
    fn connect(&self, limit: Duration) -> Result<Client, String> {
        Client::connect(&self.config, self.tls.clone(), self.patience, limit).map_err(|error| error.told())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A database that is written to.
pub(super) struct Writer {
    address: Address,
    client: Client,
    statements: HashMap<(String, Vec<Type>), Statement>,
    /// What the open transaction has inserted, to be done again if the server throws it away.
    rows: Vec<Row>,
    /// Whether a transaction is open.
    open: bool,
    /// Whether the transaction was thrown away and could not be done again.
    lost: bool,
}

/// A row to insert.
struct Row {
    statement: String,
    cells: Vec<Cell>,
}

impl Writer {
    pub(super) fn open(address: &Address) -> Result<Writer, String> {
        let client = address.connect(WORK)?;
        Ok(Writer {
            address: address.clone(),
            client,
            statements: HashMap::new(),
            rows: Vec::new(),
            open: false,
            lost: false,
        })
    }

    /// Inserts a row on the connection that there is.
    fn run(&mut self, row: &Row) -> Result<(), Trouble> {
        if !self.open {
            self.client.begin("")?;
            self.open = true;
        }
        let kinds: Vec<Type> = row.cells.iter().map(|cell| cell.kind.clone()).collect();
        let key = (row.statement.clone(), kinds);
        if self.statements.len() >= READY && !self.statements.contains_key(&key) {
            self.statements.clear();
        }
        let statement = if let Some(statement) = self.statements.get(&key) {
            statement.clone()
        } else {
            let statement = self.client.wait(self.client.inner().prepare_typed(&row.statement, &key.1))?;
            self.statements.entry(key).or_insert(statement).clone()
        };
        let cells: Vec<&(dyn ToSql + Sync)> =
            row.cells.iter().map(|cell| -> &(dyn ToSql + Sync) { cell }).collect();
        self.client.wait(self.client.inner().execute(&statement, &cells)).map(drop)
    }

    /// Has a transaction with the same rows again after an error, which throws the whole of it away.
    fn again(&mut self, connection_is_lost: bool) -> Result<(), String> {
        self.open = false;
        if connection_is_lost {
            self.statements.clear();
            self.client = self.address.connect(WORK)?;
        } else {
            self.client.run("ROLLBACK").map_err(|error| error.told())?;
        }
        let rows = std::mem::take(&mut self.rows);
        rows.iter().try_for_each(|row| self.run(row)).map_err(|error| error.told())?;
        self.rows = rows;
        Ok(())
    }
}

impl super::Writer for Writer {
    fn make(&mut self, statement: &str) -> Result<(), String> {
        self.client.run(statement).map_err(|error| error.told())
    }

    fn insert(&mut self, statement: &str, values: &[&Value]) -> Result<(), String> {
        if self.lost {
            return Err("the transaction was lost".to_owned());
        }
        let cells = values.iter().map(|value| Cell::of(value)).collect();
        let row = Row { statement: statement.to_owned(), cells };
        if let Err(error) = self.run(&row) {
            let cut = error.is_cut() || self.client.inner().is_closed();
            if let Err(problem) = self.again(cut) {
                self.lost = true;
                return Err(if cut { problem } else { error.told() });
            }
            if !cut {
                return Err(error.told());
            }
            if let Err(error) = self.run(&row) {
                self.lost = self.again(error.is_cut()).is_err();
                return Err(error.told());
            }
        }
        self.rows.push(row);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.lost) {
            return Err("the transaction was lost".to_owned());
        }
        self.rows.clear();
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        self.client.run("COMMIT").map_err(|error| error.told())
    }
}

/// Asks within the rights of the user, in a transaction that can write nothing, and returns the first rows; every value is a text.
pub(super) fn ask(address: &Address, query: &str, most: usize) -> Result<Rows, String> {
    let client = address.connect(PATIENCE)?;
    let rows = || -> Result<Vec<SimpleQueryMessage>, Trouble> {
        client.begin("READ ONLY")?;
        // A cursor is for a query only, and what is prepared is one statement only.
        client.wait(client.inner().execute(&format!("DECLARE asked CURSOR FOR {query}"), &[]))?;
        client.wait(client.inner().simple_query(&format!("FETCH FORWARD {most} FROM asked")))
    };
    let rows = rows().map_err(|error| error.told())?;
    let cell = |text: Option<&str>| text.map_or(Json::Null, Json::from);
    Ok(rows
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|index| cell(row.get(index))).collect()),
            _ => None,
        })
        .collect())
}
