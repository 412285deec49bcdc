//! The runtime with real bots on the embedded broker: what a botnet does, and what it does when something goes wrong.

mod faulty;
mod streams;
mod trouble;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::faulty::Faulty;

use super::control::{BotAction, BotState, BotStatus, Snapshot};
use super::{Botnet, BotnetError, Destination, Journal, Logger, Queues, Surroundings};
use crate::broker::{Broker, Embedded, Hop, Options, Outgoing, Wiring};
use crate::diagnostic::Source;
use crate::message::Idf;
use crate::pipeline::Environment;

/// A botnet in a folder of its own.
struct Lab {
    folder: TempDir,
    broker: Arc<Embedded>,
    botnet: Arc<Botnet>,
    /// What the botnet sees of the broker: its commits fail when a test wants it.
    faulty: Faulty,
}

impl Lab {
    fn new(runtime: &str) -> Self {
        Lab::in_folder(tempfile::tempdir().unwrap(), runtime)
    }

    fn in_folder(folder: TempDir, runtime: &str) -> Self {
        let journal = Journal::new(&folder.path().join("journal.jsonl"));
        Lab::with_journal(folder, runtime, journal)
    }

    fn with_journal(folder: TempDir, runtime: &str, journal: Journal) -> Self {
        let broker = Arc::new(Embedded::open(&folder.path().join("queues"), Options::default()).unwrap());
        let faulty = Faulty::new(broker.clone());
        let file = folder.path().join("runtime.yaml");
        let text = runtime.replace("LAB", &folder.path().display().to_string());
        std::fs::write(&file, &text).unwrap();
        let surroundings = Surroundings {
            queues: Queues::In(Arc::new(faulty.clone())),
            only: None,
            apart: Arc::default(),
            idf: Idf::builtin(),
            environment: Environment::default(),
            state: folder.path().to_owned(),
            log: folder.path().join("log"),
            logger: Arc::new(Logger::new(Destination::default())),
            journal: Some(Arc::new(journal)),
            file,
        };
        let botnet = Botnet::start(&Source::new("runtime.yaml", text), surroundings).unwrap();
        Lab { folder, broker, botnet, faulty }
    }

    fn send(&self, queue: &str, bodies: &[String]) {
        let wiring = Wiring { bot: "test".to_owned(), source: None, destinations: vec![queue.to_owned()] };
        let outgoing =
            bodies.iter().map(|body| Outgoing { queue: queue.into(), body: body.clone().into_bytes() });
        let hop = Hop { outgoing: outgoing.collect(), ..Hop::default() };
        self.broker.link(&wiring).unwrap().commit(hop).unwrap();
    }

    /// Waits until the botnet is idle, and returns what is to be seen then.
    fn idle(&self) -> Snapshot {
        self.wait(|snapshot| snapshot.idle)
    }

    fn wait(&self, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let deadline = Instant::now() + Duration::from_secs(30);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        loop {
            let mut watch = self.botnet.activity().watch();
            let snapshot = self.botnet.snapshot().unwrap();
            if holds(&snapshot) {
                return snapshot;
            }
            assert!(Instant::now() < deadline, "waited in vain: {snapshot:#?}");
            let step = Duration::from_millis(50);
            let _ = runtime.block_on(async { tokio::time::timeout(step, watch.changed()).await });
        }
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn dumped(&self, bot: &str) -> Vec<String> {
        let entries = self.botnet.with_slot(bot, |slot| slot.dump.list().unwrap()).unwrap();
        entries.into_iter().map(|entry| entry.traceback).collect()
    }

    fn configure(&self, old: &str, new: &str) {
        let text = self.botnet.configuration().text;
        assert!(text.contains(old), "{old:?} is not in the configuration");
        self.botnet.configure(&text.replace(old, new)).unwrap();
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.botnet.shut_down();
    }
}

fn bot<'a>(snapshot: &'a Snapshot, id: &str) -> &'a BotStatus {
    snapshot.bots.iter().find(|bot| bot.id == id).unwrap()
}

fn event(comment: &str) -> String {
    format!(
        "{{\"comment\": \"{comment}\", \"source.url\": \"http://example.com/{comment}\", \"__type\": \"Event\"}}"
    )
}

fn events(count: usize) -> Vec<String> {
    (0..count).map(|number| event(&format!("n{number}"))).collect()
}

/// First bot, two that only pass on, output; `MORE` stands where tests add parameters.
const CHAIN: &str = "
global: {error_retry_delay: 0, error_max_retries: 2}
first:
  module: intelmq.bots.experts.troubled.expert
  parameters:
    destination_queues: {_default: [second-queue], other: [output-queue]}
second:
  module: intelmq.bots.experts.troubled.expert
  parameters: #MORE
    destination_queues: {_default: [url-queue], _on_error: [errors-queue]}
url:
  module: intelmq.bots.experts.url.expert
  parameters:
    destination_queues: {_default: [output-queue]}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt}
errors:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/errors.txt}
";

fn chain(more: &str) -> String {
    CHAIN.replace("#MORE", &format!("\n    {more}"))
}

#[test]
fn handing_on_and_queueing_give_the_same() {
    let mixed: Vec<String> = ["a", "drop", "fail", "b", "invalid", "panic", "other", "c"]
        .into_iter()
        .map(event)
        .chain(events(700))
        .collect();
    let seen = |lab: &Lab| {
        lab.send("first-queue", &mixed);
        let snapshot = lab.idle();
        let counts: Vec<_> = snapshot
            .bots
            .iter()
            .map(|bot| (bot.id.clone(), bot.received, bot.sent.clone(), bot.dropped, bot.failed))
            .collect();
        let mut lines = lab.lines("events.txt");
        lines.sort();
        let mut dumped = lab.dumped("first");
        dumped.sort();
        let mut journal: Vec<_> =
            lab.botnet.surroundings().journal.as_ref().unwrap().page(0, 100_000).unwrap().entries;
        for entry in &mut journal {
            entry.at.clear();
        }
        let mut journal: Vec<String> =
            journal.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        journal.sort();
        (counts, lines, dumped, journal)
    };
    let handed = seen(&Lab::new(&chain("logging_level: INFO")));
    // With several instances nothing may be handed straight on.
    let queued = seen(&Lab::new(&chain("instances_threads: 2").replace(
        "module: intelmq.bots.experts.url.expert\n  parameters:",
        "module: intelmq.bots.experts.url.expert\n  parameters:\n    instances_threads: 2",
    )));
    assert_eq!(handed.1.len(), 704);
    assert_eq!(handed.2.len(), 3, "{:?}", handed.2);
    assert_eq!(handed, queued);
}

#[test]
fn a_failing_message_is_retried_dumped_and_sent_to_on_error_and_the_others_go_on() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    lab.send(
        "second-queue",
        &[event("a"), event("fail"), event("b"), event("panic"), event("fail twice"), event("c")],
    );
    let snapshot = lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 4);
    assert_eq!(lab.lines("errors.txt").len(), 2);
    assert_eq!(lab.dumped("second"), ["asked to fail", "the bot panicked: asked to panic"]);
    let second = bot(&snapshot, "second");
    // What it received is what it sent, also along _on_error.
    let sent = (second.sent["_default"], second.sent["_on_error"]);
    assert_eq!((second.received, sent, second.failed, second.state), (6, (4, 2), 2, BotState::Running));
}

#[test]
fn what_cannot_be_read_is_dumped_and_never_loops() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    let poison =
        ["", "{", "[]", "{\"comment\": \"no type\"}", "{\"no such key\": 1, \"__type\": \"Event\"}", "\u{0}"];
    lab.send("first-queue", &poison.map(str::to_owned));
    lab.send("first-queue", &[event("good")]);
    let snapshot = lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 1);
    assert_eq!(lab.dumped("first").len(), poison.len());
    let first = bot(&snapshot, "first");
    assert_eq!((first.received, first.failed), (poison.len() as u64 + 1, poison.len() as u64));
}

#[test]
fn error_procedure_stop_keeps_the_message_in_its_queue() {
    let lab = Lab::new(&chain("error_procedure: stop"));
    lab.send("first-queue", &[event("a"), event("fail"), event("b")]);
    lab.configure("error_max_retries: 2", "error_max_retries: 0");
    lab.botnet.act("first", BotAction::Stop).unwrap();
    lab.botnet.act("first", BotAction::Start).unwrap();
    lab.send("second-queue", &[event("c"), event("fail"), event("d")]);
    let snapshot = lab.wait(|snapshot| bot(snapshot, "second").state == BotState::Failed);
    let queue = snapshot.queues.iter().find(|queue| queue.name == "second-queue").unwrap();
    assert!(queue.waiting + queue.in_flight >= 2, "{queue:?}");
    assert_eq!(lab.dumped("second"), Vec::<String>::new());
    lab.configure("error_procedure: stop", "healed: true");
    lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 5);
}

#[test]
fn a_stopped_bot_loses_nothing_and_its_senders_wait_at_the_bound() {
    let lab = Lab::new(&chain("source_queue_limit: 100"));
    lab.botnet.act("second", BotAction::Stop).unwrap();
    lab.send("first-queue", &events(5000));
    let full = lab.wait(|snapshot| {
        snapshot.queues.iter().any(|queue| queue.name == "second-queue" && queue.waiting >= 100)
    });
    let queue = full.queues.iter().find(|queue| queue.name == "second-queue").unwrap();
    assert!(queue.waiting <= 100 + 501, "at most one batch more than the bound: {queue:?}");
    assert!(!full.bots.iter().any(|bot| bot.id == "output" && bot.received > 0));
    lab.botnet.act("second", BotAction::Start).unwrap();
    lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 5000);
}

#[test]
fn a_new_configuration_is_taken_into_use_without_loss_and_a_faulty_one_changes_nothing() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    lab.send("first-queue", &events(3000));
    lab.configure("LAB/events.txt".replace("LAB", &lab.folder.path().display().to_string()).as_str(), &{
        format!("{}/others.txt", lab.folder.path().display())
    });
    lab.send("first-queue", &events(10));
    lab.idle();
    assert_eq!(lab.lines("events.txt").len() + lab.lines("others.txt").len(), 3010);
    let before = lab.botnet.configuration();
    let faulty = before.text.replace("[output-queue]", "[nobody-queue]");
    assert!(matches!(lab.botnet.configure(&faulty), Err(BotnetError::Invalid(_))));
    assert_eq!(lab.botnet.configuration(), before);
    assert_eq!(std::fs::read_to_string(lab.folder.path().join("runtime.yaml")).unwrap(), before.text);
    lab.send("first-queue", &events(1));
    lab.idle();
    assert_eq!(lab.lines("events.txt").len() + lab.lines("others.txt").len(), 3011);
}

#[test]
fn a_reload_reads_what_stands_there_and_writes_nothing() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    let file = lab.folder.path().join("runtime.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace("events.txt", "others.txt");
    let own = lab.folder.path().join("own.yaml");
    std::fs::write(&own, &text).unwrap();
    std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&own, &file).unwrap();
    let before = std::fs::metadata(&own).unwrap();
    // A field that only this site has.
    let harmonization = r#"{"event": {"comment": {"type": "String"}, "source.url": {"type": "URL"}, "own.field": {"type": "String"}}, "report": {}}"#;
    std::fs::write(lab.folder.path().join("harmonization.conf"), harmonization).unwrap();
    assert_eq!(lab.botnet.reload().unwrap().revision, 2);
    let after = std::fs::metadata(&own).unwrap();
    assert_eq!(
        (after.ino(), after.mode(), after.mtime_nsec()),
        (before.ino(), before.mode(), before.mtime_nsec())
    );
    lab.send("output-queue", &["{\"own.field\": \"x\", \"__type\": \"Event\"}".to_owned()]);
    lab.idle();
    assert_eq!(lab.lines("others.txt").len(), 1, "{:?}", lab.dumped("output"));
    // What is written on purpose keeps its mode, and the link stays one.
    lab.configure("others.txt", "thirds.txt");
    let after = std::fs::metadata(&own).unwrap();
    assert_eq!(after.mode(), before.mode());
    assert!(file.is_symlink() && std::fs::read_to_string(&own).unwrap().contains("thirds.txt"));
}

#[test]
fn a_new_configuration_starts_what_was_not_stopped_on_purpose() {
    let lab = Lab::new(&chain("logging_level: INFO").replace("url:\n", "url:\n  enabled: false\n"));
    lab.botnet.act("errors", BotAction::Stop).unwrap();
    let states = |lab: &Lab| {
        let bots = lab.botnet.snapshot().unwrap().bots;
        bots.into_iter().map(|bot| (bot.id, bot.state)).collect::<std::collections::BTreeMap<_, _>>()
    };
    // As if it still waited for its broker.
    lab.botnet.with_slot("first", |slot| slot.life.set(BotState::Starting)).unwrap();
    assert_eq!(states(&lab)["url"], BotState::Disabled);
    lab.configure("  enabled: false\n", "");
    let states = states(&lab);
    assert_eq!(states["errors"], BotState::Stopped);
    for id in ["first", "second", "url", "output"] {
        assert_eq!(states[id], BotState::Running, "{id}");
    }
}

#[test]
fn what_was_remembered_and_written_outlives_the_process() {
    let runtime = "
dedup:
  module: intelmq.bots.experts.deduplicator.expert
  parameters: {filter_keys: raw, destination_queues: {_default: [output-queue]}}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt}
";
    let mut lab = Lab::new(runtime);
    lab.send("dedup-queue", &[event("a"), event("b"), event("a")]);
    lab.idle();
    lab.botnet.shut_down();
    let folder = std::mem::replace(&mut lab.folder, tempfile::tempdir().unwrap());
    drop(lab);
    // The rest of a hop that never happened.
    append(&folder.path().join("events.txt"), "torn");
    let lab = Lab::in_folder(folder, runtime);
    lab.send("dedup-queue", &[event("b"), event("c")]);
    let snapshot = lab.idle();
    assert_eq!(bot(&snapshot, "dedup").dropped, 1);
    let lines = lab.lines("events.txt");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with('{') && line.ends_with('}')), "{lines:?}");
}

#[test]
fn queues_of_a_balanced_path_take_turns() {
    let lab = Lab::new(
        "
first:
  module: intelmq.bots.experts.troubled.expert
  parameters: {load_balance: true, destination_queues: {_default: [left-queue, right-queue]}}
left:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/left.txt}
right:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/right.txt}
",
    );
    lab.send("first-queue", &events(10));
    lab.idle();
    assert_eq!((lab.lines("left.txt").len(), lab.lines("right.txt").len()), (5, 5));
}

#[test]
fn a_collector_rests_until_it_is_hurried_and_a_scheduled_one_ends() {
    let collect = |more: &str| {
        format!(
            "
collector:
  module: intelmq.bots.collectors.file.collector_file
  {more}
  parameters: {{path: LAB/in/, postfix: .csv, delete_file: true, rate_limit: 3600, destination_queues: {{_default: [output-queue]}}}}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {{file: LAB/reports.txt}}
"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/one.csv"), "a,b\n").unwrap();
    let lab = Lab::in_folder(folder, &collect("run_mode: continuous"));
    lab.idle();
    std::fs::write(lab.folder.path().join("in/two.csv"), "c,d\n").unwrap();
    lab.botnet.run_collectors();
    let snapshot = lab.idle();
    assert_eq!((lab.lines("reports.txt").len(), bot(&snapshot, "collector").rounds), (2, 2));
    lab.configure("run_mode: continuous", "run_mode: scheduled");
    let snapshot = lab.wait(|snapshot| bot(snapshot, "collector").state == BotState::Finished);
    assert_eq!(bot(&snapshot, "collector").rounds, 3);
    assert!(matches!(lab.botnet.act("output", BotAction::Run), Err(BotnetError::NotPossible(_))));
    assert!(matches!(
        lab.botnet.act("outptu", BotAction::Stop),
        Err(BotnetError::UnknownBot { nearest: Some(_), .. })
    ));
}

#[test]
fn an_output_that_cannot_write_keeps_its_messages() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    std::fs::create_dir(lab.folder.path().join("events.txt")).unwrap();
    lab.send("first-queue", &events(3));
    lab.wait(|snapshot| bot(snapshot, "output").last_error.is_some());
    let snapshot = lab.idle();
    assert_eq!(bot(&snapshot, "output").failed, 3);
    assert_eq!(lab.dumped("output").len(), 3);
}

#[test]
fn what_the_world_sees_it_sees_once_whoever_fails() {
    for batches in [false, true] {
        let runtime = "
global: {error_retry_delay: 0, error_max_retries: 2}
first:
  module: intelmq.bots.experts.troubled.expert
  parameters: {destination_queues: {_default: [world-queue, output-queue]}}
world:
  module: intelmq.bots.outputs.troubled.output
  parameters: {file: LAB/world.txt, batches: BATCHES}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt}
";
        let lab = Lab::new(&runtime.replace("BATCHES", &batches.to_string()));
        // The other output fails too, so that hops are done again.
        std::fs::create_dir(lab.folder.path().join("events.txt")).unwrap();
        let troubles = ["fail", "panic", "fail flush", "flush once"].map(event);
        let good = events(1200);
        // Past the first bot, which would fail itself.
        lab.botnet.act("world", BotAction::Stop).unwrap();
        lab.send("world-queue", &[&good[..700], &troubles, &good[700..]].concat());
        lab.send("first-queue", &[event("a"), event("b")]);
        lab.botnet.act("world", BotAction::Start).unwrap();
        let snapshot = lab.idle();
        let expected = (0..700).map(|number| format!("n{number}")).chain(["flush once".to_owned()]);
        let expected = expected.chain((700..1200).map(|number| format!("n{number}")));
        let mut seen = lab.lines("world.txt");
        seen.retain(|line| line != "a" && line != "b");
        assert_eq!(seen, expected.collect::<Vec<_>>(), "batches: {batches}");
        assert_eq!(lab.lines("world.txt").len(), 1203);
        let failed = ["asked to fail", "the bot panicked: asked to panic", "asked to fail in the end"];
        assert_eq!(lab.dumped("world"), failed, "batches: {batches}");
        assert_eq!(bot(&snapshot, "world").received, 1206);
    }
}

fn append(path: &Path, text: &str) {
    use std::io::Write;
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A Redis server of this test alone; `None` if there is none on the machine, which is an error in CI.
struct Redis {
    process: std::process::Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    fn start() -> Option<Redis> {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let started = std::process::Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .current_dir(folder.path())
            .stdout(std::process::Stdio::null())
            .spawn();
        let Ok(process) = started else {
            assert!(std::env::var_os("CI").is_none(), "redis-server is not there; CI must have it");
            eprintln!("!!! SKIPPED: redis-server is not there");
            return None;
        };
        let redis = Redis { process, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        let (_never, pause) = std::sync::mpsc::channel::<()>();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            let _ = pause.recv_timeout(Duration::from_millis(10));
        }
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_memory_on_redis_has_the_keys_of_intelmq_and_is_shared() {
    let Some(redis) = Redis::start() else { return };
    let runtime = format!(
        "
dedup:
  module: intelmq.bots.experts.deduplicator.expert
  parameters:
    filter_keys: source.ip
    filter_type: whitelist
    redis_cache_host: 127.0.0.1
    redis_cache_port: {}
    destination_queues: {{_default: [output-queue]}}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {{file: LAB/events.txt}}
",
        redis.port
    );
    let event = |ip: &str| format!("{{\"source.ip\": \"{ip}\", \"__type\": \"Event\"}}");
    let lab = Lab::new(&runtime);
    lab.send("dedup-queue", &[event("192.0.2.1"), event("192.0.2.1")]);
    lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 1);
    // The key that IntelMQ 3.5.0 makes of this event; see tests/golden.
    let key = "f801c09d52093084fe48d9651a62d3ff57b8a642669ffb7ed2575d2510eea1b4";
    let address = crate::broker::CacheAddress {
        host: "127.0.0.1".to_owned(),
        port: redis.port,
        database: 6,
        password: None,
    };
    let mut cache = crate::broker::RedisCache::new(&address);
    assert_eq!(cache.get(key.as_bytes()).unwrap().as_deref(), Some(b"hash".as_slice()));
    let other = Lab::new(&runtime);
    other.send("dedup-queue", &[event("192.0.2.1"), event("192.0.2.2")]);
    let snapshot = other.idle();
    assert_eq!(bot(&snapshot, "dedup").dropped, 1);
    drop(redis);
    other.configure("filter_type: whitelist", "filter_type: whitelist\n    error_retry_delay: 0");
    other.send("dedup-queue", &[event("192.0.2.3")]);
    other.wait(|snapshot| bot(snapshot, "dedup").failed == 1);
    assert_eq!(other.dumped("dedup").len(), 1, "without its memory the bot gives up, and keeps the message");
}

#[test]
fn a_collector_before_an_output_that_fails_goes_through_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("in")).unwrap();
    std::fs::create_dir(folder.path().join("reports.txt")).unwrap();
    std::fs::write(folder.path().join("in/one.csv"), "a,b\n").unwrap();
    let lab = Lab::in_folder(
        folder,
        "
global: {error_retry_delay: 0, error_max_retries: 1}
collector:
  module: intelmq.bots.collectors.file.collector_file
  parameters: {path: LAB/in/, postfix: .csv, delete_file: true, rate_limit: 3600, destination_queues: {_default: [output-queue]}}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/reports.txt}
",
    );
    let snapshot = lab.idle();
    assert_eq!((bot(&snapshot, "collector").rounds, bot(&snapshot, "output").failed), (1, 1));
    assert_eq!(lab.dumped("output").len(), 1);
    assert!(!lab.folder.path().join("in/one.csv").exists(), "what was stored is removed");
}

#[test]
fn a_database_is_asked_through_the_bot_that_writes_it() {
    let sqlite = Some(serde_json::json!({"engine": "sqlite", "database": "LAB/events.db"}));
    let server = crate::bots::sql::server::shared().map(|server| server.database("asked"));
    for (database, refusal) in [(sqlite, "readonly database"), (server, "syntax error")] {
        let Some(database) = database else { continue };
        let runtime = "
sql:
  module: intelmq.bots.outputs.sql.output
  parameters: {DATABASE, create_table: true}
file:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt}
files:
  module: intelmq.bots.outputs.files.output
  enabled: false
  parameters: {dir: LAB/made, tmp: LAB/tmp}
";
        let database = database.to_string();
        let lab = Lab::new(&runtime.replace("DATABASE", &database[1..database.len() - 1]));
        let ask = |bot: &str, query: &str| match super::control::rows_of(&lab.botnet, bot, query) {
            Ok(rows) => {
                format!("{}{}", serde_json::json!(rows.rows), if rows.more { " and more" } else { "" })
            }
            Err(refusal) => format!("{refusal:?}"),
        };
        let count = "SELECT count(*) || ' rows' FROM events";
        assert!(ask("sql", count).contains("\"query\""), "nothing was inserted yet");
        lab.send("sql-queue", &events(3));
        lab.idle();
        lab.botnet.act("sql", BotAction::Stop).unwrap();
        assert_eq!(ask("sql", count), "[[\"3 rows\"]]");
        let many = |rows: u32| {
            let all = format!("SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}");
            ask("sql", &format!("WITH RECURSIVE n(i) AS ({all}) SELECT NULL FROM n"))
        };
        assert!(many(10_000).ends_with(",[null]]"));
        assert!(many(10_001).ends_with(",[null]] and more"));
        for (bot, query, refusal) in [
            ("sql", "DELETE FROM events", refusal),
            ("file", count, "file writes no database that can be asked"),
            ("files", count, "files writes no database that can be asked"),
            ("nobody", count, "unknown-bot"),
        ] {
            let told = ask(bot, query);
            assert!(told.starts_with("Refusal") && told.contains(refusal), "{told}");
        }
        assert!(!lab.folder.path().join("made").exists(), "who asks makes no bot");
    }
}
