//! Text as Python writes it: `repr` and `str` of values, floats, and what Python takes for white space.

use unicode_general_category::{GeneralCategory, get_general_category};

use super::value::Value;

/// Appends `repr(value)`, as UTF-8.
pub(crate) fn write_repr(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"None"),
        Value::Bool(true) => out.extend_from_slice(b"True"),
        Value::Bool(false) => out.extend_from_slice(b"False"),
        Value::Int(number) => write_int(out, *number),
        Value::BigInt(digits) => out.extend_from_slice(digits.as_bytes()),
        Value::Float(number) => write_float(out, *number, ["nan", "inf", "-inf"]),
        Value::Text(text) => write_text_repr(out, text),
        Value::Bytes(bytes) => write_bytes_repr(out, bytes),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                write_repr(out, item);
            }
            out.push(b']');
        }
        Value::Map(items) => {
            out.push(b'{');
            for (index, (key, item)) in items.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                write_text_repr(out, key);
                out.extend_from_slice(b": ");
                write_repr(out, item);
            }
            out.push(b'}');
        }
    }
}

/// Returns `repr(value)`.
pub fn repr(value: &Value) -> String {
    let mut out = Vec::new();
    write_repr(&mut out, value);
    into_text(out)
}

/// Returns `str(value)`: text as it is, everything else as `repr` has it.
pub fn str(value: &Value) -> String {
    match value {
        Value::Text(text) => text.as_str().to_owned(),
        _ => repr(value),
    }
}

/// Returns what Python's `str()` makes of a float: the shortest text that reads back as the same number.
pub fn float_text(number: f64) -> String {
    let mut out = Vec::new();
    write_float(&mut out, number, ["nan", "inf", "-inf"]);
    into_text(out)
}

/// Cuts what Python's `str.strip()` cuts.
pub fn strip(text: &str) -> &str {
    match (text.as_bytes().first(), text.as_bytes().last()) {
        (Some(b'!'..=b'~'), Some(b'!'..=b'~')) => text,
        _ => text.trim_matches(is_space),
    }
}

/// Tells whether `str.isspace()` is true for a character.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// Returns a text's first line as `str.splitlines` tells it, and the byte where the next one begins.
pub(crate) fn first_line(text: &str) -> (&str, usize) {
    let ends = |c| matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let Some((line, rest)) = text.find(ends).map(|end| text.split_at(end)) else { return (text, text.len()) };
    let end = if rest.starts_with("\r\n") { 2 } else { rest.chars().next().map_or(0, char::len_utf8) };
    (line, line.len() + end)
}

/// Everything written by this module is UTF-8.
pub(crate) fn into_text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_default()
}

pub(crate) fn write_int(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a float; `special` names NaN and the infinities, which `repr` and JSON call differently.
pub(crate) fn write_float(out: &mut Vec<u8>, number: f64, special: [&str; 3]) {
    use std::io::Write as _;

    if number.is_nan() {
        return out.extend_from_slice(special[0].as_bytes());
    }
    if number.is_infinite() {
        return out.extend_from_slice(special[if number > 0.0 { 1 } else { 2 }].as_bytes());
    }
    let whole = number as i64;
    if whole != 0 && whole.unsigned_abs() < 1 << 50 && number.fract() == 0.0 {
        write_int(out, whole);
        return out.extend_from_slice(b".0");
    }
    let start = out.len();
    // Writing into a vector cannot fail. `{:e}` gives the shortest digits: `-1.2345e-7`.
    let _ = write!(out, "{number:e}");
    let mut digits = [0u8; 24];
    let mut count = 0;
    let mut exponent = 0i32;
    let mut negative = false;
    for (index, &byte) in out[start..].iter().enumerate() {
        match byte {
            b'-' => negative = true,
            b'0'..=b'9' if count < digits.len() => {
                digits[count] = byte;
                count += 1;
            }
            b'e' => {
                exponent = std::str::from_utf8(&out[start + index + 1..])
                    .ok()
                    .and_then(|t| t.parse().ok())
                    .unwrap_or(0);
                break;
            }
            _ => {}
        }
    }
    out.truncate(start);
    if negative {
        out.push(b'-');
    }
    write_digits(out, &digits[..count], exponent);
}

/// Places the decimal point as `repr` does: scientific below 1e-4 and from 1e16 on.
fn write_digits(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    if !(-4..16).contains(&exponent) {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            out.push(b'0');
        }
        return write_int(out, exponent.abs().into());
    }
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + exponent.unsigned_abs() as usize - 1, b'0');
        return out.extend_from_slice(digits);
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        out.extend_from_slice(digits);
        out.resize(out.len() + whole - digits.len(), b'0');
        out.extend_from_slice(b".0");
    } else {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

/// Appends `repr` of text.
pub(crate) fn write_text_repr(out: &mut Vec<u8>, text: &str) {
    let plain =
        text.bytes().fold(true, |plain, b| plain & matches!(b, b' '..=b'&' | b'('..=b'[' | b']'..=b'~'));
    if plain {
        out.reserve(text.len() + 2);
        out.push(b'\'');
        out.extend_from_slice(text.as_bytes());
        return out.push(b'\'');
    }
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut buffer = [0u8; 4];
    out.push(quote as u8);
    for c in text.chars() {
        match c {
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\\' => out.extend_from_slice(b"\\\\"),
            c if c == quote => out.extend_from_slice(&[b'\\', quote as u8]),
            ' '..='~' => out.push(c as u8),
            c if is_printable(c) => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
            c => write_escape(out, c as u32),
        }
    }
    out.push(quote as u8);
}

fn write_bytes_repr(out: &mut Vec<u8>, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.extend_from_slice(&[b'b', quote]);
    for &byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b if b == quote => out.extend_from_slice(&[b'\\', quote]),
            b' '..=b'~' => out.push(byte),
            _ => write_escape(out, byte.into()),
        }
    }
    out.push(quote);
}

fn write_escape(out: &mut Vec<u8>, code: u32) {
    let (letter, digits) = match code {
        0..=0xff => (b'x', 2),
        0x100..=0xffff => (b'u', 4),
        _ => (b'U', 8),
    };
    out.extend_from_slice(&[b'\\', letter]);
    for shift in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(code >> (shift * 4)) as usize & 0xf]);
    }
}

/// Tells whether `repr` leaves a character as it is (`str.isprintable`).
fn is_printable(c: char) -> bool {
    use GeneralCategory as G;
    c == ' '
        || !matches!(
            get_general_category(c),
            G::Control
                | G::Format
                | G::Surrogate
                | G::PrivateUse
                | G::Unassigned
                | G::LineSeparator
                | G::ParagraphSeparator
                | G::SpaceSeparator
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_in_python() {
        let table = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (48.2082, "48.2082"),
            (-0.1, "-0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (1e22, "1e+22"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (0.0001, "0.0001"),
            (0.000_123, "0.000123"),
            (1e-5, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in table {
            assert_eq!(float_text(number), text);
        }
    }

    #[test]
    fn text_and_bytes_are_quoted_as_in_python() {
        let table = [
            (Value::from("it's"), "\"it's\""),
            (Value::from("it's \"both\""), "'it\\'s \"both\"'"),
            (
                Value::from("\u{200b}\u{a0}\u{7f}\u{85}ż😀\u{10ffff}"),
                "'\\u200b\\xa0\\x7f\\x85ż😀\\U0010ffff'",
            ),
            (Value::from(&b"a'\xff\n"[..]), "b\"a'\\xff\\n\""),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Map(vec![("k".into(), Value::Null)]), "{'k': None}"),
        ];
        for (value, text) in table {
            assert_eq!(repr(&value), text);
        }
    }
}
