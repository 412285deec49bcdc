//! Bots of a lab that run in processes of their own, as in containers: what the lab's agent sees of them, and has them do.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use intelmq_lab::runtime::control::{BotAction, BotState, Client, ControlError, Snapshot};

use crate::support::{program, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A botnet whose last bot comes with a later configuration.
const RUNTIME: &str = "
file-collector:
  module: intelmq.bots.collectors.file.collector_file
  parameters:
    {path: LAB/in/, postfix: .csv, delete_file: true, rate_limit: 3600, destination_queues: {_default: [csv-parser-queue]}}
csv-parser:
  module: intelmq.bots.parsers.generic.parser_csv
  parameters:
    {columns: [source.ip, source.port], type: scanner, default_fields: {classification.type: scanner}, destination_queues: {_default: [NEXT-queue]}}
MIDDLE
file-output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/out/events.jsonl}
";

const DEDUPLICATOR: &str = "
deduplicator-expert:
  module: intelmq.bots.experts.deduplicator.expert
  parameters:
    {redis_cache_ttl: 3600, filter_type: whitelist, filter_keys: source.ip, destination_queues: {_default: [file-output-queue]}}
";

const BOTS: [&str; 4] = ["file-collector", "csv-parser", "deduplicator-expert", "file-output"];

/// A program that ends with the test.
struct Running(Child);

impl Running {
    fn start(lab: &Path, words: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.current_dir(lab).args(words).args([
            "--state=state",
            "--log=log",
            "--log-format=json",
            "--lab=.",
        ]);
        command.arg(format!("--broker-url=redis+unix://{}/redis.sock?db=2", lab.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A lab with a server, an agent, and a process for each bot.
struct Lab {
    folder: tempfile::TempDir,
    client: Client,
    bots: Vec<Running>,
    _agent: Running,
    _server: Running,
}

impl Lab {
    fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var_os("CI").is_none(), "redis-server is not on PATH");
            eprintln!("skipped: redis-server is not on PATH");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["etc", "in", "out", "state", "log"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        fs::write(path.join("etc/runtime.yaml"), runtime(path, "file-output", "")).unwrap();
        let mut server = Command::new("redis-server");
        server.args(["--port", "0", "--save", "", "--unixsocket"]).arg(path.join("redis.sock"));
        server.arg("--dir").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Running(server.spawn().unwrap());
        until(PATIENCE, "the server", || path.join("redis.sock").exists());
        let apart = BOTS.map(|bot| format!("--apart={bot}"));
        let words = ["botnet", "run", "etc/runtime.yaml", "--listen=127.0.0.1:0"].into_iter();
        let words: Vec<&str> = words.chain(apart.iter().map(String::as_str)).collect();
        let agent = Running::start(path, &words);
        until(PATIENCE, "the agent", || path.join("api.json").exists());
        let client = Client::new(&path.join("control.sock")).unwrap();
        let bots = BOTS.map(|bot| bot_of(path, bot)).into();
        Some(Lab { folder, client, bots, _agent: agent, _server: server })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until the botnet rests in two equal looks.
    fn idle(&self) -> Snapshot {
        let mut last = self.client.snapshot().unwrap();
        until(PATIENCE, "a rest", || {
            let now = self.client.snapshot().unwrap();
            let rests = now.idle && last.idle && now.activity == last.activity;
            last = now;
            rests
        });
        last
    }

    /// Puts rows in, and returns what has come out once the botnet rests.
    fn seed(&self, name: &str, rows: &str) -> usize {
        self.client.put_file(&format!("in/{name}.csv"), rows.as_bytes().to_vec()).unwrap();
        self.client.run_collectors().unwrap();
        self.idle();
        self.events()
    }

    fn events(&self) -> usize {
        let out = self.client.get_file("out/events.jsonl").unwrap().unwrap_or_default();
        String::from_utf8(out).unwrap().lines().count()
    }

    fn state(&self, bot: &str) -> BotState {
        self.client.snapshot().unwrap().bots.iter().find(|status| status.id == bot).unwrap().state
    }
}

fn bot_of(lab: &Path, bot: &str) -> Running {
    Running::start(lab, &["bot", "run", bot, "--runtime=etc/runtime.yaml"])
}

fn runtime(lab: &Path, next: &str, middle: &str) -> String {
    let text = RUNTIME.replace("NEXT", next).replace("MIDDLE", middle);
    text.replace("LAB", &lab.display().to_string())
}

#[test]
fn an_agent_speaks_for_bots_in_processes_of_their_own() {
    let Some(mut lab) = Lab::start() else { return };
    until(PATIENCE, "the bots", || {
        lab.client.snapshot().unwrap().bots.iter().all(|bot| bot.state == BotState::Running)
    });
    assert_eq!(lab.seed("one", "192.0.2.1,80\n192.0.2.2,80\n192.0.2.1,81\n"), 3);

    // A bot that comes with a configuration has its process already.
    lab.client.configure(&runtime(lab.path(), "deduplicator-expert", DEDUPLICATOR)).unwrap();
    assert_eq!(lab.state("deduplicator-expert"), BotState::Running);
    assert_eq!(lab.seed("two", "192.0.2.1,80\n192.0.2.2,80\n192.0.2.1,81\n"), 5);
    let bots = lab.idle().bots;
    let counts =
        bots.iter().map(|bot| (bot.received, bot.dropped, bot.sent.values().sum())).collect::<Vec<_>>();
    assert_eq!(counts, [(0, 0, 2), (2, 0, 6), (3, 1, 2), (5, 0, 0)]);

    // One that is stopped stays so, also when its process dies; its messages wait.
    lab.client.act("file-output", BotAction::Stop).unwrap();
    lab.bots[3].kill();
    until(PATIENCE, "the loss to be seen", || lab.state("file-output") == BotState::Starting);
    lab.bots[3] = bot_of(lab.path(), "file-output");
    until(PATIENCE, "the bot", || lab.state("file-output") == BotState::Stopped);
    assert_eq!(lab.seed("three", "192.0.2.3,80\n"), 5);
    assert_eq!(lab.client.peek("file-output-queue", 10).unwrap().len(), 1);
    lab.client.act("file-output", BotAction::Start).unwrap();
    lab.idle();
    assert_eq!(lab.events(), 6);

    // What all of them wrote is one stream, in the order in which it happened.
    let journal = lab.client.journal(0, 1000).unwrap();
    let first: Vec<&str> = journal.entries.iter().take(3).map(|entry| entry.bot.as_str()).collect();
    assert_eq!(first, ["file-collector", "csv-parser", "file-output"]);
    assert!(lab.client.journal(journal.next, 10).unwrap().entries.is_empty());
    let log = lab.client.log(Some("csv-parser"), 0, 1000).unwrap();
    assert!(log.lines.iter().any(|line| line.message.contains("Sent 3 events")), "{log:?}");
}

#[test]
fn what_a_dead_process_has_in_hand_is_not_lost_and_not_forgotten() {
    let Some(mut lab) = Lab::start() else { return };
    until(PATIENCE, "the bots", || {
        lab.client.snapshot().unwrap().bots.iter().all(|bot| bot.state == BotState::Running)
    });
    lab.bots[3].kill();
    until(PATIENCE, "the loss to be seen", || lab.state("file-output") == BotState::Starting);
    let told = lab.client.act("file-output", BotAction::Restart);
    assert!(
        matches!(&told, Err(ControlError::Refused(problem)) if problem.title.contains("does not answer")),
        "{told:?}"
    );
    lab.client.put_file("in/one.csv", b"192.0.2.1,80\n".to_vec()).unwrap();
    lab.client.run_collectors().unwrap();
    let snapshot = lab.client.snapshot_after(u64::MAX, Duration::from_millis(300)).unwrap();
    assert!(!snapshot.idle, "one that is dead may have something in hand");
    lab.bots[3] = bot_of(lab.path(), "file-output");
    until(PATIENCE, "the bot", || lab.state("file-output") == BotState::Running);
    lab.idle();
    assert_eq!(lab.events(), 1);
}
