//! Limits in time: a moment, or an age counted from now.

use jiff::{SignedDuration, Timestamp, civil};
use serde_json::Value as Json;

/// A limit in time.
#[derive(Debug)]
pub(super) enum Limit {
    /// This moment.
    At(Timestamp),
    /// So many seconds before now.
    Ago(i64),
    /// A moment without a time zone: IntelMQ cannot compare it with any event's time.
    Naive(String),
}

/// Units and their seconds.
const UNITS: &[(&str, i64)] = &[
    ("second", 1),
    ("minute", 60),
    ("hour", 3600),
    ("day", 86400),
    ("week", 7 * 86400),
    ("month", 30 * 86400),
    ("year", 365 * 86400),
];

impl Limit {
    /// Reads a limit.
    pub(super) fn parse(name: &str, value: &Json) -> Result<Limit, String> {
        let refused = || {
            format!(
                "parameter {name:?}: {value} is no limit in time; write a moment with its time zone \
                 (2020-01-01T00:00:00+00:00), or an age (\"2 days\")"
            )
        };
        let text = value.as_str().ok_or_else(refused)?.trim();
        if let Some(seconds) = age(text) {
            return Ok(Limit::Ago(seconds));
        }
        let zoned = text.strip_suffix(" UTC").map(|text| format!("{text}Z"));
        if let Ok(moment) = zoned.as_deref().unwrap_or(text).parse() {
            return Ok(Limit::At(moment));
        }
        let naive = text.parse::<civil::DateTime>().is_ok() || text.parse::<civil::Date>().is_ok();
        if naive { Ok(Limit::Naive(text.to_owned())) } else { Err(refused()) }
    }

    /// Returns the moment; the error is one for each event that has a time, as in IntelMQ.
    pub(super) fn moment(&self, now: Timestamp) -> Result<Timestamp, String> {
        match self {
            Limit::At(moment) => Ok(*moment),
            Limit::Ago(seconds) => {
                Ok(now.checked_sub(SignedDuration::from_secs(*seconds)).unwrap_or(Timestamp::MIN))
            }
            Limit::Naive(text) => Err(format!(
                "can't compare offset-naive and offset-aware datetimes: {text:?} has no time zone; \
                 write it with one, as in 2020-01-01T00:00:00+00:00"
            )),
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Limit::At(moment) => write!(f, "{moment}"),
            Limit::Ago(seconds) => write!(f, "{seconds} seconds ago"),
            Limit::Naive(text) => f.write_str(text),
        }
    }
}

/// Reads `2 days`; returns seconds, a month of 30 days, a year of 365.
pub(in crate::bots::experts) fn age(text: &str) -> Option<i64> {
    let (count, unit) = text.split_once(char::is_whitespace)?;
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let unit = unit.trim_start();
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    count.parse::<i64>().ok()?.checked_mul(*seconds)
}
