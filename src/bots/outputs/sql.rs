//! Inserts events into a table of an SQL database.

use std::path::PathBuf;
use std::time::Duration;

use crate::bots::sqlite::Writer;
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Reach, Site};
use crate::message::{Export, FieldType, Idf, Message, MessageType, Value};
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
                "The database; this version speaks to sqlite.",
            ),
            Param::new("database", ParamKind::Text, "\"intelmq-events\"", "The file."),
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
            ),
            Param::new("connect_timeout", ParamKind::Int, "5", "Seconds to wait for another that writes."),
            Param::new("host", ParamKind::Text, "\"localhost\"", "The server; not used by sqlite."),
            Param::new("port", ParamKind::Text, "\"5432\"", "Its port; not used by sqlite."),
            Param::new("user", ParamKind::Text, "\"intelmq\"", "The user; not used by sqlite."),
            Param::new("password", ParamKind::Text, "null", "The password; not used by sqlite."),
            Param::new(
                "sslmode",
                ParamKind::Text,
                "\"require\"",
                "Whether TLS is spoken; not used by sqlite.",
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
    file: PathBuf,
    patience: Duration,
    table: String,
    fields: Vec<String>,
    how: Export,
    /// What makes the table, if it shall be made.
    creation: Option<String>,
    writer: Option<Writer>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let engine = params.required_text("engine")?;
    if engine != "sqlite" {
        return Err(Failure::Configuration(format!(
            "parameter \"engine\": this version cannot speak to {engine}; use sqlite, or the file output and a loader of the database"
        )));
    }
    let table = params.text("table")?.unwrap_or_else(|| "events".to_owned());
    let table = table.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let fields = params.list("fields", true)?.unwrap_or_default();
    let creation = params.flag("create_table").then(|| creation(&table, &site.idf));
    let gather =
        params.get("message_jsondict_as_string").is_none() || params.flag("message_jsondict_as_string");
    Ok(Bot::Output(Box::new(Sql {
        file: site.path(&params.text("database")?.unwrap_or_else(|| "intelmq-events".to_owned())),
        patience: params.seconds("connect_timeout")?.unwrap_or(Duration::from_secs(5)),
        table,
        fields: fields.into_iter().filter(|field| !field.is_empty()).collect(),
        how: Export { jsondict_as_string: gather, ..Export::default() },
        creation,
        writer: None,
    })))
}

/// Writes a name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the statement that makes a table with a column for every field of events.
fn creation(table: &str, idf: &Idf) -> String {
    let column = |name: &str, kind: FieldType| {
        let kind = match kind {
            FieldType::Integer | FieldType::Asn | FieldType::Boolean => "INTEGER",
            FieldType::Float | FieldType::Accuracy => "REAL",
            _ => "TEXT",
        };
        format!("{} {kind}", quoted(name))
    };
    let columns: Vec<String> =
        idf.fields(MessageType::Event).map(|field| column(&field.name, field.kind)).collect();
    format!("CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, {})", columns.join(", "))
}

impl Sql {
    fn writer(&mut self) -> Result<&mut Writer, String> {
        if self.writer.is_none() {
            let writer = Writer::open(&self.file, self.patience)?;
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
        let places = vec!["?"; names.len()].join(", ");
        let statement = format!("INSERT INTO {} ({}) VALUES ({places})", self.table, names.join(", "));
        let values: Vec<&Value> = items.iter().map(|(_, value)| value).collect();
        self.writer()?.insert(&statement, &values)
    }

    fn failure(&self, problem: &str) -> Failure {
        Failure::Other(format!("the database {}: {problem}", self.file.display()))
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

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::bots::sqlite::ask;
    use crate::bots::trial::Trial;

    fn trial(params: &Json) -> Trial {
        let mut all = json!({"engine": "sqlite", "database": "events.db"});
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        Trial::new(SPEC.spec.module, &all, &Idf::builtin()).unwrap()
    }

    fn event(fields: &Json) -> Message {
        let mut event = Message::event(&Idf::builtin());
        for (name, value) in fields.as_object().unwrap() {
            event.add(name, Value::from(value.clone())).unwrap();
        }
        event
    }

    fn rows(trial: &Trial, query: &str) -> Vec<Vec<Json>> {
        ask(&trial.state().join("events.db"), query).unwrap()
    }

    /// What IntelMQ 3.5.0 inserted for this event.
    #[test]
    fn an_event_is_a_row_with_its_extra_as_json() {
        let mut trial = trial(&json!({"create_table": true}));
        let given = json!({
            "source.ip": "192.0.2.15", "source.asn": 64500, "feed.accuracy": 100.0, "raw": "a,b", "extra.tag": "x",
            "extra.n": [1, 2], "extra.m": {"a": 1.0}, "extra.u": "ü", "time.source": "2026-01-15T03:10:12+00:00",
        });
        assert_eq!(trial.feed(event(&given)).failure, None);
        let columns =
            "\"source.ip\", \"source.asn\", extra, \"feed.accuracy\", raw, \"time.source\", \"source.port\"";
        let extra = r#"{"tag": "x", "n": [1, 2], "m": {"a": 1.0}, "u": "ü"}"#;
        let expected = json!(["192.0.2.15", 64500, extra, 100.0, "YSxi", "2026-01-15T03:10:12+00:00", null]);
        assert_eq!(Json::from(rows(&trial, &format!("SELECT {columns} FROM events"))), json!([expected]));
    }

    #[test]
    fn only_the_fields_that_are_named_are_inserted() {
        let mut trial = trial(&json!({"create_table": true, "fields": "source.ip, extra", "table": "a b"}));
        assert_eq!(trial.feed(event(&json!({"source.ip": "192.0.2.1", "source.port": 1}))).failure, None);
        let seen = rows(&trial, "SELECT \"source.ip\", \"source.port\" FROM \"a b\"");
        assert_eq!(Json::from(seen), json!([["192.0.2.1", null]]));
        let failure = trial.feed(event(&json!({"source.port": 1}))).failure.unwrap();
        assert!(failure.to_string().contains("none of the fields"), "{failure}");
    }

    #[test]
    fn what_the_database_refuses_fails_and_leaves_the_others() {
        let mut trial = trial(&json!({}));
        let failure = trial.feed(event(&json!({"source.ip": "192.0.2.1"}))).failure.unwrap();
        assert!(failure.to_string().contains("no such table: events"), "{failure}");
        let file = trial.state().join("events.db");
        let writer = Writer::open(&file, Duration::from_secs(1)).unwrap();
        writer.make("CREATE TABLE events (\"source.ip\" TEXT UNIQUE)").unwrap();
        assert_eq!(trial.feed(event(&json!({"source.ip": "192.0.2.1"}))).failure, None);
        for (given, expected) in [
            (json!({"source.ip": "192.0.2.1"}), "UNIQUE constraint failed"),
            (json!({"source.ip": "192.0.2.2", "source.port": 1}), "no column named source.port"),
        ] {
            let failure = trial.feed(event(&given)).failure.unwrap();
            assert!(matches!(&failure, Failure::Other(text) if text.contains(expected)), "{failure}");
        }
        assert_eq!(trial.feed(event(&json!({"source.ip": "192.0.2.3"}))).failure, None);
        assert_eq!(Json::from(rows(&trial, "SELECT * FROM events")), json!([["192.0.2.1"], ["192.0.2.3"]]));
    }

    #[test]
    fn a_question_changes_nothing_and_reaches_nothing_else() {
        let mut trial = trial(&json!({"create_table": true}));
        assert_eq!(trial.feed(event(&json!({"source.ip": "192.0.2.1"}))).failure, None);
        let file = trial.state().join("events.db");
        let other = trial.state().join("other.db");
        for query in ["DELETE FROM events", &format!("ATTACH '{}' AS other", other.display()), "nonsense"] {
            assert!(ask(&file, query).is_err(), "{query}");
        }
        assert!(ask(&other, "SELECT 1").is_err());
        assert!(!other.exists());
        assert_eq!(rows(&trial, "SELECT count(*) FROM events"), [[json!(1)]]);
    }

    #[test]
    fn other_databases_are_refused() {
        for engine in ["postgresql", "mysql", "mssql"] {
            let refused = Trial::new(SPEC.spec.module, &json!({"engine": engine}), &Idf::builtin());
            assert!(matches!(refused, Err(Failure::Configuration(text)) if text.contains(engine)));
        }
    }
}
