//! Numbers and values in words, the same everywhere.

use serde_json::Value as Json;

use super::{Count, Event};

/// Columns that a value may take in a message.
const WIDTH: usize = 100;

/// Says `1 event`, `5 events`, `no events`.
pub(super) fn number(count: u64, one: &str) -> String {
    match count {
        0 => format!("no {}", many(one)),
        1 => format!("1 {one}"),
        count => format!("{count} {}", many(one)),
    }
}

/// Says `exactly 5 events`, `at least 1 event`, `no events`.
pub(super) fn count(count: Count, one: &str) -> String {
    match (count.at_least, count.at_most) {
        (0, Some(0)) => format!("no {}", many(one)),
        (least, Some(most)) if least == most => format!("exactly {}", number(least, one)),
        (1, None) => format!("at least 1 {one}"),
        _ => format!("{count} {}", many(one)),
    }
}

fn many(one: &str) -> String {
    if let Some(stem) = one.strip_suffix("try") { format!("{stem}tries") } else { format!("{one}s") }
}

/// Says ` with source.port = 23 and without source.asn`; empty for an empty filter.
pub(super) fn filter(filter: &Event) -> String {
    let part = |(name, wanted): (&String, &Json)| match wanted {
        Json::Null => format!("without {name}"),
        wanted => format!("with {name} = {}", value(wanted)),
    };
    let parts: Vec<String> = filter.iter().map(part).collect();
    if parts.is_empty() { String::new() } else { format!(" {}", parts.join(" and ")) }
}

/// Says ` with "text"`, ` like /pattern/`, or both.
pub(super) fn text(contains: Option<&str>, matches: Option<&str>) -> String {
    let contains = contains.map(|text| format!(" with {text:?}")).unwrap_or_default();
    let matches = matches.map(|pattern| format!(" like /{pattern}/")).unwrap_or_default();
    contains + &matches
}

/// Shows a value: a text bare where that is clear, everything else as JSON, and cut where it is long.
pub(super) fn value(value: &Json) -> String {
    let text = match value {
        Json::String(text) if is_clear(text) => text.clone(),
        value => value.to_string(),
    };
    shorten(&text)
}

fn is_clear(text: &str) -> bool {
    let looks_else = serde_json::from_str::<Json>(text).is_ok();
    !text.is_empty() && text.trim() == text && !looks_else && !text.chars().any(char::is_control)
}

/// Cuts a text in its middle, so that both ends stay to be compared.
pub(super) fn shorten(text: &str) -> String {
    let length = text.chars().count();
    if length <= WIDTH {
        return text.to_owned();
    }
    let head: String = text.chars().take(WIDTH / 2).collect();
    let tail: String = text.chars().skip(length - WIDTH / 3).collect();
    format!("{head} … {tail}")
}
