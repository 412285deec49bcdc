//! JSON as Python's `json` reads and writes it, and the types that hold JSON text.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiter::{Jiter, JiterError, Peek};

use super::number::from_digits;
use super::python::{into_text, write_float, write_int};
use super::text::generic;
use super::value::Value;

/// How deep lists and objects may be nested.
const DEEPEST: usize = 500;

/// How a value is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Writes everything beyond ASCII as `\uXXXX`.
    pub ascii: bool,
    /// Sorts the keys of objects.
    pub sort: bool,
}

/// Reads JSON text: integers of any size, `NaN` and `Infinity`; of equal keys the last counts.
pub fn parse(text: &[u8]) -> Result<Value, String> {
    let mut jiter = Jiter::new(text).with_allow_inf_nan();
    let value = jiter.peek().map_err(Fault::from).and_then(|peek| read(&mut jiter, peek, 0));
    value
        .and_then(|value| jiter.finish().map(|()| value).map_err(Fault::from))
        .map_err(|fault| fault.text(&jiter))
}

/// Why JSON was refused.
pub(crate) enum Fault {
    Jiter(JiterError),
    Deep,
}

impl From<JiterError> for Fault {
    fn from(error: JiterError) -> Self {
        Fault::Jiter(error)
    }
}

impl Fault {
    pub(crate) fn text(&self, jiter: &Jiter) -> String {
        match self {
            Fault::Jiter(error) => error.description(jiter),
            Fault::Deep => format!("nested deeper than {DEEPEST} levels"),
        }
    }
}

/// Reads the value that begins with `peek`.
pub(crate) fn read(jiter: &mut Jiter, peek: Peek, depth: usize) -> Result<Value, Fault> {
    match peek {
        Peek::String => Ok(Value::from(jiter.known_str()?)),
        Peek::Null => jiter.known_null().map(|()| Value::Null).map_err(Fault::from),
        Peek::True | Peek::False => Ok(Value::Bool(jiter.known_bool(peek)?)),
        Peek::Array | Peek::Object if depth >= DEEPEST => Err(Fault::Deep),
        Peek::Array => {
            let mut items = Vec::new();
            let mut next = jiter.known_array()?;
            while let Some(peek) = next {
                items.push(read(jiter, peek, depth + 1)?);
                next = jiter.array_step()?;
            }
            Ok(Value::List(items))
        }
        Peek::Object => {
            let mut items = Vec::new();
            let mut next = jiter.known_object()?.map(str::to_owned);
            while let Some(key) = next {
                let peek = jiter.peek()?;
                items.push((key, read(jiter, peek, depth + 1)?));
                next = jiter.next_key()?.map(str::to_owned);
            }
            Ok(Value::Map(last_wins(items)))
        }
        _ => Ok(number(jiter.known_number_bytes(peek)?)),
    }
}

/// Makes a number of its JSON text, which jiter has checked.
fn number(text: &[u8]) -> Value {
    let text = std::str::from_utf8(text).unwrap_or_default();
    if let Ok(number) = text.parse::<i64>() {
        return Value::Int(number);
    }
    match text {
        "NaN" => Value::Float(f64::NAN),
        _ if text.ends_with("Infinity") => {
            Value::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        _ if text.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) => {
            Value::Float(text.parse().unwrap_or(f64::NAN))
        }
        _ => from_digits(text.trim_start_matches('-'), text.starts_with('-')),
    }
}

/// Keeps of equal keys the place of the first and the value of the last, as a Python dict does.
pub(crate) fn last_wins(items: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let small = items.len() <= 16;
    if small
        && items
            .iter()
            .enumerate()
            .all(|(index, (key, _))| items[..index].iter().all(|(other, _)| other != key))
    {
        return items;
    }
    let mut places: HashMap<String, usize> = HashMap::with_capacity(items.len());
    let mut kept: Vec<(String, Value)> = Vec::with_capacity(items.len());
    for (key, value) in items {
        if let Some(&place) = places.get(&key) {
            kept[place].1 = value;
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    kept
}

/// Appends a value as `json.dumps` writes it.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value, style: Style) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => write_int(out, *number),
        Value::BigInt(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Float(number) => write_float(out, *number, ["NaN", "Infinity", "-Infinity"]),
        Value::Text(text) => match text.decoded() {
            Some(bytes) => write_base64(out, bytes),
            None => write_text(out, text, style.ascii),
        },
        Value::Bytes(bytes) => write_text(out, &super::text::decode(bytes), style.ascii),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                write_value(out, item, style);
            }
            out.push(b']');
        }
        Value::Map(items) if style.sort => {
            let mut sorted: Vec<&(String, Value)> = items.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            write_map(out, sorted.into_iter(), style);
        }
        Value::Map(items) => write_map(out, items.iter(), style),
    }
}

fn write_map<'a>(out: &mut Vec<u8>, items: impl Iterator<Item = &'a (String, Value)>, style: Style) {
    out.push(b'{');
    for (index, (key, item)) in items.enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        write_text(out, key, style.ascii);
        out.extend_from_slice(b": ");
        write_value(out, item, style);
    }
    out.push(b'}');
}

/// Appends the Base64 of bytes as a JSON string.
fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The room is what Base64 needs, so that it cannot fail.
    let _ = STANDARD.encode_slice(bytes, &mut out[start..]);
    out.push(b'"');
}

/// Appends text as a JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str, ascii: bool) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    if !is_plain(rest, ascii) {
        while let Some(plain) = rest.iter().position(|b| needs_escape(*b, ascii)) {
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            rest = &rest[write_escaped(out, rest[0], &text[text.len() - rest.len()..])..];
        }
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn needs_escape(byte: u8, ascii: bool) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || (ascii && byte > 0x7e)
}

/// Tells whether no byte needs an escape, eight bytes at a time.
fn is_plain(bytes: &[u8], ascii: bool) -> bool {
    let Some(last) = bytes.len().checked_sub(8) else {
        return !bytes.iter().any(|b| needs_escape(*b, ascii));
    };
    let word =
        |at: usize| bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
    let mut found = 0;
    for at in (0..last).step_by(8).chain([last]) {
        let word = word(at);
        found |= below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
        if ascii {
            found |= (word & HIGH) | equal(word, 0x7f);
        }
    }
    found == 0
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// Is not 0 if some byte is below `limit`, which is at most 0x80.
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH
}

/// Is not 0 if some byte is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// Writes the first character of `rest`, whose first byte is `byte`, and returns its length.
fn write_escaped(out: &mut Vec<u8>, byte: u8, rest: &str) -> usize {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => 0,
    };
    if short != 0 {
        out.extend_from_slice(&[b'\\', short]);
        return 1;
    }
    let Some(c) = rest.chars().next() else { return 1 };
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(b"\\u");
        for shift in [12, 8, 4, 0] {
            out.push(b"0123456789abcdef"[usize::from(*unit >> shift) & 0xf]);
        }
    }
    c.len_utf8()
}

/// Returns a value as JSON text.
pub fn to_text(value: &Value, ascii: bool, sort: bool) -> String {
    let mut out = Vec::new();
    write_value(&mut out, value, Style { ascii, sort });
    into_text(out)
}

pub(crate) fn is_json(text: &str) -> bool {
    parse(text.as_bytes()).is_ok()
}

pub(crate) fn is_dict(text: &str) -> bool {
    matches!(parse(text.as_bytes()), Ok(Value::Map(items)) if !items.is_empty())
}

pub(crate) fn sanitize(value: &Value) -> Option<Value> {
    if *value == Value::Null { None } else { sanitize_with(value, is_json) }
}

pub(crate) fn sanitize_dict(value: &Value) -> Option<Value> {
    if value.is_truthy() { sanitize_with(value, is_dict) } else { None }
}

/// Keeps text that is ready, without white space around it; writes anything else as JSON.
fn sanitize_with(value: &Value, is_ready: fn(&str) -> bool) -> Option<Value> {
    if let Value::Text(_) | Value::Bytes(_) = value {
        match generic(value.clone()) {
            Some(Value::Text(text)) if is_ready(&text) => return Some(Value::Text(text)),
            _ => {}
        }
    }
    (!holds_bytes(value)).then(|| Value::from(to_text(value, true, true)))
}

/// Bytes cannot be written as JSON.
fn holds_bytes(value: &Value) -> bool {
    match value {
        Value::Bytes(_) => true,
        Value::List(items) => items.iter().any(holds_bytes),
        Value::Map(items) => items.iter().any(|(_, item)| holds_bytes(item)),
        _ => false,
    }
}
