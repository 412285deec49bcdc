//! Against what IntelMQ 3.5.0 itself made of reports (`tests/bots/csv.jsonl`, recorded by `record_csv.py`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::bots::Failure;
use crate::bots::trial::{Outcome, Trial};
use crate::message::{Idf, Message, Value, json as wire};

const MODULE: &str = "intelmq.bots.parsers.generic.parser_csv";

/// What ours refuses at the start, where IntelMQ fails at each row or message: a part of the parameters, and why.
const REFUSED: &[(&str, &str)] = &[
    ("invalid literal for int()", "skip_header is no number"),
    ("int() argument must be", "skip_header is no number"),
    ("must be a 1-character string", "the delimiter is no character"),
    (r#""delimiter":"\"""#, "the delimiter is the quote"),
    (r#""delimiter":"\n""#, "the delimiter is an end of line"),
    (r#""delimiter":"\r""#, "the delimiter is an end of line"),
    (r#""columns":["source.ip",null,"#, "a column is no text"),
    (r#""columns":["source.ip",5]"#, "a column is no text"),
    (r#""columns":{"#, "the columns are no list"),
    ("nosuch", "a column or a composed field that nobody knows"),
    ("__type", "a column that nobody knows"),
    ("extra.X", "a column that no message may have"),
    ("time.destination", "a column that nobody knows"),
    (r#""columns_required":"ab""#, "flags are no list"),
    (r#""columns_required":{"#, "flags are no list"),
    ("from_format|%Q", "a form of times that cannot be read"),
    (r#""default_url_protocol":["a"]"#, "the protocol is no text"),
    (r#""type_translation":"[1]""#, "the translation is no mapping"),
    (r#""type_translation":"5""#, "the translation is no mapping"),
    (r#""type_translation":"[\"mal\"]""#, "the translation is no mapping"),
    (r#""type_translation":["mal"]"#, "the translation is no mapping"),
    (r#""type_translation":5"#, "the translation is no mapping"),
    (r#""type_translation":true"#, "the translation is no mapping"),
    (r#"{\"extra.x\": \"JSON\"}"#, "a type of data that there is not"),
    (r#"{\"extra.x\": \"text\"}"#, "a type of data that there is not"),
    (r#"{\"extra.x\": null}"#, "a type of data that there is not"),
    (r#""data_type":"[\"extra.x\"]""#, "types of data are no mapping"),
    (r#""data_type":"\"extra.x\"""#, "types of data are no mapping"),
    (r#""column_regex_search":{"source.ip":"("}"#, "a regular expression that cannot be read"),
    (r#""column_regex_search":{"source.port":5}"#, "a regular expression that is no text"),
    (r#""column_regex_search":["source.ip"]"#, "regular expressions are no mapping"),
    (r#""column_regex_search":5"#, "regular expressions are no mapping"),
    (r#""filter_text":["81"]"#, "the text to look for is no text"),
    (r#""compose_fields":{"extra.x":"{"}"#, "a format string that cannot be read"),
    (r#""compose_fields":{"extra.x":null}"#, "a format string that is none"),
    (r#""compose_fields":{"extra.x":5}"#, "a format string that is none"),
    (r#""compose_fields":{"extra.a":"{}{0}"}"#, "a format string that cannot be read"),
    (r#""compose_fields":["a"]"#, "composed fields are no mapping"),
    (r#""compose_fields":5"#, "composed fields are no mapping"),
];

/// What ours does better: a part of the row, and why.
const BETTER: &[(&str, &str)] = &[
    (r#""skip_header":null"#, "null is the default"),
    (r#""delimiter":null"#, "null is the default"),
    (r#""default_url_protocol":null"#, "null is the default"),
    ("can only join an iterable", "a report of a header alone is empty, also without an end of line"),
    (r#""columns":["source.ip"," source.port "]"#, "blanks around a name do not matter"),
    (r#""columns":"source.ip |source.fqdn,source.port""#, "blanks around a name do not matter"),
    (r#""data_type":{"#, "a mapping is taken as well as its JSON"),
    (r#""column_regex_search":"{"#, "JSON is taken as well as a mapping"),
    (r#""compose_fields":"{"#, "JSON is taken as well as a mapping"),
    (r#""filter_text":5"#, "a number is its text"),
];

fn report(input: &str) -> Message {
    let idf = Idf::builtin();
    let raw = STANDARD.encode(input);
    let told = json!({"__type": "Report", "feed.name": "Test feed", "time.observation": "2026-03-01T11:00:00+00:00", "raw": raw});
    Message::from_wire(&idf, told.to_string().as_bytes(), None).unwrap()
}

/// Brings an event into the form of a row: without what the report gave it, and `raw` as text.
fn shown(event: &Message) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    for (name, value) in event.iter() {
        let value = match name.as_ref() {
            "time.observation" => continue,
            "feed.name" if value.as_str() == Some("Test feed") => continue,
            "raw" => Value::from(String::from_utf8(event.raw().unwrap()).unwrap()),
            _ => value.clone(),
        };
        fields.push((name.into_owned(), value));
    }
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

fn theirs(row: &str) -> Vec<Vec<(String, Value)>> {
    let Ok(Value::Map(row)) = wire::parse(row.as_bytes()) else { panic!("{row}") };
    let Some((_, Value::List(events))) = row.into_iter().find(|(name, _)| name == "events") else {
        return Vec::new();
    };
    let fields = |event| match event {
        Value::Map(mut fields) => {
            fields.sort_by(|a: &(String, Value), b| a.0.cmp(&b.0));
            fields
        }
        other => panic!("{other:?}"),
    };
    events.into_iter().map(fields).collect()
}

fn play(text: &str) -> Result<(), String> {
    let row: Json = serde_json::from_str(&text.replace(":NaN", ":0").replace(":Infinity", ":0")).unwrap();
    let listed = |list: &[(&str, &str)]| list.iter().any(|(part, _)| text.contains(part));
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let trial = Trial::new(MODULE, &row["params"], &Idf::builtin());
    let mut trial = match trial {
        Ok(trial) => trial.with_now(now),
        Err(Failure::Configuration(_)) if row.get("refused").is_some() || listed(REFUSED) => return Ok(()),
        Err(error) => return Err(format!("refused: {error}")),
    };
    if listed(BETTER) {
        return Ok(());
    }
    if let Some(why) = row["refused"].as_str() {
        return Err(format!("IntelMQ refuses: {why}"));
    }
    let Outcome { sent, failed_rows, failure, log, .. } = trial.feed(report(row["input"].as_str().unwrap()));
    if failure.is_some() != row["error"].is_string() {
        return Err(format!("ours fails with {failure:?}, IntelMQ with {}", row["error"]));
    }
    let ours: Vec<_> = sent.iter().map(|(_, event)| shown(event)).collect();
    let theirs = theirs(text);
    // NaN is equal to nothing.
    if format!("{ours:?}") != format!("{theirs:?}") {
        return Err(format!("ours    {ours:?}\n  IntelMQ {theirs:?}"));
    }
    if failed_rows.len() as u64 != row["failed"].as_u64().unwrap() {
        return Err(format!(
            "{} rows failed: {:?}",
            failed_rows.len(),
            failed_rows.iter().map(|(_, error)| error).collect::<Vec<_>>()
        ));
    }
    let closing = log.iter().any(|(_, line)| Some(line.as_str()) == row["closing"][0].as_str());
    if closing || row["closing"][0].is_null() {
        Ok(())
    } else {
        Err(format!("{log:?}, not {}", row["closing"]))
    }
}

#[test]
fn rows_become_what_intelmq_makes_of_them() {
    let rows = include_str!("../../../../tests/bots/csv.jsonl");
    let mut wrong = Vec::new();
    for (number, text) in rows.lines().enumerate() {
        if let Err(difference) = play(text) {
            wrong.push(format!(
                "{}: {}\n  {difference}",
                number + 1,
                text.chars().take(400).collect::<String>()
            ));
        }
    }
    let count = rows.lines().count();
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 800, "only {count} rows");
}

#[test]
fn a_failed_row_can_be_parsed_again() {
    let params = json!({"columns": "source.ip,extra.a", "delimiter": ";", "skip_header": 2});
    let text = "# comment\none;two\nthree\n192.0.2.1;a\nx;\"b,\nc\"\n";
    let outcome = Trial::new(MODULE, &params, &Idf::builtin()).unwrap().feed(report(text));
    let (row, error) = &outcome.failed_rows[0];
    assert_eq!(String::from_utf8(row.raw().unwrap()).unwrap(), "one;two\nthree\nx;\"b,\nc\"\n");
    let again = Trial::new(MODULE, &params, &Idf::builtin()).unwrap().feed(row);
    assert_eq!(&again.failed_rows[0].0, row);
    assert!(error.contains("source.ip") && error.contains("'x'"), "{error}");
    assert_eq!(row.text("feed.name"), Some("Test feed"));
}

#[test]
fn a_report_of_several_batches_gives_each_row_once() {
    for (params, start) in [
        (json!({"columns": "source.port"}), ""),
        (json!({"columns": "source.port,extra.a", "delimiter": "§", "skip_header": true}), "#\n\nhead\n"),
        (json!({"columns": "source.port", "filter_text": "9", "filter_type": "blacklist"}), "  \n"),
    ] {
        let text: String =
            (0..1700).map(|n| if n % 100 == 7 { "x\n\n".into() } else { format!("{n}\n") }).collect();
        let idf = Idf::builtin();
        let whole = report(&format!("{start}{text}"));
        let ports = |outcome: &Outcome| -> Vec<i64> {
            outcome
                .sent
                .iter()
                .map(|(_, event)| event.get("source.port").and_then(Value::as_int).unwrap())
                .collect()
        };
        let filtered = params.get("filter_text").is_some();
        let expected: Vec<i64> =
            (0..1700).filter(|n| n % 100 != 7 && !(filtered && n.to_string().contains('9'))).collect();
        let mut trial = Trial::new(MODULE, &params, &idf).unwrap().with_batch(100);
        let outcome = trial.feed(&whole);
        assert_eq!((ports(&outcome), outcome.failed_rows.len()), (expected.clone(), 17), "{params}");
        // One that is made anew between two batches goes on where the other was.
        let (mut outcome, mut from) = (Outcome::default(), Some(0));
        while let Some(position) = from {
            let mut trial = Trial::new(MODULE, &params, &idf).unwrap().with_batch(100);
            from = trial.portion(&whole, position, &mut outcome).unwrap();
        }
        assert_eq!((ports(&outcome), outcome.failed_rows.len()), (expected, 17), "{params}");
        assert!(outcome.log.iter().any(|(_, line)| line.ends_with("found 17 problem(s).")), "{params}");
    }
}
