//! What a botnet does when something beneath it fails: nothing is lost, nothing doubled.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::faulty::End;
use super::*;
use crate::runtime::control::{self, Requeue};

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

/// A web page that answers with an error until it is made well.
fn page() -> (String, Arc<AtomicBool>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let status = if is_well.load(Ordering::SeqCst) { "200 OK" } else { "503 Away" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\nConnection: close\r\n\r\na,b");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, well)
}

/// A collector of a web page, and an output.
fn reader(global: &str, url: &str) -> String {
    format!(
        "
global: {global}
collector:
  module: intelmq.bots.collectors.http.collector_http
  parameters: {{http_url: \"{url}\", destination_queues: {{_default: [output-queue]}}}}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {{file: LAB/reports.txt}}
"
    )
}

#[test]
fn a_collector_before_its_next_try_rests_and_can_be_hurried() {
    let (url, well) = page();
    let lab = Lab::new(&reader("{error_retry_delay: 3600, error_max_retries: 9}", &url));
    let snapshot = lab.wait(|snapshot| bot(snapshot, "collector").retrying);
    assert!(snapshot.idle && !bot(&snapshot, "collector").busy);
    assert_eq!(bot(&snapshot, "collector").rounds, 0);
    well.store(true, Ordering::SeqCst);
    lab.botnet.run_collectors();
    let snapshot = lab.wait(|snapshot| snapshot.idle && bot(snapshot, "collector").rounds == 1);
    assert_eq!(lab.lines("reports.txt").len(), 1);
    assert!(!bot(&snapshot, "collector").retrying);
}

#[test]
fn a_collector_that_failed_rests_also_without_a_rate_limit() {
    let (url, _) = page();
    let text = reader("{error_retry_delay: 0, error_max_retries: 0}", &url);
    let lab = Lab::new(&text.replace("{http_url", "{rate_limit: 0, http_url"));
    let began = std::time::Instant::now();
    lab.wait(|snapshot| bot(snapshot, "collector").rounds == 2);
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
}

#[test]
fn a_round_that_ends_while_a_new_configuration_comes_is_not_done_again() {
    let (url, well) = page();
    well.store(true, Ordering::SeqCst);
    let text = reader("{}", &url);
    let lab = Lab::new(&text.replace("  parameters: {http_url", "  enabled: false\n  parameters: {http_url"));
    let (commits, commit) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    lab.faulty.fail((0, 0), End::Lost, move |hop| {
        if !hop.outgoing.is_empty() {
            let _ = commits.send(());
            let _ = released.recv();
        }
        false
    });
    let enabled = lab.botnet.configuration().text.replace("enabled: false", "enabled: true");
    lab.botnet.configure(&enabled).unwrap();
    commit.recv().unwrap();
    std::thread::scope(|scope| {
        let configured = scope.spawn(|| lab.botnet.configure(&enabled.replace("reports.txt", "again.txt")));
        lab.wait(|_| lab.botnet.with_slot("collector", |slot| slot.switch.stopping()).unwrap());
        release.send(()).unwrap();
        configured.join().unwrap().unwrap();
    });
    drop(release);
    let snapshot = lab.idle();
    assert_eq!(bot(&snapshot, "collector").rounds, 1);
    assert_eq!(lab.lines("reports.txt").len() + lab.lines("again.txt").len(), 1);
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
fn a_bot_that_does_not_end_holds_up_nobody_and_loses_nothing() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    lab.send("second-queue", &[event(&format!("wait for {}", outside.local_addr().unwrap())), event("a")]);
    let (held, _) = outside.accept().unwrap();
    let refused = lab.botnet.act("second", BotAction::Restart).unwrap_err().to_string();
    assert!(refused.contains("second: The bot was told to stop and has not ended"), "{refused}");
    let snapshot = lab.botnet.snapshot().unwrap();
    assert_eq!(bot(&snapshot, "second").state, BotState::Failed);
    assert!(bot(&snapshot, "second").last_error.as_ref().unwrap().contains("has not ended"));
    lab.botnet.act("url", BotAction::Restart).unwrap();
    // A new configuration has a new one, although the old one waits still.
    lab.configure("logging_level: INFO", "logging_level: DEBUG");
    lab.send("second-queue", &[event("b")]);
    lab.wait(|_| lab.lines("events.txt").len() == 1);
    assert_eq!(bot(&lab.botnet.snapshot().unwrap(), "second").state, BotState::Running);
    drop(held);
    lab.idle();
    assert_eq!(lab.lines("events.txt").len(), 3);
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

#[test]
fn putting_back_is_for_all_chosen_or_none_and_keeps_every_byte() {
    let lab = Lab::new(&chain("logging_level: INFO"));
    lab.botnet.act("url", BotAction::Stop).unwrap();
    let broken = b"\xff{\"comment\": \"x\"";
    let outgoing = vec![Outgoing { queue: "second-queue".into(), body: broken.to_vec() }];
    let wiring = Wiring { bot: "test".into(), source: None, destinations: vec!["second-queue".to_owned()] };
    lab.broker.link(&wiring).unwrap().commit(Hop { outgoing, ..Hop::default() }).unwrap();
    lab.send("second-queue", &[event("invalid"), event("invalid")]);
    lab.wait(|snapshot| bot(snapshot, "second").failed == 3);
    let requeue = |what: Requeue| control::requeue(&lab.botnet, "second", &what);
    // To a queue that is none: nothing moves.
    let refused = requeue(Requeue { queue: Some("ulr-queue".into()), ..Requeue::default() }).unwrap_err();
    assert!(format!("{refused:?}").contains("did you mean \\\"url-queue\\\""), "{refused:?}");
    // One entry that cannot be sent: none is.
    let dump = lab.folder.path().join("log/second.dump");
    let text = std::fs::read_to_string(&dump).unwrap();
    let mut records: serde_json::Value = serde_json::from_str(&text).unwrap();
    let last = records.as_object().unwrap().keys().next_back().unwrap().clone();
    records[&last]["source_queue"] = serde_json::Value::Null;
    std::fs::write(&dump, records.to_string()).unwrap();
    requeue(Requeue::default()).unwrap_err();
    assert_eq!(lab.dumped("second").len(), 3);
    assert_eq!(lab.broker.depth("second-queue").unwrap().total(), 0);
    // All of them to another queue, byte for byte.
    let all = requeue(Requeue { queue: Some("url-queue".into()), ..Requeue::default() }).unwrap();
    assert_eq!((all.count, lab.dumped("second").len()), (3, 0));
    let bodies = lab.broker.peek("url-queue", 10).unwrap();
    assert_eq!((bodies[0].as_slice(), bodies.len()), (&broken[..], 3));
    // The journal knows whose failure each one was, of those that can be read.
    let journal = lab.botnet.surroundings().journal.as_ref().unwrap().page(0, 1000).unwrap().entries;
    let (put_back, others): (Vec<_>, Vec<_>) = journal.iter().partition(|entry| entry.is_put_back());
    let failed = |id: &Option<String>| {
        others.iter().any(|entry| entry.failed.is_some() && Some(&entry.out[0].id) == id.as_ref())
    };
    assert_eq!(put_back.len(), 2);
    assert!(put_back.iter().all(|entry| entry.bot == "second" && failed(&entry.input)), "{journal:?}");
    let refused = control::inject_into(&lab.botnet, "url", vec![event("a")]).unwrap_err();
    assert!(format!("{refused:?}").contains("unknown-queue"), "{refused:?}");
    assert_eq!(control::inject_into(&lab.botnet, "url-queue", vec![event("a")]).unwrap().count, 1);
}

#[test]
fn a_full_journal_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::with_limit(&folder.path().join("journal.jsonl"), 2000);
    let lab = Lab::with_journal(folder, &chain("logging_level: INFO"), journal);
    lab.send("first-queue", &events(1));
    lab.idle();
    let page = || lab.botnet.surroundings().journal.as_ref().unwrap().page(0, 100_000).unwrap();
    assert!(!page().full);
    let mut count = 0;
    for _ in 0..3 {
        lab.send("first-queue", &events(10));
        lab.idle();
        assert!(page().full);
        assert!(count == 0 || count == page().entries.len());
        count = page().entries.len();
    }
    let log = lab.botnet.surroundings().logger.page(None, 0, 1000).lines;
    assert_eq!(log.iter().filter(|line| line.message.contains("The journal is full")).count(), 1);
    assert_eq!(lab.lines("events.txt").len(), 31);
}

#[test]
fn a_rest_longer_than_the_clock_counts_is_a_long_rest() {
    let lab = Lab::new(&chain("rate_limit: 1e19"));
    lab.send("second-queue", &events(2));
    let snapshot = lab.wait(|snapshot| bot(snapshot, "second").received == 1);
    assert_eq!(bot(&snapshot, "second").state, BotState::Running);
}

/// The chain with messages handed straight on, and the same where each bot takes its messages from its queue.
fn both_chains() -> [(&'static str, String); 2] {
    let handed = chain("logging_level: INFO");
    // A bot that rests after each message is handed none straight.
    let queued = handed.replace("error_max_retries: 2}", "error_max_retries: 2, rate_limit: 0.000001}");
    [("handed", handed), ("queued", queued)]
}

#[test]
fn handing_on_and_queueing_have_the_same_order_and_depths() {
    let seen = both_chains().map(|(way, runtime)| {
        let lab = Lab::new(&runtime);
        lab.send("first-queue", &events(200));
        lab.idle();
        let order = lab.lines("events.txt");
        lab.botnet.act("url", BotAction::Stop).unwrap();
        lab.send("first-queue", &[events(150), vec![event("other"), event("drop")]].concat());
        let depth = |snapshot: &Snapshot, name: &str| {
            let queue = snapshot.queues.iter().find(|queue| queue.name == name).unwrap();
            queue.waiting + queue.in_flight
        };
        let snapshot = lab.wait(|snapshot| {
            depth(snapshot, "url-queue") == 150 && bot(snapshot, "output").received == 201 && snapshot.idle
        });
        let depths: Vec<_> = snapshot
            .queues
            .iter()
            .map(|queue| (queue.name.clone(), queue.waiting, queue.in_flight))
            .collect();
        assert_eq!(order.len(), 200, "{way}");
        (order, depths)
    });
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn handing_on_and_queueing_crash_the_same() {
    let mixed: Vec<String> =
        ["a", "drop", "fail", "b", "other"].into_iter().map(event).chain(events(40)).collect();
    for (way, runtime) in both_chains() {
        for (after, end) in (0..12).step_by(3).flat_map(|after| [(after, End::Lost), (after, End::Stored)]) {
            let mut lab = Lab::new(&runtime);
            // From some commit on nothing works any more, then the process is another.
            lab.faulty.fail((after, usize::MAX), end, |hop| hop.acknowledge > 0);
            lab.send("first-queue", &mixed);
            let fails = |snapshot: &Snapshot| snapshot.bots.iter().any(|bot| bot.last_error.is_some());
            lab.wait(|snapshot| snapshot.idle || fails(snapshot));
            lab.botnet.shut_down();
            let folder = std::mem::replace(&mut lab.folder, tempfile::tempdir().unwrap());
            drop(lab);
            let lab = Lab::in_folder(folder, &runtime);
            lab.idle();
            let mut lines = lab.lines("events.txt");
            lines.sort();
            lines.dedup();
            let counts = (lines.len(), lab.lines("events.txt").len(), lab.dumped("first").len());
            assert_eq!(counts, (43, 43, 1), "{way}, {end:?} after {after}");
        }
    }
}
