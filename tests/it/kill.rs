//! `kill -9` at any moment: nothing lost, and nothing doubled where hops are atomic.
//!
//! Reports of 20,000 rows keep arriving until the whole chain was killed often enough with messages in flight, and its server,
//! if it has one, was ended by force and started again; in the end the output file must hold each event once.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::servers::Server;
use crate::support::{program, until};

const ROWS: usize = 20_000;
const KILLS: usize = 50;
const RESTARTS: usize = 5;
/// How many messages a bot has in hand at most.
const BATCH: usize = 500;
const PATIENCE: Duration = Duration::from_secs(120);

/// The chain in which every bot hands its messages straight on.
#[test]
#[ignore = "takes a minute; `scripts/test kill` runs it with the released program"]
fn a_chain_that_hands_on_survives_being_killed() {
    survive("", None);
}

/// The chain in which every message lies in a queue between two bots.
#[test]
#[ignore = "takes a minute; `scripts/test kill` runs it with the released program"]
fn a_chain_that_queues_survives_being_killed() {
    survive(QUEUED, None);
}

#[test]
#[ignore = "takes minutes; `scripts/test kill` runs it with the released program"]
fn a_chain_on_redis_survives_being_killed() {
    survive(QUEUED, Some("redis"));
}

#[test]
#[ignore = "takes minutes; `scripts/test kill` runs it with the released program"]
fn a_chain_on_rabbitmq_survives_being_killed() {
    survive(QUEUED, Some("rabbitmq"));
}

#[test]
#[ignore = "takes minutes; `scripts/test kill` runs it with the released program"]
fn a_chain_on_kafka_survives_being_killed() {
    survive(QUEUED, Some("kafka"));
}

/// Several instances are never handed a message within the process.
const QUEUED: &str = "    instances_threads: 2\n";

fn survive(stateless: &str, broker: Option<&'static str>) {
    let (begin, folder) = (Instant::now(), tempfile::tempdir().unwrap());
    let server = broker.map(|broker| Server::start(folder.path(), broker));
    let server = match server {
        Some(None) => return,
        server => server.flatten(),
    };
    let botnet = Botnet::new(folder.path(), stateless, server.as_ref());
    let mut random = Random(0x5eed);
    let wanted = if server.is_some() { RESTARTS } else { 0 };
    let (mut reports, mut kills, mut restarts) = (0, 0, 0);
    while kills < KILLS || restarts < wanted {
        let mut process = botnet.start();
        let before = botnet.events();
        if before == reports * ROWS {
            botnet.deliver(reports);
            reports += 1;
        }
        let goal = before + random.below(reports * ROWS - before);
        until(PATIENCE, "events in the output", || {
            botnet.events() > goal || process.try_wait().unwrap().is_some()
        });
        if let Some(server) = server.as_ref().filter(|_| restarts * KILLS < kills * wanted || kills == KILLS)
        {
            server.restart();
            restarts += usize::from(botnet.events() < reports * ROWS);
            let here = botnet.events();
            until(PATIENCE, "events after the server's restart", || {
                botnet.events() > here || here == reports * ROWS
            });
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // Only what was killed with messages in flight counts.
        kills += usize::from(botnet.events() < reports * ROWS);
    }
    botnet.finish(reports);
    let (missing, doubled) = botnet.missing_and_doubled((reports + 1) * ROWS);
    eprintln!(
        "{}: {kills} kills, {restarts} restarts, {} events: {missing} lost, {doubled} doubled, {:.0} s",
        broker.unwrap_or("embedded"),
        (reports + 1) * ROWS,
        begin.elapsed().as_secs_f32()
    );
    // A hop that is not stored whole may be done again with each death.
    let most = if broker == Some("rabbitmq") { (kills + restarts) * BATCH } else { 0 };
    assert!(missing == 0 && doubled <= most, "{missing} events are missing, {doubled} occur twice");
    assert!(!folder.path().join("state/log/parser.dump").exists(), "nothing may be dumped");
}

struct Botnet<'a> {
    folder: &'a Path,
    url: Option<String>,
    counted: RefCell<Counted>,
}

/// What was read of the output.
#[derive(Default)]
struct Counted {
    bytes: u64,
    /// How often each row was seen.
    rows: Vec<u32>,
    events: usize,
}

impl<'a> Botnet<'a> {
    fn new(folder: &'a Path, stateless: &str, server: Option<&Server>) -> Self {
        for sub in ["in", "etc", "state"] {
            std::fs::create_dir(folder.join(sub)).unwrap();
        }
        let path = folder.display();
        let runtime = format!(
            "collector:
  module: intelmq.bots.collectors.file.collector_file
  parameters:
    path: {path}/in/
    postfix: .csv
    delete_file: true
    rate_limit: 0.05
    destination_queues: {{_default: [parser-queue]}}
parser:
  module: intelmq.bots.parsers.shadowserver.parser
  parameters:
    destination_queues: {{_default: [deduplicator-queue]}}
deduplicator:
  module: intelmq.bots.experts.deduplicator.expert
  parameters:
    filter_keys: raw,time.observation
    destination_queues: {{_default: [taxonomy-queue]}}
taxonomy:
  module: intelmq.bots.experts.taxonomy.expert
  parameters:
{stateless}    destination_queues: {{_default: [url-queue]}}
url:
  module: intelmq.bots.experts.url.expert
  parameters:
{stateless}    destination_queues: {{_default: [output-queue]}}
output:
  module: intelmq.bots.outputs.file.output
  parameters:
    file: {path}/events.txt
"
        );
        std::fs::write(folder.join("etc/runtime.yaml"), runtime).unwrap();
        Botnet { folder, url: server.map(Server::url), counted: RefCell::default() }
    }

    fn start(&self) -> Child {
        let stderr =
            std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("stderr")).unwrap();
        let mut command = Command::new(program());
        command.args(["botnet", "run"]).arg(self.folder.join("etc/runtime.yaml"));
        command.arg("--state").arg(self.folder.join("state"));
        if let Some(url) = &self.url {
            command.args(["--broker-url", url]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap()
    }

    /// Puts a report in whose rows occur in no other.
    fn deliver(&self, number: usize) {
        let mut text = String::from(
            "\"timestamp\",\"ip\",\"port\",\"protocol\",\"hostname\",\"tag\",\"asn\",\"geo\",\"banner\"\n",
        );
        for row in number * ROWS..(number + 1) * ROWS {
            let (low, port) = (row % 250, 1024 + row % 60_000);
            let _ = writeln!(
                text,
                "\"2026-01-15 01:02:03\",\"192.0.2.{low}\",\"{port}\",\"tcp\",\"h{row}.example.net\",\"telnet\",\"64496\",\"AT\",\"row {row}\""
            );
        }
        let hidden = self.folder.join("in/.part");
        std::fs::write(&hidden, text).unwrap();
        std::fs::rename(hidden, self.folder.join(format!("in/2026-01-15-scan_telnet-lab{number}.csv")))
            .unwrap();
    }

    /// Lets everything arrive, then one more report, and ends the botnet politely.
    fn finish(&self, reports: usize) {
        let mut process = self.start();
        until(PATIENCE, "the last event", || self.events() >= reports * ROWS);
        self.deliver(reports);
        until(PATIENCE, "the events of one more report", || self.events() >= (reports + 1) * ROWS);
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(process.wait().unwrap().success());
    }

    /// Counts the different events that are written, reading only what is new; after a cut it counts anew.
    fn events(&self) -> usize {
        let Ok(mut file) = File::open(self.folder.join("events.txt")) else { return 0 };
        let mut counted = self.counted.borrow_mut();
        if file.metadata().unwrap().len() < counted.bytes {
            *counted = Counted::default();
        }
        file.seek(SeekFrom::Start(counted.bytes)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        // Half a line may be cut off and written otherwise; it is counted when it is whole.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        for line in std::str::from_utf8(&bytes[..whole]).unwrap().lines() {
            let row = row(line);
            if counted.rows.len() <= row {
                counted.rows.resize(row + 1, 0);
            }
            counted.events += usize::from(counted.rows[row] == 0);
            counted.rows[row] += 1;
        }
        counted.bytes += whole as u64;
        counted.events
    }

    /// Reads the whole output; returns how many of the rows are not there, and how many more than once.
    fn missing_and_doubled(&self, expected: usize) -> (usize, usize) {
        self.counted.take();
        let events = self.events();
        let doubled = self.counted.borrow().rows.iter().filter(|count| **count > 1).count();
        (expected - events, doubled)
    }
}

/// Returns the number of the row that an event was made of.
fn row(line: &str) -> usize {
    let (_, rest) = line.split_once("\"row ").unwrap();
    rest[..rest.find('"').unwrap()].parse().unwrap()
}

/// A small generator of numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
