//! Shows how what was seen differs from what was expected: event by event, field by field; texts line by line.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;
use snapbox::report::{Palette, write_diff};

use super::Event;
use super::words;

/// How many events are shown before the rest is counted.
const MOST: usize = 5;
/// How many leftover events are compared with each other to find the nearest.
const CANDIDATES: usize = 200;
/// Fields by which a reader tells events apart, the best first.
const TELLING: [&str; 10] = [
    "source.ip",
    "source.port",
    "source.network",
    "source.fqdn",
    "source.url",
    "destination.ip",
    "classification.type",
    "malware.name",
    "feed.name",
    "time.source",
];

/// One event that has no equal on the other side, and where it stands there, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leftover<'a> {
    /// Its number.
    pub(super) number: usize,
    /// The event.
    pub(super) event: &'a Event,
}

/// Tells which fields of two events are looked at.
pub(super) enum Fields {
    /// All fields of both.
    All,
    /// Those that the expected one has.
    Expected,
}

/// Pairs each missing event with the nearest unexpected one and shows what differs; the others are listed.
pub(super) fn of_events(missing: &[Leftover<'_>], others: &[Leftover<'_>], fields: &Fields) -> Vec<String> {
    let mut free: Vec<Leftover<'_>> = others.iter().take(CANDIDATES).copied().collect();
    let mut lines = Vec::new();
    for leftover in missing.iter().take(MOST) {
        let distances = free.iter().enumerate().map(|(index, other)| {
            let differing = differing(leftover.event, other.event, fields).len();
            (differing, index)
        });
        match distances.min() {
            Some((distance, index)) if is_near(distance, leftover.event, free[index].event, fields) => {
                let other = match fields {
                    Fields::All => free.remove(index),
                    Fields::Expected => free[index],
                };
                pair(&mut lines, *leftover, other, fields);
            }
            _ => {
                lines.push(format!("event {} is missing:", leftover.number));
                lines.push(format!("- {}", telling(leftover.event)));
            }
        }
    }
    rest(&mut lines, missing.len(), "missing");
    if matches!(fields, Fields::Expected) {
        return lines;
    }
    for other in free.iter().take(MOST) {
        lines.push(format!("event {} of those seen is not expected:", other.number));
        lines.push(format!("+ {}", telling(other.event)));
    }
    rest(&mut lines, free.len(), "not expected");
    lines
}

fn rest(lines: &mut Vec<String>, all: usize, what: &str) {
    if all > MOST {
        lines.push(format!("and {} more that are {what}", all - MOST));
    }
}

fn pair(lines: &mut Vec<String>, expected: Leftover<'_>, seen: Leftover<'_>, fields: &Fields) {
    let names = differing(expected.event, seen.event, fields);
    lines.push(format!(
        "event {} ({}) is nearest to event {} of those seen; {}:",
        expected.number,
        telling(seen.event),
        seen.number,
        if names.len() == 1 {
            "1 field differs".to_owned()
        } else {
            format!("{} fields differ", names.len())
        }
    ));
    for name in names {
        one_field(lines, name, expected.event.get(name), seen.event.get(name));
    }
}

/// Shows one differing value.
pub(super) fn one_field(lines: &mut Vec<String>, name: &str, expected: Option<&Json>, seen: Option<&Json>) {
    let (mut left, mut right) = (expected.map(words::value), seen.map(words::value));
    // Two long values may be cut to the same text: then what matters is around the first difference.
    if let (Some(Json::String(expected)), Some(Json::String(seen))) = (expected, seen)
        && left == right
    {
        let at = expected.chars().zip(seen.chars()).take_while(|(a, b)| a == b).count();
        let around = |text: &str| {
            let part: String = text.chars().skip(at.saturating_sub(20)).take(60).collect();
            format!("… {part} … (differs at character {})", at + 1)
        };
        (left, right) = (Some(around(expected)), Some(around(seen)));
    }
    lines.extend(left.map(|value| format!("- {name}: {value}")));
    lines.extend(right.map(|value| format!("+ {name}: {value}")));
}

fn differing<'a>(expected: &'a Event, seen: &'a Event, fields: &Fields) -> BTreeSet<&'a str> {
    let names = expected.keys().chain(seen.keys().filter(|_| matches!(fields, Fields::All)));
    names.map(String::as_str).filter(|name| !same(expected.get(*name), seen.get(*name))).collect()
}

/// Compares two values; in an expectation, `null` means that the field is missing.
pub(super) fn same(expected: Option<&Json>, seen: Option<&Json>) -> bool {
    match (expected, seen) {
        (Some(Json::Null) | None, Some(Json::Null) | None) => true,
        (expected, seen) => expected == seen,
    }
}

fn is_near(distance: usize, expected: &Event, seen: &Event, fields: &Fields) -> bool {
    let all = match fields {
        Fields::All => expected.keys().chain(seen.keys()).collect::<BTreeSet<_>>().len(),
        Fields::Expected => expected.len(),
    };
    distance * 2 <= all
}

/// Shows the few fields by which a reader knows an event.
pub(super) fn telling(event: &Event) -> String {
    let mut names: Vec<&str> = TELLING.into_iter().filter(|name| event.contains_key(*name)).take(4).collect();
    if names.is_empty() {
        names = event.keys().map(String::as_str).take(4).collect();
    }
    let part = |name: &str| event.get(name).map(|value| format!("{name} {}", words::value(value)));
    names.into_iter().filter_map(part).collect::<Vec<_>>().join(", ")
}

/// Compares two texts line by line; in the expected one `[..]` stands for anything within a line and a line `...` for any lines.
///
/// Returns nothing if they are equal.
pub(super) fn of_texts(expected: &str, seen: &str, name: &str) -> Vec<String> {
    let expected = Data::text(expected);
    let seen = NormalizeToExpected::new().redact().normalize(Data::text(seen), &expected);
    of_data(&expected, &seen, name)
}

/// Compares two texts line by line, each letter as it is. Returns nothing if they are equal.
pub(super) fn of_lines(expected: &str, seen: &str, name: &str) -> Vec<String> {
    of_data(&Data::text(expected), &Data::text(seen), name)
}

fn of_data(expected: &Data, seen: &Data, name: &str) -> Vec<String> {
    if expected == seen {
        return Vec::new();
    }
    let mut text = String::new();
    let shown = write_diff(&mut text, expected, seen, Some(&name), None, Palette::plain());
    match shown {
        Ok(()) => text.trim_matches('\n').lines().map(str::to_owned).collect(),
        Err(_) => vec!["the texts differ".to_owned()],
    }
}

/// Lists the places where a JSON value has less than is expected of it. A list must have the same length.
pub(super) fn of_json(expected: &Json, seen: &Json, path: &str) -> Vec<String> {
    let step = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (expected, seen) {
        (Json::Object(expected), Json::Object(seen)) => expected
            .iter()
            .flat_map(|(name, value)| of_json(value, seen.get(name).unwrap_or(&Json::Null), &step(name)))
            .collect(),
        (Json::Array(expected), Json::Array(seen)) if expected.len() == seen.len() => expected
            .iter()
            .zip(seen)
            .enumerate()
            .flat_map(|(index, (expected, seen))| of_json(expected, seen, &step(&index.to_string())))
            .collect(),
        (expected, seen) if expected == seen => Vec::new(),
        (expected, seen) => {
            let mut lines = Vec::new();
            one_field(&mut lines, if path.is_empty() { "answer" } else { path }, Some(expected), Some(seen));
            lines
        }
    }
}
