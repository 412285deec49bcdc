//! What a botnet does when something beneath it fails: nothing is lost, nothing doubled.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::faulty::End;
use super::*;

/// A report of Shadowserver with so many rows; the addresses start at 10.`net`.0.0.
fn report(net: u8, rows: usize) -> String {
    let row = |row: usize| {
        let ip = format!("10.{net}.{}.{}", row / 256, row % 256);
        format!("\"2026-01-18 04:00:00\",\"{ip}\",\"tcp\",\"23\",\"telnet\"\n")
    };
    let header = "\"timestamp\",\"ip\",\"protocol\",\"port\",\"tag\"\n".to_owned();
    let text: String = std::iter::once(header).chain((0..rows).map(row)).collect();
    let name = "2026-01-18-scan_telnet-lab-geo.csv";
    let raw = STANDARD.encode(text);
    format!("{{\"__type\": \"Report\", \"extra.file_name\": \"{name}\", \"raw\": \"{raw}\"}}")
}

/// Returns the addresses of the events in a file, with how many lines there are.
fn addresses(lab: &Lab, file: &str) -> (usize, BTreeSet<String>) {
    let lines = lab.lines(file);
    let ip = |line: &String| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["source.ip"].as_str().unwrap().to_owned()
    };
    (lines.len(), lines.iter().map(ip).collect())
}

const PARSER: &str = "
parser:
  module: intelmq.bots.parsers.shadowserver.parser
  parameters:
    instances_threads: INSTANCES
    destination_queues: {_default: [output-queue]}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt}
";

#[test]
fn no_report_starts_where_another_was_left() {
    for instances in ["0", "2"] {
        let lab = Lab::new(&PARSER.replace("INSTANCES", instances));
        lab.send("parser-queue", &[report(1, 2000), report(2, 2000), report(3, 2000), report(3, 2000)]);
        lab.idle();
        let (lines, different) = addresses(&lab, "events.txt");
        assert_eq!((lines, different.len()), (8000, 6000), "{instances} instances");
    }
}

#[test]
fn a_report_that_was_cleared_away_leaves_no_position_to_the_next() {
    let lab = Lab::new(&PARSER.replace("INSTANCES", "0"));
    // The second batch of the report fails until the bot is stopped.
    lab.faulty.fail((1, usize::MAX), End::Lost, |hop| {
        hop.state.iter().any(|entry| entry.key.starts_with(b"resume"))
    });
    lab.send("parser-queue", &[report(1, 2000)]);
    lab.wait(|snapshot| bot(snapshot, "parser").last_error.is_some());
    lab.botnet.act("parser", BotAction::Stop).unwrap();
    lab.faulty.heal();
    lab.broker.clear("parser-queue").unwrap();
    lab.send("parser-queue", &[report(2, 2000)]);
    lab.botnet.act("parser", BotAction::Start).unwrap();
    lab.idle();
    let (_, different) = addresses(&lab, "events.txt");
    assert_eq!(different.iter().filter(|address| address.starts_with("10.2.")).count(), 2000);
}

fn holds(hop: &Hop, key: &str, value: bool) -> bool {
    hop.state.iter().any(|entry| entry.key.starts_with(key.as_bytes()) && entry.value.is_some() == value)
}

#[test]
fn no_dumped_message_is_overwritten_before_it_is_in_the_dump_file() {
    let invalid = (0..10).map(|_| event("invalid")).collect::<Vec<_>>();
    for instances in ["0", "2"] {
        let lab = Lab::new(&chain(&format!("instances_threads: {instances}")));
        let dump = lab.folder.path().join("log/second.dump");
        std::fs::create_dir_all(&dump).unwrap();
        lab.send("second-queue", &invalid);
        let failed = lab.wait(|snapshot| bot(snapshot, "second").state == BotState::Failed);
        let error = bot(&failed, "second").last_error.clone().unwrap();
        assert!(error.contains("Cannot write the dump file"), "{error}");
        // Once more: what is kept stays kept.
        lab.botnet.act("second", BotAction::Start).unwrap();
        lab.wait(|snapshot| bot(snapshot, "second").state == BotState::Failed);
        std::fs::remove_dir(&dump).unwrap();
        lab.botnet.act("second", BotAction::Start).unwrap();
        lab.idle();
        assert_eq!(lab.dumped("second").len(), 10, "{instances} instances");
    }
}

#[test]
fn dumped_messages_outlive_a_broker_that_fails_at_any_moment() {
    for (value, end) in [(true, End::Lost), (true, End::Stored), (false, End::Lost), (false, End::Stored)] {
        for after in 0..3 {
            let lab = Lab::new(&chain("instances_threads: 2"));
            lab.faulty.fail((after, 2), end, move |hop| holds(hop, "dump-outbox", value));
            let mut messages = (0..10).map(|_| event("invalid")).collect::<Vec<_>>();
            messages.extend(events(5));
            lab.send("second-queue", &messages);
            lab.idle();
            assert_eq!(lab.faulty.left(), 0);
            assert_eq!(lab.dumped("second").len(), 10, "{end:?} after {after}");
            assert_eq!(lab.lines("events.txt").len(), 5, "{end:?} after {after}");
        }
    }
}

#[test]
fn a_dump_that_cannot_be_recovered_is_told() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    lab.botnet.act("second", BotAction::Stop).unwrap();
    let wiring = Wiring { bot: "second".to_owned(), source: None, destinations: vec![] };
    let entry = crate::broker::StateEntry {
        bot: "second".into(),
        key: b"dump-outbox".to_vec(),
        value: Some(b"of another version".to_vec()),
        ttl: None,
    };
    lab.broker.link(&wiring).unwrap().commit(Hop { state: vec![entry], ..Hop::default() }).unwrap();
    lab.botnet.act("second", BotAction::Restart).unwrap();
    // The first start already knew what stands there.
    lab.configure("logging_level: INFO", "logging_level: DEBUG");
    lab.botnet.act("second", BotAction::Start).unwrap();
    let snapshot = lab.wait(|snapshot| bot(snapshot, "second").state == BotState::Failed);
    let error = bot(&snapshot, "second").last_error.clone().unwrap();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn a_commit_that_fails_is_collected_again() {
    let rows: Vec<String> = (0..100).map(|row| format!("row {row}")).collect();
    for (after, end) in (0..4).flat_map(|after| [(after, End::Lost), (after, End::Stored)]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("in/one.csv"), rows.join("\n") + "\n").unwrap();
        let lab = Lab::in_folder(
            folder,
            "
collector:
  module: intelmq.bots.collectors.file.collector_file
  enabled: false
  parameters:
    path: LAB/in/
    postfix: .csv
    delete_file: true
    chunk_size: 200
    chunk_replicate_header: false
    rate_limit: 3600
    destination_queues: {_default: [output-queue]}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/reports.txt, single_key: raw}
",
        );
        lab.faulty.fail((after, 1), end, |hop| !hop.outgoing.is_empty());
        lab.botnet.act("collector", BotAction::Start).unwrap();
        lab.wait(|snapshot| bot(snapshot, "collector").rounds == 1 && snapshot.idle);
        assert_eq!(lab.faulty.left(), 0);
        let mut lines = lab.lines("reports.txt");
        lines.retain(|line| !line.is_empty());
        assert_eq!(lines, rows, "{end:?} after {after}");
        assert!(!lab.folder.path().join("in/one.csv").exists());
    }
}

#[test]
fn what_a_file_holds_is_what_the_store_says_whatever_became_of_a_commit() {
    for (after, end) in (0..3).flat_map(|after| [(after, End::Lost), (after, End::Stored)]) {
        let lab = Lab::new(&chain("logging_level: INFO"));
        lab.faulty.fail((after, 2), end, |hop| hop.acknowledge > 0);
        lab.send("first-queue", &events(2000));
        let snapshot = lab.idle();
        assert_eq!(lab.faulty.left(), 0);
        let numbers: Vec<String> = lab
            .lines("events.txt")
            .iter()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["comment"].to_string())
            .collect();
        let expected: Vec<String> = (0..2000).map(|number| format!("\"n{number}\"")).collect();
        assert!(numbers == expected, "{end:?} after {after}: {} lines", numbers.len());
        let journal = lab.botnet.surroundings().journal.as_ref().unwrap().page(0, 100_000).unwrap();
        assert_eq!(journal.entries.len(), 8000, "{end:?} after {after}");
        assert!(bot(&snapshot, "output").last_error.is_none());
    }
}

#[test]
fn a_bot_that_panics_while_it_is_made_has_failed_and_says_so() {
    let lab = Lab::new(&chain("unmade: true"));
    let snapshot = lab.botnet.snapshot().unwrap();
    let second = bot(&snapshot, "second");
    assert_eq!(second.state, BotState::Failed);
    assert!(second.last_error.as_ref().unwrap().contains("asked to panic"), "{second:?}");
}

#[test]
fn two_outputs_never_write_into_one_file() {
    // Validation cannot see that both names are those of one file.
    let lab = Lab::new(
        "
global: {error_retry_delay: 0, error_max_retries: 0}
first:
  module: intelmq.bots.experts.troubled.expert
  parameters: {destination_queues: {_default: [left-queue, right-queue]}}
left:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt}
right:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/./out/../events.txt}
",
    );
    std::fs::create_dir(lab.folder.path().join("out")).unwrap();
    lab.send("first-queue", &events(10));
    let snapshot = lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 10);
    let refused = [bot(&snapshot, "left"), bot(&snapshot, "right")].map(|bot| bot.last_error.clone());
    let error = refused.into_iter().flatten().next().unwrap();
    assert!(error.contains("another bot or process appends to this file"), "{error}");
    assert_eq!(lab.dumped("left").len() + lab.dumped("right").len(), 10);
}

#[test]
fn more_files_than_may_be_open_are_all_written() {
    let lab = Lab::new(
        "
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: 'LAB/out/{event[comment]}.txt', format_filename: true}
",
    );
    let several: Vec<String> = events(600).into_iter().chain(events(600)).collect();
    lab.send("output-queue", &several);
    lab.idle();
    let lines: usize = (0..600).map(|number| lab.lines(&format!("out/n{number}.txt")).len()).sum();
    assert_eq!(lines, 1200);
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let open = open.filter(|file| file.starts_with(lab.folder.path().join("out"))).count();
    assert!(open <= 64, "{open} are open");
}
