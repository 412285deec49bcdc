use serde_json::{Value as Json, json};

use super::*;
use crate::bots::sql::server::{Server, shared};
use crate::bots::{Memory, find};

/// An output, and the folder that files are in.
struct Place {
    site: Site,
    bot: Bot,
    database: Database,
    _folder: tempfile::TempDir,
}

struct Nothing;

impl Memory for Nothing {
    fn get(&mut self, _key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(None)
    }
}

impl Place {
    /// Makes the output with parameters laid over others.
    fn new(params: &Json, more: &Json) -> Result<Place, Failure> {
        let all = [params, more].into_iter().flat_map(|part| part.as_object().unwrap().clone()).collect();
        let params = Params::new(all);
        let folder = tempfile::tempdir().unwrap();
        let site = Site { bot: "output".into(), state: folder.path().into(), idf: Idf::builtin() };
        let bot = (find(SPEC.spec.module).unwrap().make)(&params, &site)?;
        Ok(Place { bot, database: Database::of(&params, &site)?, site, _folder: folder })
    }

    fn sqlite(more: &Json) -> Place {
        Place::new(&json!({"engine": "sqlite", "database": "events.db"}), more).unwrap()
    }

    /// The output on every database that is here, with an empty database of the test's own.
    fn all(test: &str, more: &Json) -> Vec<Place> {
        let server = shared().map(|server| Place::new(&server.database(test), more).unwrap());
        std::iter::once(Place::sqlite(more)).chain(server).collect()
    }

    fn output(&mut self) -> &mut Box<dyn Output> {
        match &mut self.bot {
            Bot::Output(output) => output,
            _ => panic!("no output"),
        }
    }

    fn within(&mut self, work: impl FnOnce(&mut dyn Output, &mut Context) -> Result<(), Failure>) -> String {
        let (site, mut memory) = (self.site.clone(), Nothing);
        let mut context = Context::new(&site, &[], &mut memory, 500);
        work(self.output().as_mut(), &mut context)
            .err()
            .map_or_else(String::new, |failure| failure.to_string())
    }

    /// Writes an event; returns why it failed, or nothing.
    fn write(&mut self, fields: &Json) -> String {
        let mut event = Message::event(&Idf::builtin());
        for (name, value) in fields.as_object().unwrap() {
            event.add(name, Value::from(value.clone())).unwrap();
        }
        self.within(|output, context| output.write(&event, context))
    }

    fn flush(&mut self) -> String {
        self.within(|output, context| output.flush(context))
    }

    /// Does a batch as a hop does it, up to the first event that fails; returns how many were written, and why not all.
    fn batch(&mut self, events: &[Json]) -> (usize, String) {
        let mut all = events.iter().enumerate().map(|(index, event)| (index, self.write(event)));
        let failed = all.find(|(_, failed)| !failed.is_empty());
        assert_eq!(self.flush(), "");
        failed.unwrap_or((events.len(), String::new()))
    }

    /// Does a batch, and wants so many events written and these words of the one that failed.
    #[track_caller]
    fn comes_to(&mut self, events: &[Json], wanted: usize, words: &str) {
        let (written, failed) = self.batch(events);
        assert!(written == wanted && failed.contains(words), "{written}, {failed}");
        assert_eq!(failed.is_empty(), words.is_empty(), "{failed}");
    }

    /// Asks, and returns rows as text.
    #[track_caller]
    fn rows(&mut self, query: &str) -> Vec<String> {
        let cell = |cell: &Json| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        let rows = self.database.ask(query, 100).unwrap();
        rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" | ")).collect()
    }

    #[track_caller]
    fn make(&self, statement: &str) {
        self.database.open().unwrap().make(statement).unwrap();
    }
}

fn ip(last: u8) -> Json {
    json!({"source.ip": format!("192.0.2.{last}")})
}

/// What IntelMQ 3.5.0 inserted for this event; PostgreSQL shows it in its own words.
#[test]
fn an_event_is_a_row_with_its_extra_as_json() {
    let given = json!({
        "source.ip": "192.0.2.15", "source.asn": 4_294_967_295_u32, "feed.accuracy": 99.5, "raw": "a,b",
        "extra.tag": "x\u{0}", "extra.n": [1, 2], "extra.m": {"a": 1.0}, "extra.u": "ü",
        "time.source": "2026-01-15T03:10:12+00:00",
    });
    let columns = "\"source.ip\", \"source.asn\", \"feed.accuracy\", raw, extra, \"source.port\"";
    let seen = [
        r#"192.0.2.15 | 4294967295 | 99.5 | YSxi | {"tag": "x\u0000", "n": [1, 2], "m": {"a": 1.0}, "u": "ü"} | null"#,
        r#"192.0.2.15 | 4294967295 | 99.5 | YSxi | {"m": {"a": 1.0}, "n": [1, 2], "u": "ü", "tag": "x\\u0000"} | null"#,
    ];
    for (mut place, seen) in Place::all("row", &json!({"create_table": true})).into_iter().zip(seen) {
        place.comes_to(std::slice::from_ref(&given), 1, "");
        assert_eq!(place.rows(&format!("SELECT {columns} FROM events")), [seen]);
    }
}

#[test]
fn only_the_fields_that_are_named_are_inserted() {
    let params = json!({"create_table": true, "fields": "source.ip, extra", "table": "a b"});
    for mut place in Place::all("fields", &params) {
        let both = json!({"source.ip": "192.0.2.1", "source.port": 1});
        place.comes_to(&[both, json!({"source.port": 1})], 1, "none of the fields");
        let seen = place.rows("SELECT \"source.ip\", \"source.port\" FROM \"a b\"");
        assert_eq!(seen, ["192.0.2.1 | null"]);
    }
}

#[test]
fn what_the_database_refuses_fails_and_leaves_the_others() {
    let words = [
        ["no such table: events", "UNIQUE constraint failed", "no column named source.port"],
        [
            "relation \"events\" does not exist",
            "duplicate key value violates unique constraint",
            "column \"source.port\" of relation",
        ],
    ];
    for (mut place, [missing, twice, column]) in Place::all("refused", &json!({})).into_iter().zip(words) {
        place.comes_to(&[ip(1)], 0, missing);
        place.make("CREATE TABLE events (\"source.ip\" VARCHAR(20) UNIQUE)");
        place.comes_to(&[ip(1), ip(2), ip(1), ip(9)], 2, twice);
        place.comes_to(&[json!({"source.ip": "192.0.2.9", "source.port": 1})], 0, column);
        place.comes_to(&[ip(3)], 1, "");
        assert_eq!(place.rows("SELECT * FROM events ORDER BY 1"), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    }
}

#[test]
fn a_question_changes_nothing_and_reaches_nothing_else() {
    for mut place in Place::all("question", &json!({"create_table": true})) {
        place.comes_to(&[ip(1), ip(2)], 2, "");
        let other = place.site.path("other.db");
        let attach = format!("ATTACH '{}' AS other", other.display());
        let questions = [
            "DELETE FROM events",
            "WITH gone AS (DELETE FROM events RETURNING 1) SELECT * FROM gone",
            "SELECT 1; DELETE FROM events",
            "COMMIT",
            "nonsense",
            &attach,
        ];
        for question in questions {
            assert!(place.database.ask(question, 10).is_err(), "{question}");
        }
        assert!(!other.exists());
        assert_eq!(place.rows("SELECT count(*) FROM events"), ["2"]);
        assert_eq!(place.database.ask("SELECT * FROM events", 1).unwrap().len(), 1);
    }
}

#[test]
fn a_question_without_an_end_is_ended() {
    let mut place = Place::sqlite(&json!({"create_table": true}));
    place.comes_to(&[ip(1)], 1, "");
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let problem = place.database.ask(endless, 10).unwrap_err();
    assert_eq!(problem, "interrupted");
}

#[test]
fn a_lost_connection_loses_and_doubles_nothing() {
    let Some(mut server) = Server::start() else { return };
    let mut place = Place::new(&server.database("lost"), &json!({"create_table": true})).unwrap();
    let all = "SELECT \"source.ip\" FROM events ORDER BY id";
    place.comes_to(&[ip(1)], 1, "");
    // Within a batch: it is done again on the next connection.
    assert_eq!(place.write(&ip(2)), "");
    server.kill();
    server.restart();
    place.comes_to(&[ip(3)], 1, "");
    assert_eq!(place.rows(all), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    // At the end of a batch: the whole of it fails, and is written anew.
    assert_eq!(place.write(&ip(4)), "");
    server.kill();
    assert_ne!(place.flush(), "");
    let failed = place.write(&ip(4));
    assert!(failed.contains("lost at 127.0.0.1") && failed.contains("refused"), "{failed}");
    place.flush();
    server.restart();
    place.comes_to(&[ip(4), ip(5)], 2, "");
    assert_eq!(place.rows(all).len(), 5);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    // It accepts, and that is all.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for sslmode in ["require", "disable"] {
        let params = json!({"engine": "postgresql", "host": "127.0.0.1", "port": port, "connect_timeout": 1});
        let mut place = Place::new(&params, &json!({"sslmode": sslmode})).unwrap();
        let asked = place.database.ask("SELECT 1", 1).unwrap_err();
        for said in [asked, place.write(&ip(1))] {
            assert!(said.ends_with("the server did not answer within 1 seconds"), "{sslmode}: {said}");
        }
    }
}

#[test]
fn a_table_that_is_locked_fails_the_event_and_takes_it_once_it_is_free() {
    let Some(server) = shared() else { return };
    let mut place = Place::new(&server.database("locked"), &json!({"create_table": true})).unwrap();
    place.comes_to(&[ip(1)], 1, "");
    let lock = server.hold("locked", "BEGIN; LOCK TABLE events");
    place.comes_to(&[ip(2)], 0, "statement timeout");
    drop(lock);
    place.comes_to(&[ip(2)], 1, "");
    assert_eq!(place.rows("SELECT \"source.ip\" FROM events ORDER BY id"), ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn a_server_is_reached_as_the_parameters_say() {
    let Some(server) = shared() else { return };
    let params = server.database("reached");
    let no_ca = json!({"sslmode": "verify-full", "ssl_ca_certificate": null});
    let tls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for (more, seen) in [
        (json!({}), "t"),
        (json!({"sslmode": "verify-full"}), "t"),
        (json!({"sslmode": "prefer"}), "t"),
        (json!({"sslmode": "disable"}), "f"),
        (json!({"host": server.folder()}), "f"),
        (json!({"host": "localhost", "sslmode": "verify-full"}), "error: invalid peer certificate"),
        (no_ca, "error: invalid peer certificate"),
        (json!({"password": "wrong"}), "error: password authentication failed for user \"intelmq\""),
        (json!({"password": null}), "error: password missing"),
        (json!({"database": "nobody"}), "error: database \"nobody\" does not exist"),
        (json!({"port": 1}), "error: Connection refused"),
    ] {
        let place = Place::new(&params, &more).unwrap();
        let told = match place.database.ask(tls, 10) {
            Ok(rows) => rows[0][0].as_str().unwrap().to_owned(),
            Err(problem) => format!("error: {problem}"),
        };
        assert!(told.starts_with(seen), "{more}: {told}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (more, expected) in [
        (json!({"engine": "mysql"}), "mysql"),
        (json!({"engine": "mssql"}), "mssql"),
        (json!({"engine": "postgresql", "sslmode": "perhaps"}), "sslmode"),
        (json!({"engine": "postgresql", "port": 0}), "port"),
        (
            json!({"engine": "postgresql", "sslmode": "verify-ca", "ssl_ca_certificate": "none.crt"}),
            "none.crt",
        ),
    ] {
        let refused = Place::new(&json!({}), &more).err();
        assert!(
            matches!(&refused, Some(Failure::Configuration(text)) if text.contains(expected)),
            "{refused:?}"
        );
    }
}
