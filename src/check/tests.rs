use serde_json::{Value as Json, json};

use super::*;
use crate::diagnostic::{Source, yaml};

/// Reads one expectation as a playbook has it; golden files are given as the text of the file.
fn expectation(text: &str, golden: &str) -> Expectation {
    let mut expectation: Expectation = yaml::read(&Source::new("playbook.yaml", text)).unwrap();
    match &mut expectation {
        Expectation::Events(events) => {
            for golden_events in events.exactly.iter_mut().chain(&mut events.contain) {
                if golden_events.file.is_some() {
                    golden_events.events = events_of(golden, &Places::default()).events;
                }
            }
        }
        Expectation::File(file) => file.golden = golden.to_owned(),
        _ => {}
    }
    expectation
}

/// What a lab shows after a step, idle.
fn observation() -> Observation {
    let events = [
        json!({"source.ip": "192.0.2.15", "source.port": 23, "classification.type": "open", "raw": "YQ==", "source.asn": 64496}),
        json!({"source.ip": "192.0.2.16", "source.port": 23, "classification.type": "open", "raw": "Yg=="}),
        json!({"source.ip": "192.0.2.16", "source.port": 2323, "classification.type": "scanner", "raw": "Yw=="}),
    ];
    let text: String = events.map(|event| event.to_string()).join("\n") + "\n";
    let line = |bot: &str, level, text: &str| LogSeen { bot: bot.into(), level, text: text.into() };
    let mut seen = Observation { idle: true, ..Observation::default() };
    seen.outputs.insert("events.jsonl".into(), events_of(&text, &Places::default()));
    seen.queues.insert("parser-queue".into(), 3);
    let entry = DumpSeen {
        error: "Traceback\nValueError: AS64496 is no number".into(),
        row: "head\n192.0.2.17,AS64496".into(),
    };
    seen.dumps.insert("parser".into(), vec![entry]);
    seen.log = vec![
        line("parser", LogLevel::Info, "Sent 3 events and found 1 problem(s)."),
        line("parser", LogLevel::Error, "Failed to parse line."),
        line("output", LogLevel::Warning, "slow"),
    ];
    let bot = BotSeen { state: State::Running, received: 16, sent: 15, dropped: 1, failed: 0 };
    seen.bots.insert("deduplicator".into(), bot);
    seen.files.insert("mail/64496.txt".into(), "To: abuse@example.com\n192.0.2.15\n".into());
    let answer = Answer { status: 200, body: r#"{"requests": 2, "from": ["a", "b"]}"#.into() };
    seen.answers.insert(("http://feed/seen".into(), "GET".into()), Ok(answer));
    seen.answers.insert(("http://feed/away".into(), "GET".into()), Err("connection refused".into()));
    let rows = vec![vec![json!("192.0.2.15")], vec![json!("192.0.2.16")]];
    seen.tables.insert(("sql-output".into(), "SELECT ip".into()), Ok(rows));
    let cells = vec![vec![json!("64496"), json!(2), json!("a\nb"), json!(null)]];
    seen.tables.insert(("sql-output".into(), "SELECT n".into()), Ok(cells));
    seen.tables.insert(("sql-output".into(), "SELECT x".into()), Err("no such table: x".into()));
    seen
}

/// A golden file with the three events that were seen, in another order.
const GOLDEN: &str = r#"
{"source.ip": "192.0.2.16", "source.port": 2323, "classification.type": "scanner", "raw": "Yw=="}
{"source.ip": "192.0.2.16", "source.port": 23, "classification.type": "open", "raw": "Yg=="}
{"source.ip": "192.0.2.15", "source.port": 23, "classification.type": "open", "raw": "YQ==", "source.asn": 64496}
"#;

/// Expectations that hold, and whether they hold before the botnet is idle.
const HOLDS: &[(&str, bool)] = &[
    ("events: {file: events.jsonl, count: 3}", false),
    ("events: {file: events.jsonl, count: {at_least: 3}}", true),
    ("events: {file: events.jsonl, count: {at_most: 3}}", false),
    ("events: {file: events.jsonl, exactly: g}", false),
    ("events: {file: events.jsonl, exactly: g, count: {at_least: 1}}", false),
    ("events: {file: events.jsonl, contain: g}", true),
    ("events: {file: events.jsonl, contain: [{source.ip: 192.0.2.16}, {source.port: 2323}]}", true),
    ("events: {file: events.jsonl, contain: [{source.ip: 192.0.2.16, source.asn: null}]}", true),
    ("events: {file: events.jsonl, contain: [{source.port: 23}, {source.port: 2323}], in_order: true}", true),
    ("events: {file: events.jsonl, where: {source.asn: 64496}, count: 1}", false),
    ("events: {file: events.jsonl, where: {source.asn: null}, count: 2}", false),
    (
        "events: {file: events.jsonl, where: {source.ip: 192.0.2.16}, exactly: [{source.port: 2323}, {source.port: 23}], only: [source.port]}",
        false,
    ),
    (
        "events: {file: events.jsonl, exactly: [{source.port: 23, raw: 1}, {source.port: 23, raw: 1}, {source.port: 2323, raw: 1}], only: [source.port, raw], mask: [raw], in_order: true}",
        false,
    ),
    ("events: {file: other.jsonl, count: 0}", false),
    ("queue: {name: parser-queue, depth: 3}", false),
    ("queue: {name: parser-queue, depth: {at_least: 2}}", true),
    ("queue: {name: nobody, depth: 0}", false),
    ("dump: {bot: parser}", true),
    ("dump: {bot: parser, contains: AS64496, count: 1}", false),
    ("dump: {bot: parser, matches: 'no number$'}", true),
    ("dump: {bot: output, count: 0}", false),
    ("log: {bot: parser, contains: 'Sent 3 events'}", true),
    ("log: {level: warning, count: 2}", false),
    ("log: {level: critical, count: 0}", false),
    ("log: {matches: '^Sent \\d+ events'}", true),
    ("status: {bot: deduplicator, received: 16, sent: 15, dropped: 1, failed: 0}", false),
    ("status: {bot: deduplicator, state: running}", true),
    ("file: {path: mail/64496.txt}", true),
    ("file: {path: mail/64496.txt, contains: 192.0.2.15, matches: '(?m)^To: '}", true),
    ("file: {path: mail/64496.txt, lines: 2}", false),
    ("file: {path: mail/64511.txt, exists: false}", false),
    ("http: {url: http://feed/seen, json: {requests: 2}}", true),
    ("http: {url: http://feed/seen, json: {from: [a, b]}, contains: requests, status: 200}", true),
    ("table: {bot: sql-output, query: SELECT ip, rows: [[192.0.2.15], [192.0.2.16]]}", false),
    ("table: {bot: sql-output, query: SELECT ip, count: {at_least: 2}}", true),
    ("table: {bot: sql-output, query: SELECT n, rows: [[64496, '2', \"a\\nb\", null]]}", false),
];

#[test]
fn what_holds_passes_and_what_needs_quiet_waits_for_it() {
    for (text, at_once) in HOLDS {
        let expectation = expectation(text, GOLDEN);
        let mut seen = observation();
        let verdict = judge(&expectation, &seen);
        assert_eq!(verdict.outcome, Outcome::Pass, "{text}: {verdict:#?}");
        assert!(verdict.difference.is_empty() && verdict.look.is_empty(), "{text}: {verdict:#?}");
        assert!(!verdict.seen.is_empty() && !verdict.expected.is_empty(), "{text}");
        seen.idle = false;
        let wanted = if *at_once { Outcome::Pass } else { Outcome::NotYet };
        assert_eq!(judge(&expectation, &seen).outcome, wanted, "{text}, at work");
    }
}

/// Expectations that do not hold.
const FAILS: &[&str] = &[
    "events: {file: events.jsonl, count: 5}",
    "events: {file: events.jsonl, exactly: g, count: 3}",
    "events: {file: events.jsonl, exactly: g, only: [source.ip, source.port], in_order: true}",
    "events: {file: events.jsonl, exactly: [{source.ip: 192.0.2.15}], only: [source.ip]}",
    "events: {file: events.jsonl, contain: [{source.ip: 192.0.2.16}, {source.port: 2323}, {source.port: 2323}]}",
    "events: {file: events.jsonl, contain: [{source.port: 2323}, {source.port: 23}], in_order: true}",
    "events: {file: events.jsonl, where: {source.ip: 192.0.2.15}, count: 2}",
    "events: {file: other.jsonl, count: {at_least: 1}}",
    "queue: {name: parser-queue, depth: 0}",
    "dump: {bot: parser, count: 0}",
    "dump: {bot: parser, contains: AS64511}",
    "log: {bot: parser, contains: Sent 4 events}",
    "log: {level: error, count: 0}",
    "log: {matches: '('}",
    "status: {bot: deduplicator, received: 16, sent: 14, state: stopped}",
    "status: {bot: nobody, state: running}",
    "file: {path: mail/64496.txt, lines: 3, contains: 192.0.2.16}",
    "file: {path: mail/64496.txt, equals: expected/mail.txt}",
    "file: {path: mail/64511.txt}",
    "file: {path: mail/64496.txt, exists: false}",
    "http: {url: http://feed/seen, status: 204, json: {requests: 3, to: c}}",
    "http: {url: http://feed/away}",
    "table: {bot: sql-output, query: SELECT ip, rows: [[192.0.2.15]], count: 1}",
    "table: {bot: sql-output, query: SELECT n, rows: [[64497, 2, \"a\\nb\", null]]}",
    "table: {bot: sql-output, query: SELECT n, rows: [['64496 | 2', \"a\\nb\", null]]}",
    "table: {bot: sql-output, query: SELECT n, rows: [[64496, 2, \"a\\nb\", 'null']]}",
    "table: {bot: sql-output, query: SELECT n, rows: [[64496, 2, 'a\\nb', null]]}",
    "table: {bot: sql-output, query: SELECT n, rows: [[64496, 2, '[..]', null]]}",
    "table: {bot: sql-output, query: SELECT x, count: 0}",
    "table: {bot: nobody, query: SELECT ip, count: {at_least: 1}}",
];

#[test]
fn what_does_not_hold_says_what_was_seen_and_where_to_look() {
    let mut all = Vec::new();
    for text in FAILS {
        let golden = if text.starts_with("file") {
            "To: [..]@example.com\n192.0.2.15\n192.0.2.16\n".to_owned()
        } else {
            GOLDEN.replace("\"scanner\"", "\"brute-force\"").replace("64496", "64511")
        };
        let expectation = expectation(text, &golden);
        let mut seen = observation();
        let verdict = judge(&expectation, &seen);
        assert_eq!(verdict.outcome, Outcome::Fail, "{text}: {verdict:#?}");
        assert!(!verdict.look.is_empty(), "{text}");
        seen.idle = false;
        assert_eq!(judge(&expectation, &seen).outcome, Outcome::NotYet, "{text}, at work");
        let difference =
            verdict.difference.iter().map(|line| format!("\n      {line}")).collect::<Vec<_>>().concat();
        let Verdict { expected, seen, look, .. } = verdict;
        all.push(format!("{text}\n  expected: {expected}\n  seen: {seen}{difference}\n  look: {look}\n"));
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn two_long_values_show_where_they_differ() {
    let value = |end: &str| Json::from(format!("{}{end}{}", "a".repeat(70), "b".repeat(80)));
    let mut seen = Observation { idle: true, ..Observation::default() };
    let event = Event::from([("raw".to_owned(), value("X")), ("source.ip".to_owned(), "192.0.2.1".into())]);
    seen.outputs.insert("e".into(), OutputSeen { events: vec![event], faults: Vec::new() });
    let golden = format!("{}\n", json!({"raw": value("Y"), "source.ip": "192.0.2.1"}));
    let verdict = judge(&expectation("events: {file: e, exactly: g}", &golden), &seen);
    assert!(verdict.difference[1].contains("aaaYbbb"), "{verdict:#?}");
    assert!(
        verdict.difference[2].contains("aaaXbbb") && verdict.difference[2].contains("character 71"),
        "{verdict:#?}"
    );
}

#[test]
fn lines_that_are_no_events_are_never_exact() {
    let mut seen = Observation { idle: true, ..Observation::default() };
    seen.outputs.insert("e".into(), events_of("{\"a\": 1}\n[]\n{bad}\n{\"torn\": ", &Places::default()));
    for (text, outcome) in [
        ("events: {file: e, count: 1}", Outcome::Fail),
        ("events: {file: e, exactly: [{a: 1}]}", Outcome::Fail),
        ("events: {file: e, contain: [{a: 1}]}", Outcome::Pass),
    ] {
        let verdict = judge(&expectation(text, ""), &seen);
        assert_eq!(verdict.outcome, outcome, "{text}");
        if outcome == Outcome::Fail {
            assert_eq!(verdict.difference[0], "e, line 2 is no event: it is no JSON object");
            assert_eq!(verdict.difference.len(), 2);
        }
    }
}

#[test]
fn a_lab_in_containers_is_equal_to_one_that_is_not() {
    let places = Places { folders: vec!["/var/lib/x".into()], ports: vec![4711], host: Some("agent".into()) };
    assert_eq!(places.hide("https://agent:4711/a of /var/lib/x/in"), "https://127.0.0.1:LAB/a of LAB/in");
}

#[test]
fn two_labs_are_equal_in_canonical_form() {
    let places = |root: &str, port| Places {
        folders: vec![format!("{root}/lab"), format!("{root}/lab/out/")],
        ports: vec![port],
        host: None,
    };
    let text = |root: &str, port: u16, time: &str| {
        let event = json!({
            "time.observation": time,
            "feed.url": format!("http://127.0.0.1:{port}/x"),
            "extra": {"file": format!("{root}/lab/in/a.csv"), "list": [format!("{root}/lab/out/b")], "none": {}},
            "source.url": format!("http://192.0.2.1:{port}1/"),
        });
        format!("{event}\n")
    };
    let one = events_of(&text("/a", 4711, "2026-01-15T00:00:00+00:00"), &places("/a", 4711));
    let other = events_of(
        &text("/b/c", 1234, "2026-01-16T00:00:00+00:00").replace("12341", "47111"),
        &places("/b/c", 1234),
    );
    assert_eq!(one, other);
    let event = serde_json::to_string(&one.events[0]).unwrap();
    assert_eq!(
        event,
        r#"{"extra.file":"LAB/in/a.csv","extra.list":["LAB/b"],"extra.none":{},"feed.url":"http://127.0.0.1:LAB/x","source.url":"http://192.0.2.1:47111/"}"#
    );
}

#[test]
fn a_dumped_row_is_its_raw_text() {
    assert_eq!(dumped_row(r#"{"__type": "Report", "raw": "aXAscG9ydA=="}"#), "ip,port");
    assert_eq!(dumped_row(r#"{"source.ip": "192.0.2.1"}"#), r#"{"source.ip": "192.0.2.1"}"#);
    assert_eq!(dumped_row("garbage"), "garbage");
}

#[test]
fn a_summary_says_each_thing_once() {
    assert_eq!(
        summary(["6 rows", "5 events in e", "", "5 events in e", "1 in the dump of p"]),
        "6 rows, 5 events in e, 1 in the dump of p"
    );
}

#[test]
fn counts_are_read_in_every_form() {
    let read = |text: &str| yaml::read::<Count>(&Source::new("c", text));
    assert_eq!(read("5").unwrap(), Count::exactly(5));
    assert_eq!(read("{at_least: 5}").unwrap(), Count::at_least(5));
    assert_eq!(read("{at_least: 2, at_most: 3}").unwrap().to_string(), "2 to 3");
    assert!(read("{at_least: 0, at_most: 3}").is_ok());
    for faulty in
        ["-1", "five", "{}", "{at_least: 0}", "{at_least: 3, at_most: 2}", "{more: 1}", "1.5", "[1]"]
    {
        assert!(read(faulty).is_err(), "{faulty}");
    }
}

#[test]
fn what_every_lab_meets_is_void() {
    for (text, is_void) in [
        ("events: {file: e}", true),
        ("events: {file: e, contain: []}", true),
        ("events: {file: e, contain: [{source.port: 23}]}", false),
        ("events: {file: e, contain: g}", false),
        ("events: {file: e, exactly: []}", false),
        ("events: {file: e, count: 0}", false),
        ("status: {bot: b}", true),
        ("status: {bot: b, failed: 0}", false),
        ("table: {bot: b, query: q}", true),
        ("table: {bot: b, query: q, rows: []}", false),
        ("log: {bot: b}", false),
        ("dump: {bot: b}", false),
        ("file: {path: p}", false),
    ] {
        assert_eq!(expectation(text, "").is_void().is_some(), is_void, "{text}");
    }
}

#[test]
fn what_is_blessed_is_met_by_what_was_seen() {
    for text in [
        "events: {file: events.jsonl, exactly: g}",
        "events: {file: events.jsonl, exactly: g, in_order: true}",
        "events: {file: events.jsonl, exactly: g, mask: [raw], where: {source.port: 23}}",
        "events: {file: events.jsonl, exactly: g, only: [source.ip]}",
        "file: {path: mail/64496.txt, equals: g}",
    ] {
        let seen = observation();
        assert!(!judge(&expectation(text, "{}"), &seen).passed(), "{text}");
        let (file, golden) = bless(&expectation(text, ""), &seen).unwrap();
        assert_eq!(file, "g");
        let verdict = judge(&expectation(text, &golden), &seen);
        assert!(verdict.passed(), "{text}: {verdict:#?}");
    }
    let (_, masked) =
        bless(&expectation("events: {file: events.jsonl, exactly: g, mask: [raw]}", ""), &observation())
            .unwrap();
    assert!(!masked.contains("YQ=="), "what varies does not change the file: {masked}");
    for text in [
        "events: {file: events.jsonl, exactly: [{source.ip: 192.0.2.1}]}",
        "events: {file: events.jsonl, contain: g}",
        "events: {file: other.jsonl, exactly: g}",
        "queue: {name: q, depth: 1}",
    ] {
        assert_eq!(bless(&expectation(text, ""), &observation()), None, "{text}");
    }
}
