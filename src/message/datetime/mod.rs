//! Moments: the DateTime type, and how parsers read moments of other forms.

mod format;
mod fuzzy;
mod lex;
mod strptime;
mod words;
mod ymd;

use std::sync::LazyLock;

pub use format::TimeFormat;
use jiff::civil::DateTime;
use strptime::Strptime;

use super::value::Value;

/// Tells whether a message may hold a moment in this form.
///
/// That is `YYYY-MM-DDTHH:MM:SS+00:00`, a fraction of up to six digits allowed; Python also takes `2025-3-1T1:2:3+00:00`.
pub(crate) fn is_valid(text: &str) -> bool {
    exact(text.as_bytes()) || (text.ends_with("+00:00") && LOOSE.iter().any(|form| form.read(text).is_ok()))
}

static LOOSE: LazyLock<Vec<Strptime>> = LazyLock::new(|| {
    ["%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S.%f+00:00"]
        .into_iter()
        .filter_map(|form| Strptime::new(form).ok())
        .collect()
});

/// Returns the present moment, to the second.
pub fn now() -> String {
    iso(utc_now().with().subsec_nanosecond(0).build().unwrap_or_default())
}

/// Reads a moment in nearly any form, as Python's dateutil does: month first, unknown words passed over, what is missing
/// taken from today.
///
/// A moment without a time zone is UTC; zones are understood as offsets, `UTC`, `GMT` and `Z`.
pub fn parse_fuzzy(text: &str) -> Option<DateTime> {
    fuzzy::parse(text, utc_now().date())
}

fn utc_now() -> DateTime {
    jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now())
}

/// Writes a moment of UTC as messages hold it, with six digits of a fraction or none.
pub fn iso(moment: DateTime) -> String {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(32);
    let (date, time) = (moment.date(), moment.time());
    // Writing to a string cannot fail.
    let _ = write!(out, "{:04}-{:02}-{:02}T", date.year(), date.month(), date.day());
    let _ = write!(out, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    let micros = time.subsec_nanosecond() / 1000;
    if micros > 0 {
        let _ = write!(out, ".{micros:06}");
    }
    out.push_str("+00:00");
    out
}

/// Python's datetimes begin with the year 1.
fn in_range(moment: DateTime) -> Option<DateTime> {
    (moment.year() >= 1).then_some(moment)
}

pub(crate) fn sanitize(value: Value) -> Option<Value> {
    let Value::Text(text) = value else { return None };
    if exact(text.as_bytes()) {
        return Some(Value::Text(text));
    }
    if let Some(text) = plain(&text) {
        return Some(Value::from(text));
    }
    if is_valid(&text) {
        return Some(Value::Text(text));
    }
    parse_fuzzy(&text).map(|moment| Value::from(iso(moment)))
}

/// `YYYY-MM-DDTHH:MM:SS`, a fraction of one to six digits or none, `+00:00`.
fn exact(text: &[u8]) -> bool {
    let Some(text) = text.strip_suffix(b"+00:00") else { return false };
    let Some((moment, fraction)) = text.split_at_checked(19) else { return false };
    let fraction_fits = match fraction {
        [] => true,
        [b'.', digits @ ..] => (1..=6).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    fraction_fits && moment[10] == b'T' && is_moment(moment)
}

/// Tells whether 19 bytes are a moment that exists; the eleventh may be anything.
fn is_moment(text: &[u8]) -> bool {
    let two = |at: usize| -> u32 {
        let digit = |b: u8| if b.is_ascii_digit() { u32::from(b - b'0') } else { 1000 };
        digit(text[at]) * 10 + digit(text[at + 1])
    };
    if text.len() != 19 {
        return false;
    }
    let (century, year, month, day) = (two(0), two(2), two(5), two(8));
    let separators = text[4] == b'-' && text[7] == b'-' && text[13] == b':' && text[16] == b':';
    separators
        && century < 100
        && year < 100
        && century + year > 0
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_in_month(century * 100 + year, month)
        && two(11) < 24
        && two(14) < 60
        && two(17) < 60
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Converts the usual forms: a blank or `T` in the middle, nothing, ` UTC`, `Z` or `+00:00` at the end.
fn plain(text: &str) -> Option<String> {
    let (moment, zone) = text.as_bytes().split_at_checked(19)?;
    let fits = matches!(zone, b"" | b"Z" | b" UTC" | b"+00:00")
        && matches!(moment[10], b' ' | b'T')
        && is_moment(moment);
    fits.then(|| {
        let mut out = String::with_capacity(25);
        out.push_str(&text[..10]);
        out.push('T');
        out.push_str(&text[11..19]);
        out.push_str("+00:00");
        out
    })
}
