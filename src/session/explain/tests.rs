use serde_json::json;

use super::*;
use crate::runtime::control::{BotState, BotStatus, JournalOut};

fn bot(id: &str, group: &str) -> BotStatus {
    BotStatus {
        id: id.to_owned(),
        module: String::new(),
        group: group.to_owned(),
        state: BotState::Running,
        busy: false,
        retrying: false,
        instances: 1,
        received: 0,
        sent: BTreeMap::new(),
        dropped: 0,
        failed: 0,
        rounds: 0,
        last_error: None,
    }
}

/// A row of a report: its message and the message's identity.
fn row(id: &str, text: &str, more: &Json) -> JournalOut {
    let mut message = json!({"__type": "Event", "raw": STANDARD.encode(format!("ip,port\n{text}\n"))});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    JournalOut {
        path: "_default".to_owned(),
        id: id.to_owned(),
        message: message.as_object().unwrap().clone(),
    }
}

fn entry(bot: &str, input: Option<&str>, out: Vec<JournalOut>) -> JournalEntry {
    let (dropped, failed) = (None, None);
    JournalEntry {
        at: String::new(),
        bot: bot.to_owned(),
        input: input.map(str::to_owned),
        out,
        dropped,
        failed,
    }
}

/// A collector, a parser, a deduplicator, a taxonomy expert, and two outputs behind it.
fn lives(entries: Vec<JournalEntry>) -> Lives {
    let bots = [
        bot("collector", "Collector"),
        bot("parser", "Parser"),
        bot("dedup", "Expert"),
        bot("taxonomy", "Expert"),
        bot("file", "Output"),
        bot("mail", "Output"),
    ];
    let edge = |from: &str, path: &str, to: &str| (from.to_owned(), path.to_owned(), to.to_owned());
    let edges = [
        edge("collector", "_default", "parser"),
        edge("parser", "_default", "dedup"),
        edge("dedup", "_default", "taxonomy"),
        edge("taxonomy", "_default", "file"),
        edge("taxonomy", "urgent", "mail"),
    ];
    Lives {
        botnet: Botnet::new(&bots, edges.into_iter().collect()),
        entries,
        dumped: Vec::new(),
        full: false,
    }
}

/// Two equal rows and a broken one: one is delivered twice (to both outputs), one dropped, one given up.
fn a_day() -> Lives {
    let report = json!({"__type": "Report", "raw": STANDARD.encode("ip,port\n1,2\n1,2\nx,y\n")});
    let report = JournalOut {
        path: "_default".to_owned(),
        id: "R".to_owned(),
        message: report.as_object().unwrap().clone(),
    };
    let event = || row("A", "1,2", &json!({"source.ip": "192.0.2.1", "source.port": 2}));
    let broken = JournalOut { path: "_on_error".to_owned(), ..row("X", "x,y", &json!({"__type": "Report"})) };
    let richer = json!({"source.ip": "192.0.2.1", "source.port": 22, "classification.taxonomy": "other"});
    let urgent = JournalOut { path: "urgent".to_owned(), ..row("B", "1,2", &richer) };
    lives(vec![
        entry("collector", None, vec![report]),
        entry("parser", Some("R"), vec![event(), event()]),
        JournalEntry { failed: Some("bad address".to_owned()), ..entry("parser", Some("R"), vec![broken]) },
        entry("dedup", Some("A"), vec![event()]),
        JournalEntry { dropped: Some("seen before".to_owned()), ..entry("dedup", Some("A"), Vec::new()) },
        entry("taxonomy", Some("A"), vec![row("B", "1,2", &richer), urgent]),
        entry("mail", Some("B"), Vec::new()),
        entry("file", Some("B"), Vec::new()),
    ])
}

fn way(life: &Life) -> Vec<String> {
    life.stages.iter().map(|stage| format!("{} {:?}", stage.bot, stage.did).to_lowercase()).collect()
}

#[test]
fn a_delivered_event_tells_its_whole_way() {
    let delivered = a_day().delivered();
    let (mail, file) = (&delivered[0], &delivered[1]);
    assert_eq!((mail.number, file.number), (Some(1), Some(2)));
    let before = ["collector collected", "parser parsed", "dedup passed", "taxonomy changed"];
    assert_eq!(way(file), [&before[..], &["file delivered"]].concat());
    assert_eq!(way(mail), [&before[..], &["mail delivered"]].concat());
    assert_eq!((file.stages[3].path.as_str(), mail.stages[3].path.as_str()), ("_default", "urgent"));
    assert_eq!(file.row.as_deref(), Some("1,2"));
    let taxonomy = &file.stages[3];
    assert_eq!(taxonomy.added["classification.taxonomy"], "other");
    assert_eq!(taxonomy.changed["source.port"], (json!(2), json!(22)));
    assert!(taxonomy.removed.is_empty());
}

#[test]
fn what_did_not_arrive_says_where_it_stayed_and_why() {
    let lost = a_day().lost();
    let told: Vec<_> = lost
        .iter()
        .map(|life| (life.end, life.bot.as_str(), life.reason.as_str(), life.row.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (End::Failed, "parser", "bad address", Some("x,y")),
            (End::Dropped, "dedup", "seen before", Some("1,2")),
        ]
    );
    assert_eq!(way(&lost[0]), ["collector collected", "parser failed"]);
    assert_eq!(way(&lost[1]), ["collector collected", "parser parsed", "dedup dropped"]);
}

#[test]
fn events_are_chosen_by_number_or_by_fields() {
    let select = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Selector::parse(&words).map(|selector| a_day().select(&selector).len())
    };
    assert_eq!(select(&["2"]).unwrap(), 1);
    assert_eq!(select(&["3"]).unwrap(), 0);
    assert_eq!(select(&["source.ip=192.0.2.1", "source.port=22"]).unwrap(), 2);
    assert_eq!(select(&["source.ip=192.0.2.1"]).unwrap(), 3, "the dropped one too");
    for wrong in ["0", "x", "=1", "-1"] {
        assert!(select(&[wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn a_row_that_was_put_back_begins_where_it_was_given_up() {
    let mut day = a_day();
    day.entries.push(entry("parser", Some("X"), vec![row("C", "3,4", &json!({"source.ip": "192.0.2.3"}))]));
    day.entries.push(entry("dedup", Some("C"), vec![row("C", "3,4", &json!({"source.ip": "192.0.2.3"}))]));
    day.entries.push(entry("taxonomy", Some("C"), vec![row("C", "3,4", &json!({"source.ip": "192.0.2.3"}))]));
    day.entries.push(entry("file", Some("C"), Vec::new()));
    let life = day.delivered().pop().unwrap();
    let ways = ["collector collected", "parser failed", "parser parsed", "dedup passed", "taxonomy passed"];
    assert_eq!(way(&life), [&ways[..], &["file delivered"]].concat());
}

#[test]
fn an_unknown_past_ends_the_way_and_not_the_program() {
    let injected = lives(vec![
        entry("taxonomy", Some("Z"), vec![row("Z", "5,6", &json!({}))]),
        entry("file", Some("Z"), Vec::new()),
        entry("file", Some("unheard of"), Vec::new()),
    ]);
    let told: Vec<_> = injected.delivered().iter().map(way).collect();
    assert_eq!(told, [vec!["taxonomy injected", "file delivered"], vec!["file delivered"]]);
}

#[test]
fn a_way_that_the_botnet_no_longer_has_is_told_too() {
    let mut day = a_day();
    day.botnet = Botnet::new(
        &[bot("parser", "Parser"), bot("file", "Output"), bot("mail", "Output")],
        [("new".to_owned(), "_default".to_owned(), "file".to_owned())].into_iter().collect(),
    );
    let file = day.delivered().pop().unwrap();
    let ways = ["collector collected", "parser parsed", "dedup passed", "taxonomy changed", "file delivered"];
    assert_eq!(way(&file), ways);
}

#[test]
fn a_field_that_no_event_can_have_is_refused_with_the_nearest() {
    let day = lives(vec![entry("taxonomy", Some("Z"), vec![row("Z", "5,6", &json!({"extra.banner": "x"}))])]);
    for (field, help) in [
        ("source.ip", None),
        ("extra.banner", None),
        ("source.pi", Some("did you mean `source.ip`?")),
        ("extra.bannre", Some("did you mean `extra.banner`?")),
        ("nonsense", Some("`intelmq-lab events --json` shows the fields that there are")),
    ] {
        let refused = day.know([field]).err().map(|error| error.diagnostics()[0].help.join(" "));
        assert_eq!(refused.as_deref(), help, "{field}");
    }
}

/// A row that the parser gave up, put back as another one.
fn put_back(from: &str, to: &str) -> JournalEntry {
    let out = JournalOut { path: PUT_BACK.to_owned(), ..row(to, "3,4", &json!({"__type": "Report"})) };
    entry("parser", Some(from), vec![out])
}

#[test]
fn a_row_that_was_repaired_is_told_from_its_first_report_on() {
    for id in ["X", "Y"] {
        let mut day = a_day();
        let event = || row("C", "3,4", &json!({"source.ip": "192.0.2.3"}));
        day.entries.push(put_back("X", id));
        day.entries.push(entry("parser", Some(id), vec![event()]));
        day.entries.push(entry("dedup", Some("C"), vec![event()]));
        day.entries.push(entry("taxonomy", Some("C"), vec![event()]));
        day.entries.push(entry("file", Some("C"), Vec::new()));
        let life = day.delivered().pop().unwrap();
        let ways = ["collector collected", "parser failed", "parser putback", "parser parsed"];
        assert_eq!(way(&life)[..4], ways, "{id}");
        assert!(life.stages.iter().all(|stage| stage.path != PUT_BACK));
        assert_eq!(day.lost()[0].since, Some(Since::PutBack));
    }
}

#[test]
fn what_was_given_up_says_where_it_is_now() {
    let mut day = a_day();
    let since = |day: &Lives| -> Vec<Option<Since>> { day.lost().iter().map(|life| life.since).collect() };
    assert_eq!(since(&day), [Some(Since::Gone), None]);
    let dump = |row: &str, traceback: &str| DumpEntry {
        id: "2026-01-15T00:00:00.000000".to_owned(),
        bot: "parser".to_owned(),
        source_queue: None,
        traceback: traceback.to_owned(),
        message: json!({"__type": "Report", "raw": STANDARD.encode(format!("ip,port\n{row}\n"))}).to_string(),
        unreadable: false,
        base64: None,
    };
    for (row, traceback, now) in [
        ("x,y", "bad address", Since::InDump),
        ("x,y", "another", Since::Gone),
        ("x,z", "bad address", Since::Gone),
    ] {
        day.dumped = vec![dump(row, traceback)];
        assert_eq!(since(&day), [Some(now), None], "{row} {traceback}");
    }
}
