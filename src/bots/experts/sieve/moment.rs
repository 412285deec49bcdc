//! Moments and ages as `:before` and `:after` take them, and times that `+=` and `-=` shift.

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::bots::experts::filter::age;

/// A moment that an event's time is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// This one.
    At(Timestamp),
    /// So many seconds before now.
    Ago(i64),
    /// This time of the present day.
    Today(Time),
}

impl Moment {
    /// Reads an age such as `1 week`, or a moment in a form of ISO 8601; without a zone it is UTC.
    pub(super) fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        if let Some(seconds) = age(text) {
            return Some(Moment::Ago(seconds));
        }
        if let Some(time) = text.contains(':').then(|| clock(text)).flatten() {
            return Some(Moment::Today(time));
        }
        let (day, rest) = match text.find(['T', ' ']) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, ""),
        };
        let day = date(day)?;
        if rest.is_empty() {
            return (!text.ends_with('T')).then(|| utc(day.to_datetime(Time::midnight())).map(Moment::At))?;
        }
        let (time, offset) = zone(rest)?;
        let moment = day.to_datetime(clock(time)?);
        offset.to_timestamp(moment).ok().map(Moment::At)
    }

    /// Returns the moment, counted from now.
    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Moment::At(moment) => moment,
            Moment::Ago(seconds) => {
                now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
            }
            Moment::Today(time) => utc(Offset::UTC.to_datetime(now).date().to_datetime(time)).unwrap_or(now),
        }
    }
}

/// Reads a time as events have it, in UTC.
pub(super) fn event_time(text: &str) -> Option<Timestamp> {
    let plain = text.strip_suffix("+00:00")?;
    let whole = plain.split('.').next()?;
    if whole.len() != 19 || whole.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    utc(plain.parse().ok()?)
}

/// Writes a time as events have it.
pub(super) fn event_text(moment: Timestamp) -> String {
    crate::message::datetime::iso(Offset::UTC.to_datetime(moment))
}

fn utc(moment: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(moment).ok()
}

/// Splits a zone off a time.
fn zone(text: &str) -> Option<(&str, Offset)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), Offset::UTC));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, Offset::UTC)) };
    let digits: String = text[at + 1..].chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let number = |part: &str| numeric::<i32>(part);
    let minutes = if digits.len() == 4 { number(digits.get(2..)?)? } else { 0 };
    let seconds = number(digits.get(..2)?)? * 3600 + minutes * 60;
    let seconds = if text[at..].starts_with('-') { -seconds } else { seconds };
    Some((text[..at].trim_end(), Offset::from_seconds(seconds).ok()?))
}

/// Reads `12`, `12:30`, `1230`, `12:30:15.5`.
fn clock(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let colons = whole.contains(':');
    let digits: String = whole.chars().filter(|c| *c != ':').collect();
    let well_formed = !colons || whole.split(':').all(|part| part.len() == 2);
    if !well_formed || !matches!(digits.len(), 2 | 4 | 6) || (fraction.is_some() && digits.len() < 6) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), numeric::<i8>);
    let nanos = match fraction {
        None => 0,
        Some(text) if (1..=9).contains(&text.len()) => numeric::<i32>(&format!("{text:0<9}"))?,
        Some(_) => return None,
    };
    Time::new(part(0)?, part(2)?, part(4)?, nanos).ok()
}

/// Reads a day, or the first one of a month, a week or a year.
fn date(text: &str) -> Option<Date> {
    let text = text.replace('/', "-");
    let parts: Vec<&str> = text.split('-').collect();
    let year = |text: &str| (text.len() == 4).then(|| numeric::<i16>(text))?;
    let two = |text: &str| (text.len() == 2).then(|| numeric::<i8>(text))?;
    match parts.as_slice() {
        [compact] if compact.len() == 8 => {
            Date::new(year(compact.get(..4)?)?, two(compact.get(4..6)?)?, two(compact.get(6..)?)?).ok()
        }
        [whole] => Date::new(year(whole)?, 1, 1).ok(),
        [y, week] if week.starts_with('W') => of_week(year(y)?, two(&week[1..])?, 1),
        [y, week, day] if week.starts_with('W') => {
            of_week(year(y)?, two(&week[1..])?, (day.len() == 1).then(|| numeric(day))??)
        }
        [y, ordinal] if ordinal.len() == 3 => {
            let day = numeric::<i16>(ordinal)?;
            let date = Date::new(year(y)?, 1, 1).ok()?;
            date.with().day_of_year(day).build().ok()
        }
        [y, month] => Date::new(year(y)?, two(month)?, 1).ok(),
        [y, month, day] => Date::new(year(y)?, two(month)?, two(day)?).ok(),
        _ => None,
    }
}

fn of_week(year: i16, week: i8, day: i8) -> Option<Date> {
    let day = Weekday::from_monday_one_offset(day).ok()?;
    ISOWeekDate::new(year, week, day).ok().map(ISOWeekDate::date)
}

fn numeric<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}
