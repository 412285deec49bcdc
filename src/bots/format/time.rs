//! Moments in format strings: as text, in parts, and by strftime.

use std::fmt::Write as _;

use jiff::civil::DateTime;

use super::Item;
use crate::message::Value;

/// `str(datetime)`
pub(super) fn str(moment: DateTime) -> String {
    let text = moment.strftime("%Y-%m-%d %H:%M:%S").to_string();
    match micros(moment) {
        0 => text,
        micros => format!("{text}.{micros:06}"),
    }
}

/// `repr(datetime)`
pub(super) fn repr(moment: DateTime) -> String {
    let (year, month, day) = (moment.year(), moment.month(), moment.day());
    let mut parts =
        vec![i32::from(year), month.into(), day.into(), moment.hour().into(), moment.minute().into()];
    let tail = [i32::from(moment.second()), micros(moment)];
    if tail != [0, 0] {
        parts.extend(if tail[1] == 0 { &tail[..1] } else { &tail[..] });
    }
    let parts: Vec<String> = parts.iter().map(i32::to_string).collect();
    format!("datetime.datetime({})", parts.join(", "))
}

/// `datetime.year` and the like.
pub(super) fn attribute<'a>(moment: DateTime, name: &str) -> Result<Item<'a>, String> {
    let number = match name {
        "year" => i32::from(moment.year()),
        "month" => moment.month().into(),
        "day" => moment.day().into(),
        "hour" => moment.hour().into(),
        "minute" => moment.minute().into(),
        "second" => moment.second().into(),
        "microsecond" => micros(moment),
        _ => return Err(format!("'datetime.datetime' object has no attribute '{name}'")),
    };
    Ok(Item::Value(std::borrow::Cow::Owned(Value::from(number))))
}

/// `datetime.strftime`, in Python's own locale and without a time zone.
pub(crate) fn strftime(moment: DateTime, format: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(format.len());
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('c') => plain.push_str("%a %b %e %H:%M:%S %Y"),
            Some('x') => plain.push_str("%m/%d/%y"),
            Some('X') => plain.push_str("%H:%M:%S"),
            Some('r') => plain.push_str("%I:%M:%S %p"),
            Some('f') => {
                let _ = write!(plain, "{:06}", micros(moment));
            }
            Some('s') => plain.push_str(&seconds(moment).to_string()),
            Some('z' | 'Z') => {}
            Some(directive) => plain.extend(['%', directive]),
            None => plain.push_str("%%"),
        }
    }
    jiff::fmt::strtime::format(&plain, moment).map_err(|error| format!("{format:?}: {error}"))
}

/// Seconds since 1970, taking the moment as UTC.
fn seconds(moment: DateTime) -> i64 {
    jiff::tz::TimeZone::UTC.to_timestamp(moment).map_or(0, jiff::Timestamp::as_second)
}

fn micros(moment: DateTime) -> i32 {
    moment.subsec_nanosecond() / 1000
}
