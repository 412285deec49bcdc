//! Inserts events into a table of an SQL database.

#[cfg(test)]
mod tests;

use serde_json::Value as Json;

use crate::bots::sql::{Database, Writer};
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Reach, Site};
use crate::message::{Export, Idf, Message, MessageType, Value};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The SQL output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.sql.output",
        kind: Kind::Output,
        summary: "Inserts events into a table of an SQL database, a batch in one transaction; at least once.",
        params: &[
            Param::required(
                "engine",
                ParamKind::Choice(&["sqlite", "postgresql", "mysql", "mssql"]),
                "The database; this version speaks to sqlite and postgresql.",
            ),
            Param::new(
                "database",
                ParamKind::Text,
                "\"intelmq-events\"",
                "The file of sqlite, the name of another.",
            ),
            Param::new("table", ParamKind::Text, "\"events\"", "The table."),
            Param::new(
                "fields",
                ParamKind::List,
                "null",
                "Inserts these fields only; all if it is empty. `extra` is one of them.",
            ),
            Param::new(
                "message_jsondict_as_string",
                ParamKind::Bool,
                "true",
                "Puts `extra.*` into one column `extra`, as JSON.",
            ),
            Param::new("jsondict_as_string", ParamKind::Bool, "true", "Has no effect, as in IntelMQ 3.5.0."),
            Param::new(
                "create_table",
                ParamKind::Bool,
                "false",
                "Makes the table with a column for every field of the data format, if there is none. Not in IntelMQ.",
            ).ours(),
            Param::new(
                "connect_timeout",
                ParamKind::Int,
                "5",
                "Seconds to wait for another that writes, with sqlite; for the connection, with another.",
            ),
            Param::new(
                "host",
                ParamKind::Text,
                "\"localhost\"",
                "The server, or the folder of its socket; not used by sqlite.",
            ),
            Param::new("port", ParamKind::Text, "\"5432\"", "Its port; not used by sqlite."),
            Param::new("user", ParamKind::Text, "\"intelmq\"", "The user; not used by sqlite."),
            Param::new("password", ParamKind::Text, "null", "The password; not used by sqlite."),
            Param::new(
                "sslmode",
                ParamKind::Choice(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
                "\"require\"",
                "Whether TLS is spoken, and whether the server's certificate is checked; not used by sqlite.",
            ),
            Param::new(
                "autocommit",
                ParamKind::Bool,
                "true",
                "Has no effect: a batch of events is committed before it is acknowledged.",
            ),
            Param::new(
                "reconnect_delay",
                ParamKind::Int,
                "0",
                "Has no effect: `error_retry_delay` is the rest before another try.",
            ),
            Param::new(
                "fail_on_errors",
                ParamKind::Bool,
                "false",
                "Has no effect: an event that the database refuses is always retried, then dumped.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct Sql {
    database: Database,
    table: String,
    fields: Vec<String>,
    how: Export,
    /// What makes the table, if it shall be made.
    creation: Option<String>,
    writer: Option<Box<dyn Writer>>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let database = Database::of(params, site)?;
    let table = params.text("table")?.unwrap_or_else(|| "events".to_owned());
    let table = table.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let fields = params.list("fields", true)?.unwrap_or_default();
    let creation = params.flag("create_table").then(|| creation(&database, &table, &site.idf));
    let gather =
        params.get("message_jsondict_as_string").is_none() || params.flag("message_jsondict_as_string");
    Ok(Bot::Output(Box::new(Sql {
        database,
        table,
        fields: fields.into_iter().filter(|field| !field.is_empty()).collect(),
        how: Export { jsondict_as_string: gather, ..Export::default() },
        creation,
        writer: None,
    })))
}

/// Asks the database that an output with these parameters writes.
pub(super) fn ask(params: &Params, site: &Site, query: &str, most: usize) -> Result<Vec<Vec<Json>>, Failure> {
    Database::of(params, site)?.ask(query, most).map_err(Failure::Other)
}

/// Writes a name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the statement that makes a table with a column for every field of events.
fn creation(database: &Database, table: &str, idf: &Idf) -> String {
    let fields = idf.fields(MessageType::Event);
    let columns = fields.map(|field| format!("{} {}", quoted(&field.name), database.column(field.kind)));
    let columns: Vec<String> = std::iter::once(database.id().to_owned()).chain(columns).collect();
    format!("CREATE TABLE IF NOT EXISTS {table} ({})", columns.join(", "))
}

impl Sql {
    fn writer(&mut self) -> Result<&mut Box<dyn Writer>, String> {
        if self.writer.is_none() {
            let mut writer = self.database.open()?;
            if let Some(creation) = &self.creation {
                writer.make(creation)?;
            }
            self.writer = Some(writer);
        }
        self.writer.as_mut().ok_or_else(|| "the database is not open".to_owned())
    }

    fn insert(&mut self, event: &Message) -> Result<(), String> {
        let Value::Map(mut items) = event.to_dict(&self.how) else { return Ok(()) };
        items.retain(|(name, _)| self.fields.is_empty() || self.fields.contains(name));
        if items.is_empty() {
            return Err("the event has none of the fields that are to be inserted".to_owned());
        }
        let names: Vec<String> = items.iter().map(|(name, _)| quoted(name)).collect();
        let places: Vec<String> = (1..=names.len()).map(|number| format!("${number}")).collect();
        let (names, places) = (names.join(", "), places.join(", "));
        let statement = format!("INSERT INTO {} ({names}) VALUES ({places})", self.table);
        let values: Vec<&Value> = items.iter().map(|(_, value)| value).collect();
        self.writer()?.insert(&statement, &values)
    }

    fn failure(&self, problem: &str) -> Failure {
        Failure::Other(format!("the database {}: {problem}", self.database))
    }
}

impl Output for Sql {
    fn write(&mut self, event: &Message, _context: &mut Context) -> Result<(), Failure> {
        self.insert(event).map_err(|problem| self.failure(&problem))
    }

    fn flush(&mut self, _context: &mut Context) -> Result<(), Failure> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let committed = writer.commit();
        if committed.is_err() {
            self.writer = None;
        }
        committed.map_err(|problem| self.failure(&problem))
    }

    fn reach(&self) -> Reach {
        Reach::WithFlush
    }
}
