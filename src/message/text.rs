//! Types that are text: String and its cases, Base64, TLP, Registry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::kind::Raised;
use super::lazy::Text;
use super::python::{self, strip};
use super::value::Value;

/// What most types make of a value first: text without white space around it; nothing of what is empty.
pub(crate) fn generic(value: Value) -> Option<Value> {
    if !value.is_truthy() {
        return None;
    }
    let text = match value {
        Value::Text(text) => text,
        Value::Bytes(bytes) => decode(&bytes).into(),
        other => return Some(Value::from(python::repr(&other))),
    };
    Some(Value::Text(strip_owned(text)))
}

/// As [`generic`], as text.
pub(crate) fn generic_text(value: Value) -> Option<Text> {
    match generic(value)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Reads UTF-8 and drops what is none.
pub(crate) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.utf8_chunks().map(|chunk| chunk.valid()).collect(),
    }
}

fn strip_owned(text: Text) -> Text {
    let stripped = strip(&text);
    if stripped.len() == text.len() { text } else { stripped.into() }
}

pub(crate) fn lowercase(value: Value) -> Option<Value> {
    match value {
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) if is_lowercase(&text) => Some(Value::Text(strip_owned(text))),
        Value::Text(text) => Some(Value::Text(strip_owned(text.to_lowercase().into()))),
        Value::Bytes(bytes) => generic(Value::Bytes(bytes.to_ascii_lowercase())),
        _ => None,
    }
}

pub(crate) fn uppercase(value: Value) -> Option<Value> {
    match value {
        Value::Text(text) if text.is_empty() => None,
        Value::Text(text) if is_uppercase(&text) => Some(Value::Text(strip_owned(text))),
        Value::Text(text) => Some(Value::Text(strip_owned(text.to_uppercase().into()))),
        Value::Bytes(bytes) => generic(Value::Bytes(bytes.to_ascii_uppercase())),
        _ => None,
    }
}

pub(crate) fn is_lowercase(text: &str) -> bool {
    !text.is_empty()
        && if text.is_ascii() { !has_byte(text, u8::is_ascii_uppercase) } else { text.to_lowercase() == text }
}

pub(crate) fn is_uppercase(text: &str) -> bool {
    !text.is_empty()
        && if text.is_ascii() { !has_byte(text, u8::is_ascii_lowercase) } else { text.to_uppercase() == text }
}

fn has_byte(text: &str, is: fn(&u8) -> bool) -> bool {
    text.as_bytes().iter().any(is)
}

/// Encodes; also what is Base64 already.
pub(crate) fn base64(value: Value) -> Option<Value> {
    match value {
        Value::Text(text) => Some(Value::Text(Text::encoded(text.into_string().into_bytes()))),
        Value::Bytes(bytes) => Some(Value::Text(Text::encoded(bytes))),
        _ => None,
    }
}

pub(crate) fn check_base64(text: &str) -> Result<bool, Raised> {
    let bytes = text.as_bytes();
    let body = bytes.strip_suffix(b"==").or_else(|| bytes.strip_suffix(b"=")).unwrap_or(bytes);
    let plain = body
        .iter()
        .fold(true, |plain, b| plain & matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/'));
    if plain && bytes.len().is_multiple_of(4) && !body.is_empty() {
        return Ok(true);
    }
    decode_base64(text).map(|_| !text.is_empty())
}

/// Decodes as Python does: what is not of the alphabet is skipped, wrong padding is an error.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, Raised> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Ok(bytes);
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut place, mut left, mut pads) = (0u8, 0u8, 0u8);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                pads += 1;
                if place >= 2 && place + pads >= 4 {
                    return Ok(out);
                }
                continue;
            }
            _ => continue,
        };
        pads = 0;
        match place {
            0 => {}
            1 => out.push(left << 2 | six >> 4),
            2 => out.push(left << 4 | six >> 2),
            _ => out.push(left << 6 | six),
        }
        left = six;
        place = (place + 1) % 4;
    }
    match place {
        0 => Ok(out),
        1 => Err(Raised(
            "Invalid base64-encoded string: the number of data characters cannot be 1 more than a multiple of 4",
        )),
        _ => Err(Raised("Incorrect padding")),
    }
}

const REGISTRIES: [&str; 5] = ["AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE"];

pub(crate) fn registry(value: Value) -> Option<Value> {
    let value = uppercase(value)?;
    Some(if matches!(value.as_str(), Some("RIPENCC" | "RIPE-NCC")) { Value::from("RIPE") } else { value })
}

pub(crate) fn is_registry(text: &str) -> bool {
    REGISTRIES.contains(&text)
}

const LEVELS: [&str; 4] = ["WHITE", "GREEN", "AMBER", "RED"];

pub(crate) fn tlp(value: Value) -> Option<Value> {
    let Some(Value::Text(text)) = uppercase(value).filter(Value::is_truthy) else { return None };
    let level =
        text.strip_prefix("TLP").map_or(text.as_str(), |rest| strip(rest.strip_prefix(':').unwrap_or(rest)));
    Some(if level == "YELLOW" { Value::from("AMBER") } else { Value::from(level) })
}

pub(crate) fn is_tlp(text: &str) -> bool {
    LEVELS.contains(&text)
}
