//! Our bots against what IntelMQ 3.5.0 made of the same input: the same events in the same order, the same failed rows.
//!
//! `LAB_ORACLE` names another folder of the same form; the cases in the project are played as well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use intelmq_lab::bots::trial::oracle::{Case, Made, Played, cases};
use intelmq_lab::message::{Idf, Value, json};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Plays a folder; returns what differs, how many cases were played, and how many were not and why.
fn play(folder: &Path) -> (Vec<String>, usize, BTreeMap<String, usize>) {
    let idf = Idf::builtin();
    let (mut differences, mut played, mut skipped) = (Vec::new(), 0, BTreeMap::new());
    for case in cases(folder).unwrap() {
        match case.play(&idf) {
            Err(error) => differences.push(format!("{}: not played: {error}", case.id)),
            Ok(Played::Skipped(why)) => *skipped.entry(why).or_default() += 1,
            Ok(Played::Steps(steps)) => {
                played += 1;
                differences.extend((1..).zip(&steps).flat_map(|(number, made)| compare(&case, number, made)));
            }
        }
    }
    (differences, played, skipped)
}

/// Says what differs between a step's result and what IntelMQ made of it.
fn compare(case: &Case, number: usize, made: &Made) -> Vec<String> {
    let expected = case.lines(&format!("expected-{number}.jsonl"));
    let alternatives = case.lines(&format!("alternatives-{number}.jsonl"));
    let failed = case.lines(&format!("failed-{number}.jsonl"));
    let step = case.steps().get(number - 1).unwrap_or(case.told());
    let said = Said::of(case, step);
    let mut found = said.differences("event", &expected, &made.events);
    let other = |line: &String| said.differences("event", &alternative(line), &made.events).is_empty();
    if alternatives.iter().any(other) {
        found.clear();
    }
    found.extend(said.differences("failed row", &failed, &made.failed));
    let exception = step["exception"]["message"].as_str();
    // What Python raises itself we say in words of our own; what IntelMQ says of a value names the field.
    let is_intelmqs = case.module.contains("parsers.shadowserver.");
    let field = exception.and_then(|wanted| wanted.split(" for key '").nth(1)?.split('\'').next());
    let same = match (exception, made.failure.as_deref()) {
        (Some(wanted), Some(given)) => {
            wanted == given || !is_intelmqs && field.is_none_or(|field| given.contains(field))
        }
        (wanted, given) => wanted.is_none() && given.is_none(),
    };
    if !same {
        found.push(format!("the whole message: expected {exception:?}, got {:?}", made.failure));
    }
    found.extend(made.unlike.iter().cloned());
    found.iter().map(|difference| format!("{} step {number}: {difference}", case.id)).collect()
}

/// An alternative is one event, or the list of all.
fn alternative(line: &str) -> Vec<String> {
    match json::parse(line.as_bytes()) {
        Ok(Value::List(events)) => events.iter().map(|event| json::to_text(event, false, false)).collect(),
        _ => vec![line.to_owned()],
    }
}

/// What stands in the input, to tell a day that was filled in from one that was read.
struct Said {
    input: String,
    today: String,
}

impl Said {
    fn of(case: &Case, step: &serde_json::Value) -> Said {
        let input = case.lines(step["input"].as_str().unwrap_or_default()).join("\n");
        Said { input, today: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string() }
    }

    fn differences(&self, what: &str, expected: &[String], found: &[String]) -> Vec<String> {
        let mut differences = Vec::new();
        if expected.len() != found.len() {
            differences.push(format!("expected {} {what}s, got {}", expected.len(), found.len()));
        }
        for (number, (expected, found)) in (1..).zip(expected.iter().zip(found)) {
            let (expected, found) = (fields(expected), fields(found));
            let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
            for name in names {
                let (wanted, given) = (expected.get(name), found.get(name));
                if wanted != given && !self.is_filled_in(wanted, given) {
                    let show = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
                    differences.push(format!(
                        "{what} {number}, {name}:\n    expected {}\n    got      {}",
                        show(wanted),
                        show(given)
                    ));
                }
            }
        }
        differences
    }

    /// Tells whether two moments differ only in the day, which the input does not say: it is that of the run.
    fn is_filled_in(&self, wanted: Option<&String>, given: Option<&String>) -> bool {
        let (Some(wanted), Some(given)) = (wanted, given) else { return false };
        let (Some((day, time)), Some((today, same))) = (wanted.split_once('T'), given.split_once('T')) else {
            return false;
        };
        let day = day.trim_start_matches('"');
        time == same && today.trim_start_matches('"') == self.today && !self.input.contains(day)
    }
}

/// The fields of a line of JSON, each value as its text, which keeps integers and floats apart.
fn fields(line: &str) -> BTreeMap<String, String> {
    match json::parse(line.as_bytes()) {
        Ok(Value::Map(items)) => {
            let text = |value: &Value| json::to_text(value, false, false);
            items.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        other => panic!("an event is an object, not {other:?}"),
    }
}

#[test]
fn bots_make_what_intelmq_makes() {
    let own = [project().join("tests/oracle"), project().join("tests/oracle-own")];
    let further = std::env::var_os("LAB_ORACLE").map(PathBuf::from);
    let mut all = Vec::new();
    for folder in own.iter().cloned().chain(further) {
        let (differences, played, skipped) = play(&folder);
        eprintln!("{}: {played} cases played", folder.display());
        for (why, count) in &skipped {
            eprintln!("{}: skipped {count} cases: {why}", folder.display());
        }
        assert!(played > 0, "{}: no case was played", folder.display());
        assert!(skipped.is_empty() || !own.contains(&folder), "the project's own cases are all played");
        all.extend(differences);
    }
    assert!(all.is_empty(), "{} differences\n{}", all.len(), all.join("\n"));
}

#[test]
fn a_wrong_expectation_fails_with_the_field_and_both_values() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("one");
    std::fs::create_dir(&case).unwrap();
    let plain = project().join("tests/oracle/ss-edge/plain");
    for name in ["case.json", "input-1.csv", "expected-1.jsonl"] {
        std::fs::copy(plain.join(name), case.join(name)).unwrap();
    }
    let expected = std::fs::read_to_string(case.join("expected-1.jsonl")).unwrap();
    std::fs::write(case.join("expected-1.jsonl"), expected.replacen("64496", "64497", 1)).unwrap();
    let module = "intelmq.bots.parsers.shadowserver.parser";
    let index = serde_json::json!({"cases": [{"id": "wrong", "path": "one", "module": module}]});
    std::fs::write(folder.path().join("index.json"), index.to_string()).unwrap();
    let (differences, ..) = play(folder.path());
    let wanted = "wrong step 1: event 1, source.asn:\n    expected 64497\n    got      64496";
    assert_eq!(differences, [wanted]);
}
