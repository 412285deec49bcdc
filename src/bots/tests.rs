//! Every bot against what IntelMQ 3.5.0 itself made of the same messages (`tests/bots`, recorded by `record_bots.py`).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::Failure;
use super::trial::{Outcome, Trial};
use crate::message::{Idf, Message, MessageType, Value, json};
use crate::pipeline::GENERIC;

/// What differs on purpose: module, what the parameters hold, and why. Ours refuses to start where IntelMQ fails at each event.
const REFUSED: &[(&str, &str, &str)] = &[
    ("modify", "nosuch.field", "a rule that sets a field nobody knows"),
    ("modify", "extra.Foo", "a rule that sets a key nobody may use"),
    ("modify", "\"{\"", "a format string that cannot be read"),
    ("modify", "\"}\"", "a format string that cannot be read"),
    ("modify", "[{\"if\": {}", "a rule without a name"),
    ("modify", "{rulename: a, if: {}}", "a rule without actions"),
    ("file", "\"{\"", "a name of a file that cannot be read"),
    ("sieve", "add nosuch", "a field that nobody knows is set"),
    ("sieve", "add! nosuch", "a field that nobody knows is set"),
    ("sieve", "append nosuch", "a field that nobody knows is set"),
    ("sieve", "append! nosuch", "a field that nobody knows is set"),
    ("sieve", "=~ '('", "a regular expression that cannot be read"),
    ("sieve", "=~ 'a('", "a regular expression that cannot be read"),
    ("sieve", "['(']", "a regular expression that cannot be read"),
    ("sieve", ":before 'garbage'", "a moment that cannot be read"),
    ("sieve", ":before '1 fortnight'", "an age that cannot be read"),
    ("sieve", ":before '1week'", "an age that cannot be read"),
    ("sieve", ":before '26.02.2026'", "a moment that cannot be read"),
    ("sieve", ":before 'P1D'", "a duration, which is compared in no way that makes sense"),
    ("sieve", "update source.port +=", "a time is shifted by what is no age"),
    ("sieve", "update comment += 'x'", "a time is shifted by what is no age"),
    ("sieve", "update extra.n += 5", "a time is shifted by what is no age"),
    ("sieve", "update extra.list += 'x'", "a time is shifted by what is no age"),
    ("sieve", "update time.source += 5", "a time is shifted by what is no age"),
    ("sieve", "update time.source += 'x'", "a time is shifted by what is no age"),
    ("sieve", "update time.source += '1.5", "a time is shifted by what is no age"),
    ("sieve", "update time.source += true", "a time is shifted by what is no age"),
    ("sieve", "update time.source += $v", "a time is shifted by a variable"),
    ("sieve", "update extra.flo += 1.5", "a time is shifted by what is no age"),
    ("sieve", "add! source.port += 5", "a time is shifted by what is no age"),
    ("sieve", "'Variable' object has no attribute", "a variable where a field or an age must stand"),
    ("sieve", "KeyError: 'destination.port'", "a time is shifted by what is no age"),
    ("format_field", "\"split_separator\":\"\"", "a separator that separates nothing"),
    ("jinja", "nosuch\":", "a field that nobody knows is set"),
    ("field_reducer", "{\"type\":\"whitelist\"}", "keys are missing"),
];

/// Rows that ours answers in another way on purpose: module, part of the row, and why.
const BETTER: &[(&str, &str, &str)] = &[
    (
        "sieve",
        "<textx:sieve.Variable instance",
        "stores the printed form of an object, and not the variable's value",
    ),
    ("jinja", "{{ (1, 2) }}", "a tuple is written as the list that it is to minijinja"),
    ("sieve", "TypeError: Object of type Variable", "makes an event that no queue takes"),
];

/// Names of the form of a row's error.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    Stopped,
    Invalid,
    Failed,
}

impl Class {
    fn of_python(error: &str) -> Class {
        match error.split(':').next() {
            Some("InvalidValue") => Class::Invalid,
            Some("InvalidArgument") => Class::Stopped,
            Some("ValueError") if error.contains("Bot shutdown") => Class::Stopped,
            _ => Class::Failed,
        }
    }

    fn of(failure: &Failure) -> Class {
        match failure {
            Failure::Configuration(_) => Class::Stopped,
            Failure::Invalid(_) => Class::Invalid,
            Failure::Other(_) | Failure::Panicked(_) => Class::Failed,
        }
    }
}

fn event(row: &Json) -> Message {
    Message::from_wire(&Idf::builtin(), row.to_string().as_bytes(), Some(MessageType::Event))
        .unwrap_or_else(|error| panic!("{row}: {error}"))
}

/// Makes the bot of a row, with its files in its state path.
fn trial(module: &str, row: &Json, folder: &std::path::Path) -> Result<Trial, Failure> {
    for (name, text) in row["files"].as_object().into_iter().flatten() {
        std::fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
    }
    if row["params"]["database"] == "lab-city.mmdb" {
        let database = include_bytes!("../../sample-data/lab-city.mmdb");
        std::fs::write(folder.join("lab-city.mmdb"), database).unwrap();
    }
    let paths: Vec<&str> = row["paths"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let trial = Trial::within(module, &row["params"], &Idf::builtin(), folder)?;
    Ok(trial.with_paths(&paths).with_now(now))
}

/// What was sent, by path, in the form of a row.
fn sent(outcome: &Outcome) -> BTreeMap<String, Vec<Vec<(String, Value)>>> {
    let mut sent: BTreeMap<String, Vec<Vec<(String, Value)>>> = BTreeMap::new();
    for (path, message) in &outcome.sent {
        let fields = message.iter().map(|(name, value)| (name.into_owned(), value.clone())).collect();
        sent.entry(path.clone()).or_default().push(fields);
    }
    sent
}

fn written(outcome: &Outcome, folder: &std::path::Path) -> Json {
    let mut files = BTreeMap::new();
    for (path, bytes) in &outcome.appends {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        files.entry(name).or_insert_with(String::new).push_str(std::str::from_utf8(bytes).unwrap());
    }
    serde_json::to_value(files).unwrap()
}

/// Plays a row; returns what differs.
fn play(module: &str, name: &str, text: &str) -> Result<(), String> {
    let row: Json = serde_json::from_str(text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let theirs = row["error"].as_str();
    let mut trial = match (trial(module, &row, folder.path()), theirs) {
        (Ok(trial), _) => trial,
        (Err(Failure::Configuration(_)), Some(theirs)) if Class::of_python(theirs) == Class::Stopped => {
            return Ok(());
        }
        (Err(Failure::Configuration(_)), _)
            if REFUSED
                .iter()
                .any(|(bot, part, _)| *bot == name && text.replace("\\\"", "\"").contains(part)) =>
        {
            return Ok(());
        }
        (Err(ours), theirs) => return Err(format!("refused: {ours}; IntelMQ: {theirs:?}")),
    };
    let outcome = trial.feed(event(&row["message"]));
    if BETTER.iter().any(|(bot, part, _)| *bot == name && text.contains(part)) {
        return Ok(());
    }
    match (&outcome.failure, theirs) {
        (Some(ours), Some(theirs)) if Class::of(ours) == Class::of_python(theirs) => return Ok(()),
        (None, None) => {}
        (ours, theirs) => return Err(format!("ours fails with {ours:?}, IntelMQ with {theirs:?}")),
    }
    if row.get("written").is_some() {
        let ours = written(&outcome, folder.path());
        // Recorded with the files of earlier events of the same row emptied, not removed.
        let mut theirs = row["written"].clone();
        theirs.as_object_mut().unwrap().retain(|_, text| text != "");
        return if ours == theirs { Ok(()) } else { Err(format!("ours {ours}, IntelMQ {theirs}")) };
    }
    let Ok(Value::Map(theirs)) = json::parse(row["sent"].to_string().as_bytes()) else { panic!("{row}") };
    let theirs: BTreeMap<String, Vec<Vec<(String, Value)>>> = theirs
        .into_iter()
        .map(|(path, messages)| {
            let Value::List(messages) = messages else { panic!("{row}") };
            let fields = |message| match message {
                Value::Map(fields) => fields,
                _ => panic!("{row}"),
            };
            (path, messages.into_iter().map(fields).collect())
        })
        .collect();
    let ours = sent(&outcome);
    if ours.is_empty() && outcome.dropped.is_empty() {
        return Err("nothing was sent, and no reason is told".to_owned());
    }
    if ours == theirs { Ok(()) } else { Err(format!("ours {ours:?}\n  IntelMQ {theirs:?}")) }
}

/// Plays all rows of a bot.
#[track_caller]
fn holds(module: &str, rows: &str, least: usize) {
    let name = module.split('.').nth(3).unwrap();
    let mut wrong = Vec::new();
    for (number, text) in rows.lines().enumerate() {
        if let Err(difference) = play(module, name, text) {
            wrong.push(format!(
                "{}: {}\n  {difference}",
                number + 1,
                text.chars().take(300).collect::<String>()
            ));
        }
    }
    let count = rows.lines().count();
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= least, "only {count} rows");
}

#[test]
fn taxonomy_does_what_intelmq_does() {
    holds("intelmq.bots.experts.taxonomy.expert", include_str!("../../tests/bots/taxonomy.jsonl"), 50);
}

#[test]
fn sieve_does_what_intelmq_does() {
    let module = "intelmq.bots.experts.sieve.expert";
    holds(module, include_str!("../../tests/bots/sieve_conditions.jsonl"), 900);
    holds(module, include_str!("../../tests/bots/sieve_actions.jsonl"), 400);
}

#[test]
fn format_field_does_what_intelmq_does() {
    let rows = include_str!("../../tests/bots/format_field.jsonl");
    holds("intelmq.bots.experts.format_field.expert", rows, 80);
}

#[test]
fn jinja_does_what_intelmq_does() {
    holds("intelmq.bots.experts.jinja.expert", include_str!("../../tests/bots/jinja.jsonl"), 60);
}

#[test]
fn maxmind_geoip_does_what_intelmq_does() {
    let rows = include_str!("../../tests/bots/maxmind_geoip.jsonl");
    holds("intelmq.bots.experts.maxmind_geoip.expert", rows, 80);
}

#[test]
fn url_does_what_intelmq_does() {
    holds("intelmq.bots.experts.url.expert", include_str!("../../tests/bots/url.jsonl"), 300);
}

#[test]
fn filter_does_what_intelmq_does() {
    holds("intelmq.bots.experts.filter.expert", include_str!("../../tests/bots/filter.jsonl"), 600);
}

#[test]
fn field_reducer_does_what_intelmq_does() {
    holds(
        "intelmq.bots.experts.field_reducer.expert",
        include_str!("../../tests/bots/field_reducer.jsonl"),
        70,
    );
}

#[test]
fn rfc1918_does_what_intelmq_does() {
    holds("intelmq.bots.experts.rfc1918.expert", include_str!("../../tests/bots/rfc1918.jsonl"), 250);
}

#[test]
fn asn_lookup_does_what_intelmq_does() {
    holds("intelmq.bots.experts.asn_lookup.expert", include_str!("../../tests/bots/asn_lookup.jsonl"), 100);
}

#[test]
fn modify_does_what_intelmq_does() {
    holds("intelmq.bots.experts.modify.expert", include_str!("../../tests/bots/modify.jsonl"), 150);
}

#[test]
fn file_output_does_what_intelmq_does() {
    holds("intelmq.bots.outputs.file.output", include_str!("../../tests/bots/file.jsonl"), 60);
}

/// Which events pass, and what Redis would be told.
#[test]
fn deduplicator_does_what_intelmq_does() {
    let module = "intelmq.bots.experts.deduplicator.expert";
    let rows = include_str!("../../tests/bots/deduplicator.jsonl");
    for text in rows.lines() {
        let row: Json = serde_json::from_str(text).unwrap();
        let trial = Trial::new(module, &row["params"], &Arc::clone(&Idf::builtin()));
        let mut trial = match (trial, row["error"].as_str()) {
            (Ok(trial), None) => trial,
            (Err(Failure::Configuration(_)), Some(_)) => continue,
            (ours, theirs) => panic!("{}: {:?}, IntelMQ {theirs:?}", row["params"], ours.err()),
        };
        let mut kept = Vec::new();
        for (message, theirs) in
            row["messages"].as_array().unwrap().iter().zip(row["sent"].as_array().unwrap())
        {
            let outcome = trial.feed(event(message));
            assert_eq!(outcome.sent.len() as u64, theirs.as_u64().unwrap(), "{}: {message}", row["params"]);
            assert_eq!(outcome.dropped.is_empty(), !outcome.sent.is_empty());
            for write in outcome.state {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let ttl = write.ttl.map(|ttl| ttl.as_secs());
                kept.push(serde_json::json!([text(&write.key), write.value.as_deref().map(text), ttl]));
            }
        }
        assert_eq!(Json::from(kept), row["kept"], "{}", row["params"]);
    }
    assert!(rows.lines().count() > 10);
}

/// What `export` leaves out is what the pages say IntelMQ does not have.
#[test]
fn a_parameter_is_ours_where_its_page_says_so() {
    let params = super::all().flat_map(|bot| bot.spec.params.iter().map(|param| (bot.spec.module, param)));
    for (module, param) in params.chain(GENERIC.iter().map(|param| ("every bot", param))) {
        let says = ["Ours", "Not in IntelMQ"].iter().any(|words| param.doc.contains(words));
        assert_eq!(param.ours, says, "{module}: {}", param.name);
    }
}
