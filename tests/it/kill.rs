//! `kill -9` at any moment: nothing lost, nothing doubled.
//!
//! Reports of 20,000 rows keep arriving until the whole chain was killed often enough with messages in flight; after the last
//! restart the output file must hold each event exactly once.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{program, until};

const ROWS: usize = 20_000;
const KILLS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(120);

/// The chain in which every bot hands its messages straight on.
#[test]
#[ignore = "takes a minute; `scripts/test kill` runs it with the released program"]
fn a_chain_that_hands_on_survives_being_killed() {
    survive("", KILLS);
}

/// The chain in which every message lies in a queue between two bots.
#[test]
#[ignore = "takes a minute; `scripts/test kill` runs it with the released program"]
fn a_chain_that_queues_survives_being_killed() {
    survive("    instances_threads: 2\n", KILLS);
}

fn survive(stateless: &str, kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let botnet = Botnet::new(folder.path(), stateless);
    let mut random = Random(0x5eed);
    let (mut reports, mut hits) = (0, 0);
    while hits < kills {
        let mut process = botnet.start();
        let before = botnet.lines();
        if before == reports * ROWS {
            botnet.deliver(reports);
            reports += 1;
        }
        let rest = reports * ROWS - before;
        let goal = before + random.below(rest);
        until(PATIENCE, "events in the output", || {
            botnet.lines() > goal || process.try_wait().unwrap().is_some()
        });
        process.kill().unwrap();
        process.wait().unwrap();
        // Only what was killed with messages in flight counts.
        hits += usize::from(botnet.lines() < reports * ROWS);
    }
    let mut process = botnet.start();
    until(PATIENCE, "the last event", || botnet.lines() >= reports * ROWS);
    botnet.deliver(reports);
    until(PATIENCE, "the events of one more report", || botnet.lines() >= (reports + 1) * ROWS);
    rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::TERM)
        .unwrap();
    assert!(process.wait().unwrap().success());
    botnet.assert_each_event_once((reports + 1) * ROWS);
}

struct Botnet<'a> {
    folder: &'a Path,
    /// How many bytes of the output were counted, and how many lines they hold.
    counted: Cell<(u64, usize)>,
}

impl<'a> Botnet<'a> {
    fn new(folder: &'a Path, stateless: &str) -> Self {
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
        Botnet { folder, counted: Cell::default() }
    }

    fn start(&self) -> Child {
        let stderr =
            std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("stderr")).unwrap();
        Command::new(program())
            .args(["botnet", "run"])
            .arg(self.folder.join("etc/runtime.yaml"))
            .arg("--state")
            .arg(self.folder.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap()
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

    /// Counts the lines that are written, reading only what is new; after a cut it counts anew.
    fn lines(&self) -> usize {
        let Ok(mut file) = File::open(self.folder.join("events.txt")) else { return 0 };
        let (mut read, mut lines) = self.counted.get();
        if file.metadata().unwrap().len() < read {
            (read, lines) = (0, 0);
        }
        file.seek(SeekFrom::Start(read)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        // Half a line may be cut off and written otherwise; it is counted when it is whole.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        lines += bytes[..whole].split(|byte| *byte == b'\n').count().saturating_sub(1);
        self.counted.set((read + whole as u64, lines));
        lines
    }

    fn assert_each_event_once(&self, expected: usize) {
        let text = std::fs::read_to_string(self.folder.join("events.txt")).unwrap();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for line in text.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            *seen.entry(event["extra.banner"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let doubled = seen.values().filter(|count| **count > 1).count();
        assert_eq!((seen.len(), doubled), (expected, 0), "(different events, events that occur twice)");
        assert!(!self.folder.join("state/log/parser.dump").exists(), "nothing may be dumped");
    }
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
