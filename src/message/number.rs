//! Types that are numbers: Integer, ASN, Float, Accuracy, Boolean.

use super::value::Value;

pub(crate) fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(value) => Some(Value::Int((*value).into())),
        Value::Int(_) | Value::BigInt(_) => Some(value.clone()),
        Value::Float(number) => float_to_int(*number),
        Value::Text(text) => parse_int(text),
        Value::Bytes(bytes) => parse_int(ascii(bytes)?),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// Reads what Python's `int()` takes: white space around, a sign, `_` between digits, decimal digits of any script.
pub(crate) fn parse_int(text: &str) -> Option<Value> {
    if let (true, Ok(number)) = (!text.starts_with('+'), text.parse::<i64>()) {
        return Some(Value::Int(number));
    }
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut digits = String::with_capacity(text.len() + 1);
    let mut after_digit = false;
    for c in text.chars() {
        match decimal(c) {
            Some(digit) => {
                digits.push(digit);
                after_digit = true;
            }
            None if c == '_' && after_digit => after_digit = false,
            None => return None,
        }
    }
    if !after_digit || digits.len() > MAX_DIGITS {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    Some(from_digits(digits, negative))
}

/// Python refuses to convert longer numbers.
pub(crate) const MAX_DIGITS: usize = 4300;

/// Makes a value of decimal digits without leading zeros.
pub(crate) fn from_digits(digits: &str, negative: bool) -> Value {
    let sign = if negative && digits != "0" { "-" } else { "" };
    let text = format!("{sign}{digits}");
    text.parse().map_or_else(|_| Value::BigInt(text.into()), Value::Int)
}

/// Returns the ASCII digit of a decimal digit of any script.
pub(crate) fn decimal(c: char) -> Option<char> {
    use unicode_general_category::{GeneralCategory, get_general_category};

    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    // Decimal digits come in runs of ten; count back to the start of the run.
    if get_general_category(c) != GeneralCategory::DecimalNumber {
        return None;
    }
    let before = (1..=9).take_while(|back| {
        char::from_u32(c as u32 - back)
            .is_some_and(|c| get_general_category(c) == GeneralCategory::DecimalNumber)
    });
    char::from_digit(before.count() as u32 % 10, 10)
}

/// Bytes are numbers only in ASCII.
fn ascii(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

fn float_to_int(number: f64) -> Option<Value> {
    if !number.is_finite() {
        return None;
    }
    let whole = number.trunc();
    if whole.abs() < 9e18 {
        return Some(Value::Int(whole as i64));
    }
    Some(from_digits(&format!("{:.0}", whole.abs()), whole < 0.0))
}

pub(crate) fn asn(value: &Value) -> Option<Value> {
    let number = match value {
        Value::Text(text) => match text.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("as") => parse_int(&text[2..]),
            _ => parse_int(text),
        },
        other => integer(other),
    }?;
    matches!(number, Value::Int(1..=0xffff_ffff)).then_some(number)
}

pub(crate) fn float(value: &Value) -> Option<Value> {
    to_float(value).map(Value::Float)
}

pub(crate) fn to_float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some((*value).into()),
        Value::Int(number) => Some(*number as f64),
        Value::BigInt(digits) => digits.parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Float(number) => Some(*number),
        Value::Text(text) => parse_float(text),
        Value::Bytes(bytes) => parse_float(ascii(bytes)?),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// Reads what Python's `float()` takes.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii() && b != b'_') {
        return text.parse().ok();
    }
    let mut plain = String::with_capacity(text.len());
    let mut last = ' ';
    for c in text.chars() {
        // An underscore stands between two digits.
        let digit = decimal(c);
        if (c == '_' && !last.is_ascii_digit()) || (last == '_' && digit.is_none()) {
            return None;
        }
        last = digit.unwrap_or(c);
        if last != '_' {
            plain.push(last);
        }
    }
    if last == '_' { None } else { plain.parse().ok() }
}

pub(crate) fn accuracy(value: &Value) -> Option<Value> {
    if let Value::Bool(value) = value {
        return Some(Value::Float(if *value { 100.0 } else { 0.0 }));
    }
    to_float(value).filter(|number| (0.0..=100.0).contains(number)).map(Value::Float)
}

pub(crate) fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::Int(number @ (0 | 1)) => Some(Value::Bool(*number == 1)),
        Value::Text(text) => match super::python::strip(text).to_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}
