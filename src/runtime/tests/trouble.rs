//! What a botnet does when something beneath it fails: nothing is lost, nothing doubled.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::faulty::End;
use super::*;

/// A report of Shadowserver with so many rows; the addresses start at 10.`net`.0.0.
fn report(net: u8, rows: usize) -> String {
    let mut text = "\"timestamp\",\"ip\",\"protocol\",\"port\",\"tag\"\n".to_owned();
    for row in 0..rows {
        text += &format!(
            "\"2026-01-18 04:00:00\",\"10.{net}.{}.{}\",\"tcp\",\"23\",\"telnet\"\n",
            row / 256,
            row % 256
        );
    }
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
