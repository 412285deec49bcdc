//! Against what Python itself makes of format strings.

use serde_json::{Value as Json, json};

use super::{Item, Scope, Step, Template, missing};
use crate::message::Value;

/// The values that `record_format.py` used.
struct Names;

fn values() -> &'static [(String, Value)] {
    static VALUES: std::sync::OnceLock<Vec<(String, Value)>> = std::sync::OnceLock::new();
    VALUES.get_or_init(|| {
        let values = json!({
            "s": "äbc defg", "n": 1_234_567, "m": -42, "z": 0, "f": 1234.5678, "g": -0.000_012_345, "h": 1e22,
            "i": 100.0, "t": true, "o": null, "l": [1, "x", null], "d": {"k": 1.0, "u": "ü\n"},
        });
        let Json::Object(values) = values else { unreachable!() };
        values.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
    })
}

impl Scope for Names {
    fn find<'s>(&'s self, name: &str, _steps: &[Step]) -> Result<(Item<'s>, usize), String> {
        let time = match name {
            "w" => Some("2020-03-01T10:11:12.500000"),
            "v" => Some("2021-12-31T23:59:59"),
            _ => None,
        };
        if let Some(time) = time {
            return Ok((Item::Moment(time.parse().unwrap()), 0));
        }
        let value = values().iter().find(|(known, _)| known == name);
        value.map(|(_, value)| (Item::value(value), 0)).ok_or_else(|| missing(name))
    }
}

#[test]
fn everything_is_formatted_as_python_does() {
    let rows = include_str!("../../../tests/bots/format.jsonl");
    let mut wrong = Vec::new();
    let mut good = 0;
    for row in rows.lines() {
        let row: Json = serde_json::from_str(row).unwrap();
        let text = row["format"].as_str().unwrap();
        let ours = Template::parse(text).and_then(|template| template.render(&Names));
        let same = match (&ours, row["result"].as_str()) {
            (Ok(ours), Some(theirs)) => ours == theirs,
            (Err(_), None) => true,
            _ => false,
        };
        good += usize::from(same && ours.is_ok());
        if !same {
            wrong.push(format!("{text}: {ours:?} where Python has {row}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.lines().count(), wrong.join("\n"));
    assert!(good > 500, "only {good} good ones");
}

#[test]
fn errors_are_told_as_python_tells_them() {
    let table = [
        ("{", "Single '{' encountered in format string"),
        ("}", "Single '}' encountered in format string"),
        ("{s", "expected '}' before end of string"),
        ("{nope}", "'nope'"),
        ("{d[x]}", "'x'"),
        ("{n[0]}", "'int' object is not subscriptable"),
        ("{}", "Replacement index 0 out of range for positional args tuple"),
        ("{s:d}", "Unknown format code 'd' for object of type 'str'"),
        ("{s!q}", "Unknown conversion specifier q"),
        ("{w.nope}", "'datetime.datetime' object has no attribute 'nope'"),
        ("{s:999999999}", "Too many decimal digits in format string: at most 100000 are taken"),
    ];
    for (text, expected) in table {
        let error = Template::parse(text).and_then(|template| template.render(&Names)).unwrap_err();
        assert_eq!(error, expected, "{text}");
    }
}
