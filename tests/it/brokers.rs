//! Bots and labs on a real Redis server: one process a bot, two servers for one botnet, a server of a lab's own and one that
//! it shares.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgid, kill_process};

use crate::support::{program, until};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "secret";

/// A server that ends with the test.
struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    fn start() -> Option<Self> {
        let here = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
        assert!(here || std::env::var_os("CI").is_none(), "redis-server is not on PATH");
        if !here {
            eprintln!("skipped: redis-server is not on PATH");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--requirepass", PASSWORD, "--unixsocket"]);
        command.arg(folder.path().join("redis.sock")).arg("--dir").arg(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server { folder, child: command.spawn().unwrap() };
        until(PATIENCE, "the server", || server.connect(2).is_ok());
        Some(server)
    }

    fn socket(&self) -> String {
        self.folder.path().join("redis.sock").display().to_string()
    }

    fn url(&self) -> String {
        format!("redis+unix://{}?pass={PASSWORD}", self.socket())
    }

    fn connect(&self, database: u8) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(format!("{}&db={database}", self.url()))?.get_connection()
    }

    fn ask<T: redis::FromRedisValue>(&self, database: u8, words: &[&str]) -> T {
        let mut connection = self.connect(database).unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).unwrap()
    }

    fn inject(&self, queue: &str, addresses: &[&str]) {
        for address in addresses {
            let event = format!(
                r#"{{"source.ip": "{address}", "classification.type": "scanner", "__type": "Event"}}"#
            );
            let _: i64 = self.ask(2, &["LPUSH", queue, &event]);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that is killed with the test.
struct Process(Child);

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Process(command.spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Ends it politely and returns whether it ended well.
    fn end(mut self) -> bool {
        self.signal(Signal::TERM);
        self.0.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// Writes a runtime file with a chain of three bots, and one that only Python has.
fn write_runtime(folder: &Path, output: &str, global: &str) -> String {
    let path = folder.join("runtime.yaml");
    let text = format!(
        "global: {{{global}}}
dedup:
  module: intelmq.bots.experts.deduplicator.expert
  parameters:
    filter_type: whitelist
    filter_keys: source.ip
    destination_queues: {{_default: [taxonomy-queue]}}
taxonomy:
  module: intelmq.bots.experts.taxonomy.expert
  parameters: {{destination_queues: {{_default: [foreign-queue, events-queue]}}}}
foreign:
  module: our.own.bots.in.python.output
  parameters: {{source_queue_limit: 2}}
events:
  module: intelmq.bots.outputs.file.output
  parameters: {{file: \"{}\"}}
",
        folder.join(output).display()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn each_bot_is_a_process_of_its_own() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let runtime = write_runtime(path, "one.jsonl", "");
    let (address, state) = (path.join("url"), path.join("state").display().to_string());
    fs::write(&address, format!("{}\n", server.url())).unwrap();
    let at = format!("@{}", address.display());
    let start = |bot: &str| {
        Process::start(&["bot", "run", bot, "--runtime", &runtime, "--state", &state, "--broker-url", &at])
    };
    let bots = ["dedup", "taxonomy", "events"].map(start);
    server.inject("dedup-queue", &["192.0.2.1", "192.0.2.2", "192.0.2.1"]);
    until(PATIENCE, "two events", || lines(&path.join("one.jsonl")) == 2);
    // Nobody reads what is Python's, and it has a bound: the third event waits with its sender.
    server.inject("dedup-queue", &["192.0.2.3"]);
    until(PATIENCE, "an event that waits", || server.ask::<i64>(2, &["LLEN", "taxonomy-queue"]) == 1);
    assert_eq!(server.ask::<i64>(2, &["LLEN", "foreign-queue"]), 2);
    let _: i64 = server.ask(2, &["DEL", "foreign-queue"]);
    until(PATIENCE, "the third event", || lines(&path.join("one.jsonl")) == 3);
    // Another version of the runtime file.
    write_runtime(path, "two.jsonl", "");
    let mut number = 0;
    while lines(&path.join("two.jsonl")) == 0 {
        number += 1;
        assert!(number < 200, "the bots do not notice that their runtime file has changed");
        let _: i64 = server.ask(2, &["DEL", "foreign-queue"]);
        server.inject("dedup-queue", &[&format!("198.51.100.{number}")]);
        let all = || lines(&path.join("one.jsonl")) + lines(&path.join("two.jsonl"));
        until(PATIENCE, "one event more", || all() == 3 + number);
        std::thread::park_timeout(Duration::from_millis(50));
    }
    // One dies with a message in hand; the next one of its kind takes it up.
    let [dedup, mut taxonomy, events] = bots;
    taxonomy.0.kill().unwrap();
    taxonomy.0.wait().unwrap();
    server.inject("dedup-queue", &["192.0.2.200"]);
    until(PATIENCE, "an event without a reader", || server.ask::<i64>(2, &["LLEN", "taxonomy-queue"]) > 0);
    let _: i64 = server.ask(2, &["DEL", "foreign-queue"]);
    let taxonomy = start("taxonomy");
    let arrived =
        || fs::read_to_string(path.join("two.jsonl")).is_ok_and(|text| text.contains("192.0.2.200"));
    until(PATIENCE, "the event", arrived);
    assert!([dedup, taxonomy, events].into_iter().all(Process::end), "each ends well on SIGTERM");
    // What IntelMQ's monitoring reads.
    let count = |key: &str| server.ask::<Option<u64>>(3, &["GET", key]).unwrap_or_default();
    let sent = number as u64 + 4;
    assert_eq!((count("dedup.total._default"), count("dedup.stats.success")), (sent, sent + 1));
    assert_eq!(count("events.stats.failure"), 0);
    let left: Vec<String> = server.ask(2, &["KEYS", "*"]);
    assert!(left.iter().all(|key| key == "foreign-queue"), "{left:?}");
}

fn run(arguments: &[&str], state: &Path) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).env("XDG_STATE_HOME", state).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_wrong_password_and_a_bot_that_fails_end_the_process() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let runtime = write_runtime(folder.path(), "one.jsonl", "");
    let state = folder.path().join("state").display().to_string();
    let wrong = server.url().replace(PASSWORD, "wrong");
    for (bot, url, problem) in
        [("dedup", wrong.as_str(), "password"), ("foreign", &server.url(), "no module is called")]
    {
        let arguments = ["bot", "run", bot, "--runtime", &runtime, "--state", &state, "--broker-url", url];
        let output = run(&arguments, folder.path());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(problem), "{:?}\n{told}", output.status);
    }
}

#[test]
fn a_botnet_bridges_two_servers_if_its_file_says_so() {
    let (Some(left), Some(right)) = (Server::start(), Server::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let side = |side: &str, server: &Server| {
        format!("{side}_pipeline_host: \"{}\", {side}_pipeline_password: {PASSWORD}", server.socket())
    };
    let global = format!("{}, {}", side("source", &right), side("destination", &right));
    let global =
        format!("{global}, statistics_host: \"{}\", statistics_password: {PASSWORD}", right.socket());
    let runtime = write_runtime(path, "one.jsonl", &global);
    let text = fs::read_to_string(&runtime).unwrap();
    let own = format!("filter_keys: source.ip\n    source_pipeline_host: \"{}\"", left.socket());
    let text = text.replace("filter_keys: source.ip", &own);
    let foreign = text.find("foreign:").unwrap();
    let text = text[..foreign].replace("foreign-queue, ", "") + &text[text.find("events:\n").unwrap()..];
    fs::write(&runtime, text).unwrap();
    let state = path.join("state").display().to_string();
    let botnet = Process::start(&["botnet", "run", &runtime, "--state", &state, "--broker", "runtime"]);
    left.inject("dedup-queue", &["192.0.2.1", "192.0.2.2", "192.0.2.1"]);
    until(PATIENCE, "two events", || lines(&path.join("one.jsonl")) == 2);
    right.inject("taxonomy-queue", &["192.0.2.3"]);
    until(PATIENCE, "a third event", || lines(&path.join("one.jsonl")) == 3);
    assert!(botnet.end());
    assert_eq!(right.ask::<u64>(3, &["GET", "dedup.total._default"]), 2);
    for server in [&left, &right] {
        assert_eq!(server.ask::<Vec<String>>(2, &["KEYS", "*"]), [""; 0]);
    }
}

fn course() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini-course/playbooks")
}

/// Does something with labs below a folder, which must go well.
fn lab(state: &Path, arguments: &[&str]) -> String {
    let playbooks = course().display().to_string();
    let output = run(&[arguments, &["--playbooks", &playbooks]].concat(), state);
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {:?}\n{told}", output.status);
    told
}

/// Reads the process of a lab from its record.
fn process(state: &Path, name: &str) -> Pid {
    let record = fs::read(state.join("intelmq-lab/labs/mini").join(name)).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    Pid::from_raw(i32::try_from(record["pid"].as_i64().unwrap()).unwrap()).unwrap()
}

#[test]
fn a_lab_brings_its_server_along_and_takes_it_away() {
    let Some(_server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let up = |to: &str| lab(state, &["up", "passes", "--lab", "mini", "--to", to, "--broker", "redis"]);
    up("1");
    let first = process(state, "broker.json");
    // Whatever is killed comes back with the next `up`, with what was in it.
    for name in ["broker.json", "supervisor.json"] {
        kill_process(process(state, name), Signal::KILL).unwrap();
        up("1");
    }
    let second = process(state, "broker.json");
    assert_ne!(first, second);
    // Ctrl-C in the terminal reaches neither.
    for name in ["broker.json", "supervisor.json"] {
        let process = process(state, name);
        assert_eq!(getpgid(Some(process)).unwrap(), process, "{name}");
    }
    let told = lab(state, &["status", "--json"]);
    assert!(told.contains(r#""broker": "redis""#) && told.contains(r#""running": true"#), "{told}");
    lab(state, &["down", "--all"]);
    // Whoever has to reap it may be late.
    let stat = fs::read_to_string(format!("/proc/{}/stat", second.as_raw_nonzero())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "the server runs on: {stat}");
    assert_eq!(fs::read_dir(state).unwrap().count(), 0);
}

#[test]
fn labs_that_share_a_server_do_not_see_each_other_and_leave_nothing() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    server.inject("somebody-elses-queue", &["192.0.2.1"]);
    let url = server.url();
    lab(state, &["up", "passes", "--lab", "mini", "--broker-url", &url]);
    lab(state, &["check", "passes", "--broker-url", &url]);
    let statistics = || server.ask::<Vec<String>>(3, &["KEYS", "*"]);
    until(PATIENCE, "statistics", || !statistics().is_empty());
    assert!(statistics().iter().all(|key| key.starts_with("mini.")), "{:?}", statistics());
    lab(state, &["down", "--lab", "mini"]);
    assert_eq!(server.ask::<Vec<String>>(2, &["KEYS", "*"]), ["somebody-elses-queue"]);
    for database in [3, 4] {
        assert_eq!(server.ask::<Vec<String>>(database, &["KEYS", "*"]), [""; 0], "{database}");
    }
}
