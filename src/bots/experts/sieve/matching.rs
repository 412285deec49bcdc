//! What a test says of a value.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use super::moment;
use super::syntax::{Compare, ListOp, Test};
use crate::bots::Failure;
use crate::bots::values::equal;
use crate::message::{Value, json, python};

impl Test {
    /// Tells whether it holds for a value, or for a field that is not there.
    pub(super) fn holds(&self, value: Option<&Value>, now: Timestamp) -> Result<bool, Failure> {
        let Some(value) = value else {
            return Ok(match self {
                Test::Equal(_, not) | Test::Regex(_, not) => *not,
                Test::Exists(wanted) => !wanted,
                _ => false,
            });
        };
        Ok(match self {
            Test::Exists(wanted) => *wanted,
            Test::Equal(text, not) => (value.as_str() == Some(text)) != *not,
            Test::In(texts) => texts.iter().any(|text| value.as_str() == Some(text)),
            Test::Contains(text) => as_text(value).contains(text.as_str()),
            Test::Regex(pattern, not) => pattern.is_match(&as_text(value)).map_err(Failure::Other)? != *not,
            Test::ContainsAny(texts) => {
                let value = only_text(value, ":containsany")?;
                texts.iter().any(|text| value.contains(text.as_str()))
            }
            Test::RegexIn(patterns) => {
                let value = only_text(value, ":regexin")?;
                for pattern in patterns {
                    if pattern.is_match(value).map_err(Failure::Other)? {
                        return Ok(true);
                    }
                }
                false
            }
            Test::Number(compare, number) => compare.holds(value, *number)?,
            Test::NumberIn(numbers) => numbers.iter().any(|number| equal(value, &Value::Float(*number))),
            Test::Within(networks) => address(value)
                .is_some_and(|address| networks.iter().any(|network| network.contains(&address))),
            Test::Time(limit, after) => {
                let text = only_text(value, "a comparison of times")?;
                let limit = limit.at(now);
                moment::event_time(text)
                    .is_some_and(|moment| if *after { moment > limit } else { moment < limit })
            }
            Test::List(operator, wanted) => {
                matches!(value, Value::List(items) if operator.holds(items, wanted))
            }
            Test::Flag(flag, not) => matches!(value, Value::Bool(value) if (value == flag) != *not),
        })
    }
}

impl Compare {
    #[expect(clippy::float_cmp, reason = "Python compares exactly")]
    fn holds(self, value: &Value, number: f64) -> Result<bool, Failure> {
        match self {
            Compare::Equal => return Ok(equal(value, &Value::Float(number))),
            Compare::NotEqual => return Ok(!equal(value, &Value::Float(number))),
            _ => {}
        }
        let found = match value {
            Value::Bool(flag) => f64::from(u8::from(*flag)),
            other => other.as_f64().ok_or_else(|| {
                Failure::Other(format!("{} cannot be compared with a number", python::repr(value)))
            })?,
        };
        Ok(match self {
            Compare::AtMost => found <= number,
            Compare::AtLeast => found >= number,
            Compare::Below => found < number,
            Compare::Above => found > number,
            Compare::Equal | Compare::NotEqual => found == number,
        })
    }
}

impl ListOp {
    fn holds(self, items: &[Value], wanted: &[Option<Value>]) -> bool {
        let same =
            |item: &Value, other: &Option<Value>| other.as_ref().is_some_and(|other| equal(item, other));
        let all_wanted = || items.iter().all(|item| wanted.iter().any(|other| same(item, other)));
        let all_there = || wanted.iter().all(|other| items.iter().any(|item| same(item, other)));
        match self {
            ListOp::Equals => {
                items.len() == wanted.len() && items.iter().zip(wanted).all(|(a, b)| same(a, b))
            }
            ListOp::SetEquals => all_wanted() && all_there(),
            ListOp::Overlaps => items.iter().any(|item| wanted.iter().any(|other| same(item, other))),
            ListOp::SubsetOf => all_wanted(),
            ListOp::SupersetOf => all_there(),
        }
    }
}

/// Returns a value's text: an object as JSON, everything else as Python's `str` has it.
fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        Value::Map(_) => Cow::Owned(json::to_text(value, true, false)),
        other => Cow::Owned(python::str(other)),
    }
}

fn only_text<'v>(value: &'v Value, what: &str) -> Result<&'v str, Failure> {
    value
        .as_str()
        .ok_or_else(|| Failure::Other(format!("{} is no text, which {what} needs", python::repr(value))))
}

/// Reads an address, also from a number as Python's ipaddress does.
fn address(value: &Value) -> Option<IpAddr> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Bool(flag) => Some(IpAddr::V4(Ipv4Addr::from_bits(u32::from(*flag)))),
        Value::Int(number) => match u32::try_from(*number) {
            Ok(bits) => Some(IpAddr::V4(Ipv4Addr::from_bits(bits))),
            Err(_) => u128::try_from(*number).ok().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        },
        Value::BigInt(digits) => digits.parse().ok().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        _ => None,
    }
}
