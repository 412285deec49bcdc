//! Reads moments of nearly any form, with the habits of Python's dateutil.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{SignedDuration, ToSpan as _};

use super::lex::tokens;
use super::words::{Half, Number, WEEKDAYS, full_year, is_jump, is_utc, month, name, two, unit};
use super::ymd::{Ymd, days_in_month, is_digits};

/// Reads a moment; what the text does not say is taken from `today`, at midnight.
pub(crate) fn parse(text: &str, today: Date) -> Option<DateTime> {
    let mut reader = Reader { tokens: tokens(text), ymd: Ymd::default(), found: Found::default(), today };
    let mut at = 0;
    while at < reader.tokens.len() {
        at = reader.step(at)?;
    }
    let parts = reader.ymd.resolve()?;
    reader.found.build(parts, reader.ymd.century, today)
}

/// What has been found besides the date.
#[derive(Debug, Default)]
struct Found {
    weekday: Option<usize>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    micros: Option<i64>,
    /// Whether `am` or `pm` stood by itself.
    half: bool,
    zone: Option<String>,
    /// Seconds east of Greenwich.
    offset: Option<i64>,
}

struct Reader {
    tokens: Vec<String>,
    ymd: Ymd,
    found: Found,
    today: Date,
}

impl Reader {
    fn token(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).map(String::as_str)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.token(at) == Some(text)
    }

    /// Tells whether a token is there that carries no meaning.
    fn is_jump(&self, at: usize) -> bool {
        self.token(at).is_some_and(is_jump)
    }

    fn unit(&self, at: usize) -> Option<usize> {
        self.token(at).and_then(unit)
    }

    fn half(&self, at: usize) -> Option<Half> {
        self.token(at).and_then(Half::of)
    }

    /// Handles the token and returns the place of the next; `None` if the text is no moment.
    fn step(&mut self, at: usize) -> Option<usize> {
        let token = self.token(at)?.to_owned();
        if let Some(number) = Number::of(&token) {
            return self.number(at, &token, number).map(|at| at + 1);
        }
        if matches!(token.to_ascii_lowercase().as_str(), "nan" | "inf" | "infinity") {
            // Python reads these as numbers, and then finds no use for them.
            return None;
        }
        if let Some(weekday) = name(&WEEKDAYS, &token) {
            self.found.weekday = Some(weekday);
        } else if let Some(month) = month(&token) {
            return self.month(at, month).map(|at| at + 1);
        } else if let Some(half) = Half::of(&token) {
            if !self.found.half && self.found.hour.is_some_and(|hour| (0..=12).contains(&hour)) {
                self.found.hour = self.found.hour.map(|hour| half.adjust(hour));
                self.found.half = true;
            }
        } else if self.could_be_zone(&token) {
            self.zone(at, token);
        } else if self.found.hour.is_some() && (token == "+" || token == "-") {
            return self.offset(at, if token == "+" { 1 } else { -1 }).map(|at| at + 1);
        }
        Some(at + 1)
    }

    /// Handles a month's name and what belongs to it: `Jan-01-99`, `Jan of 01`.
    fn month(&mut self, at: usize, month: i64) -> Option<usize> {
        self.ymd.push_month(month)?;
        if self.is(at + 1, "-") || self.is(at + 1, "/") {
            let same = self.token(at + 1) == self.token(at + 3);
            self.push_text(at + 2)?;
            if same {
                self.push_text(at + 4)?;
                return Some(at + 4);
            }
            return Some(at + 2);
        }
        let pertains = self.token(at + 2).is_some_and(|token| token.to_lowercase() == "of");
        if self.token(at + 4).is_some() && self.is(at + 1, " ") && self.is(at + 3, " ") && pertains {
            let year = self.token(at + 4)?;
            if is_digits(year) {
                let year: i64 = year.parse().ok()?;
                self.ymd.push(full_year(year, self.today.year().into()), true)?;
            }
            return Some(at + 4);
        }
        Some(at)
    }

    fn push_text(&mut self, at: usize) -> Option<()> {
        let token = self.tokens.get(at)?;
        self.ymd.push_text(token)
    }

    fn could_be_zone(&self, token: &str) -> bool {
        let short = token.chars().count() <= 5 && token.bytes().all(|b| b.is_ascii_uppercase());
        let found = &self.found;
        found.hour.is_some() && found.zone.is_none() && found.offset.is_none() && (short || token == "z")
    }

    /// Handles a zone's name; in `GMT+3` the sign means the opposite of what it does in `+03:00`.
    fn zone(&mut self, at: usize, token: String) {
        self.found.offset = (token == "z").then_some(0);
        let turned = match self.token(at + 1) {
            Some("+") => "-",
            Some("-") => "+",
            _ => {
                self.found.zone = Some(token);
                return;
            }
        };
        turned.clone_into(&mut self.tokens[at + 1]);
        self.found.offset = None;
        self.found.zone = (!is_utc(&token)).then_some(token);
    }

    /// Handles `+0300`, `-03:00`, `+3`, and a zone's name in brackets behind it.
    fn offset(&mut self, at: usize, sign: i64) -> Option<usize> {
        let token = self.token(at + 1)?;
        let length = token.chars().count();
        let number = |text: &str| text.parse::<i64>().ok().filter(|_| is_digits(text));
        let mut at = at;
        let (hours, minutes) = if length == 4 {
            (number(token.get(..2)?)?, number(token.get(2..)?)?)
        } else if self.is(at + 2, ":") {
            let pair = (number(token)?, number(self.token(at + 3)?)?);
            at += 2;
            pair
        } else if length <= 2 {
            (number(token)?, 0)
        } else {
            return None;
        };
        self.found.offset = Some(sign * (hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?));
        let name = self.token(at + 4).filter(|name| name.chars().count() >= 3).map(str::to_owned);
        if let Some(name) = name
            && self.is_jump(at + 2)
            && self.is(at + 3, "(")
            && self.is(at + 5, ")")
            && self.found.zone.is_none()
            && name.len() <= 5
            && name.bytes().all(|b| b.is_ascii_uppercase())
        {
            self.found.zone = Some(name);
            at += 4;
        }
        Some(at + 1)
    }

    /// Handles a number; returns the place of the last token used.
    fn number(&mut self, at: usize, token: &str, number: Number) -> Option<usize> {
        let length = token.len();
        let time_follows = self.is(at + 1, ":") || self.unit(at + 1).is_some();
        if self.ymd.len() == 3 && matches!(length, 2 | 4) && self.found.hour.is_none() && !time_follows {
            self.found.hour = Some(two(token, 0)?);
            if length == 4 {
                self.found.minute = Some(two(token, 2)?);
            }
        } else if length == 6 || (length > 6 && token.find('.') == Some(6)) {
            self.six_digits(token)?;
        } else if matches!(length, 8 | 12 | 14) {
            self.many_digits(token)?;
        } else if let Some(unit_at) = self.unit_of(at) {
            let (unit, last) =
                if unit_at > at { (self.unit(unit_at)?, unit_at) } else { (self.unit(unit_at)? + 1, at) };
            self.found.set_unit(unit, number, token)?;
            return Some(last);
        } else if self.is(at + 1, ":") && self.token(at + 2).is_some() {
            return self.clock(at, number);
        } else if let Some(separator) = self.token(at + 1).filter(|token| matches!(*token, "-" | "/" | ".")) {
            let separator = separator.to_owned();
            return self.date(at, token, &separator);
        } else if self.token(at + 1).is_none() || self.is_jump(at + 1) {
            if let Some(half) = self.half(at + 2) {
                self.found.hour = Some(half.adjust(number.whole));
                return Some(at + 2);
            }
            self.ymd.push(number.whole, number.is_above(100))?;
            return Some(at + 1);
        } else if let Some(half) = self.half(at + 1).filter(|_| number.whole < 24) {
            self.found.hour = Some(half.adjust(number.whole));
            return Some(at + 1);
        } else if number.whole >= 1 && !number.is_above(self.ymd.longest_month()) {
            self.ymd.push(number.whole, false)?;
        }
        Some(at)
    }

    /// `YYMMDD`, or `HHMMSS` with or without a fraction once a date has begun.
    fn six_digits(&mut self, token: &str) -> Option<()> {
        if self.ymd.len() == 0 && !token.contains('.') {
            return [0, 2, 4].into_iter().try_for_each(|at| self.ymd.push_text(token.get(at..at + 2)?));
        }
        self.found.hour = Some(two(token, 0)?);
        self.found.minute = Some(two(token, 2)?);
        self.found.set_second(token.get(4..)?)
    }

    /// `YYYYMMDD` with or without `HHMM` and `SS`.
    fn many_digits(&mut self, token: &str) -> Option<()> {
        self.ymd.push(token.get(..4)?.parse().ok().filter(|_| is_digits(&token[..4]))?, true)?;
        self.ymd.push_text(token.get(4..6)?)?;
        self.ymd.push_text(token.get(6..8)?)?;
        if token.len() > 8 {
            self.found.hour = Some(two(token, 8)?);
            self.found.minute = Some(two(token, 10)?);
        }
        if token.len() > 12 {
            self.found.second = Some(two(token, 12)?);
        }
        Some(())
    }

    /// `HH:MM`, `HH:MM.m`, `HH:MM:SS.s`.
    fn clock(&mut self, at: usize, hour: Number) -> Option<usize> {
        self.found.hour = Some(hour.whole);
        let minute = Number::of(self.token(at + 2)?)?;
        self.found.minute = Some(minute.whole);
        self.found.second = minute.has_fraction.then_some(minute.sixtieths);
        if !self.is(at + 3, ":") || self.token(at + 4).is_none() {
            return Some(at + 2);
        }
        let second = self.token(at + 4)?.to_owned();
        self.found.set_second(&second)?;
        Some(at + 4)
    }

    /// `01-02`, `01-02-03`, `01/Jan/03`, `2025.03.01`.
    fn date(&mut self, at: usize, token: &str, separator: &str) -> Option<usize> {
        self.ymd.push_text(token)?;
        if self.token(at + 2).is_none() || self.is_jump(at + 2) {
            return Some(at + 1);
        }
        let second = self.token(at + 2)?;
        match month(second) {
            _ if is_digits(second) => self.push_text(at + 2)?,
            Some(month) => self.ymd.push_month(month)?,
            None => return None,
        }
        if !self.is(at + 3, separator) {
            return Some(at + 2);
        }
        match self.token(at + 4).and_then(month) {
            Some(month) => self.ymd.push_month(month)?,
            None => self.push_text(at + 4)?,
        }
        Some(at + 4)
    }

    /// Finds the `h`, `m` or `s` that belongs to a number: behind it, or before it if there is none behind.
    fn unit_of(&self, at: usize) -> Option<usize> {
        let before = |back: usize| at.checked_sub(back);
        if self.unit(at + 1).is_some() {
            Some(at + 1)
        } else if self.is(at + 1, " ") && self.unit(at + 2).is_some() {
            Some(at + 2)
        } else if let Some(place) = before(1).filter(|place| self.unit(*place).is_some()) {
            Some(place)
        } else {
            let last = at + 1 == self.tokens.len();
            before(2).filter(|place| last && self.is(at - 1, " ") && self.unit(*place).is_some())
        }
    }
}

impl Found {
    /// Sets hours (0), minutes (1) or seconds (2).
    fn set_unit(&mut self, unit: usize, number: Number, token: &str) -> Option<()> {
        match unit {
            0 => {
                self.hour = Some(number.whole);
                if number.has_fraction {
                    self.minute = Some(number.sixtieths);
                }
            }
            1 => {
                self.minute = Some(number.whole);
                self.second = number.has_fraction.then_some(number.sixtieths);
            }
            2 => self.set_second(token)?,
            _ => {}
        }
        Some(())
    }

    /// Sets seconds and microseconds from `SS` or `SS.ffffff`.
    fn set_second(&mut self, token: &str) -> Option<()> {
        let (whole, fraction) = token.split_once('.').unwrap_or((token, "0"));
        let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
        self.second = Some(whole.parse().ok().filter(|_| is_digits(whole))?);
        self.micros = Some(micros.parse().ok().filter(|_| is_digits(&micros))?);
        Some(())
    }

    /// Puts everything together and converts it to UTC.
    fn build(self, (year, month, day): super::ymd::Parts, century: bool, today: Date) -> Option<DateTime> {
        let nothing = year.is_none() && month.is_none() && day.is_none() && self.weekday.is_none();
        if nothing && self.hour.is_none() && self.minute.is_none() && self.second.is_none() {
            return None;
        }
        let year = match year {
            Some(year) if !century => full_year(year, today.year().into()),
            Some(year) => year,
            None => today.year().into(),
        };
        let month = month.unwrap_or_else(|| today.month().into());
        let last = days_in_month(year, month)?;
        let date = Date::new(
            i16::try_from(year).ok().filter(|year| *year >= 1)?,
            i8::try_from(month).ok()?,
            i8::try_from(day.unwrap_or_else(|| last.min(today.day().into()))).ok()?,
        );
        let mut date = date.ok()?;
        if let (Some(weekday), None) = (self.weekday, day) {
            let wanted = Weekday::from_monday_zero_offset(weekday as i8).ok()?;
            date = date.checked_add(i64::from(date.weekday().until(wanted)).days()).ok()?;
        }
        let part = |value: Option<i64>| i8::try_from(value.unwrap_or(0)).ok();
        let micros = i32::try_from(self.micros.unwrap_or(0)).ok()?;
        let time = Time::new(part(self.hour)?, part(self.minute)?, part(self.second)?, micros * 1000).ok()?;
        let moment = date.to_datetime(time);
        let offset = match self.zone.as_deref() {
            Some(zone) if is_utc(zone) => 0,
            _ => self.offset.unwrap_or(0),
        };
        if offset.abs() >= 86_400 {
            return None;
        }
        super::in_range(moment.checked_sub(SignedDuration::from_secs(offset)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::cases;
    use super::super::super::value::Value;
    use super::*;

    #[test]
    fn moments_read_as_dateutil_reads_them() {
        let today = Date::constant(2026, 3, 31);
        let cases = cases(include_str!("../../../tests/golden/own-dates.json"));
        assert_eq!(cases.len(), 471);
        for case in &cases {
            let Value::List(case) = case else { panic!("{case:?} is no list") };
            let moment =
                parse(case[0].as_str().unwrap(), today).map(|moment| Value::from(super::super::iso(moment)));
            assert_eq!(moment.unwrap_or(Value::Null), case[1], "{case:?}");
        }
    }
}
