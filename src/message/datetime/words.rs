//! The words and numbers of moments.

use super::ymd::is_digits;

pub(super) const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const JUMPS: [&str; 18] =
    [" ", ".", ",", ";", "-", "/", "'", "at", "on", "and", "ad", "m", "t", "of", "st", "nd", "rd", "th"];

/// Tells whether a token carries no meaning.
pub(super) fn is_jump(token: &str) -> bool {
    JUMPS.contains(&token.to_lowercase().as_str())
}

/// A number with its fraction, `10.5`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    pub(super) whole: i64,
    /// Sixty times the fraction, rounded down.
    pub(super) sixtieths: i64,
    pub(super) has_fraction: bool,
}

impl Number {
    /// Reads digits with at most one dot; what is too large stands for itself.
    pub(super) fn of(token: &str) -> Option<Number> {
        let (whole, fraction) = token.split_once('.').unwrap_or((token, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if token.len() < 1 + usize::from(token.contains('.')) || !digits(whole) || !digits(fraction) {
            return None;
        }
        let has_fraction = fraction.bytes().any(|b| b != b'0');
        let shown: String = fraction.chars().take(25).collect();
        let sixtieths = match shown.parse::<u128>() {
            Ok(number) => (number * 60 / 10u128.pow(shown.len() as u32)) as i64,
            Err(_) => 0,
        };
        let whole = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(i64::MAX) };
        Some(Number { whole, sixtieths, has_fraction })
    }

    pub(super) fn is_above(self, limit: i64) -> bool {
        self.whole > limit || (self.whole == limit && self.has_fraction)
    }
}

/// The half of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Morning,
    Afternoon,
}

impl Half {
    pub(super) fn of(token: &str) -> Option<Half> {
        match token.to_lowercase().as_str() {
            "am" | "a" => Some(Half::Morning),
            "pm" | "p" => Some(Half::Afternoon),
            _ => None,
        }
    }

    pub(super) fn adjust(self, hour: i64) -> i64 {
        match self {
            Half::Afternoon if hour < 12 => hour + 12,
            Half::Morning if hour == 12 => 0,
            _ => hour,
        }
    }
}

pub(super) fn unit(token: &str) -> Option<usize> {
    match token.to_lowercase().as_str() {
        "h" | "hour" | "hours" => Some(0),
        "m" | "minute" | "minutes" => Some(1),
        "s" | "second" | "seconds" => Some(2),
        _ => None,
    }
}

/// Finds a name, or its first three letters.
pub(super) fn name(names: &[&str], token: &str) -> Option<usize> {
    let token = token.to_lowercase();
    names.iter().position(|name| *name == token || name.get(..3) == Some(&token))
}

pub(super) fn month(token: &str) -> Option<i64> {
    let sept = token.eq_ignore_ascii_case("sept").then_some(8);
    name(&MONTHS, token).or(sept).map(|index| index as i64 + 1)
}

pub(super) fn is_utc(zone: &str) -> bool {
    matches!(zone.to_lowercase().as_str(), "utc" | "gmt" | "z")
}

pub(super) fn two(token: &str, at: usize) -> Option<i64> {
    let digits = token.get(at..at + 2).or_else(|| token.get(at..))?;
    digits.parse().ok().filter(|_| is_digits(digits))
}

/// Puts a year of two digits into the hundred years around now.
pub(super) fn full_year(year: i64, now: i64) -> i64 {
    if year >= 100 {
        return year;
    }
    match year + now / 100 * 100 {
        late if late >= now + 50 => late - 100,
        early if early < now - 50 => early + 100,
        year => year,
    }
}
