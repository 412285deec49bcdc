//! Python's `strptime`: reads a moment by a format such as `%d.%m.%Y %H:%M`.

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use jiff::{SignedDuration, ToSpan as _};
use regex::{Captures, Regex};

/// A format, compiled.
#[derive(Debug, Clone)]
pub struct Strptime {
    format: String,
    /// The directives in their order; of two that say the same the last counts.
    directives: Vec<char>,
    regex: Regex,
}

const MONTHS: &str = "january|february|march|april|may|june|july|august|september|october|november|december";
const MONTHS_SHORT: &str = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
const DAYS: &str = "monday|tuesday|wednesday|thursday|friday|saturday|sunday";
const DAYS_SHORT: &str = "mon|tue|wed|thu|fri|sat|sun";

/// What a directive matches, in the order in which Python tries alternatives.
fn pattern(directive: char) -> Option<&'static str> {
    Some(match directive {
        'a' => DAYS_SHORT,
        'A' => DAYS,
        'b' => MONTHS_SHORT,
        'B' => MONTHS,
        'd' => r"3[01]|[12]\d|0[1-9]|[1-9]| [1-9]",
        'f' => "[0-9]{1,6}",
        'G' | 'Y' => r"\d\d\d\d",
        'H' => r"2[0-3]|[01]\d|\d",
        'j' => r"36[0-6]|3[0-5]\d|[12]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]",
        'I' | 'm' => "1[0-2]|0[1-9]|[1-9]",
        'M' => r"[0-5]\d|\d",
        'p' => "am|pm",
        'S' => r"6[01]|[0-5]\d|\d",
        'u' => "[1-7]",
        'U' | 'W' => r"5[0-3]|[0-4]\d|\d",
        'V' => r"5[0-3]|0[1-9]|[1-4]\d|\d",
        'w' => "[0-6]",
        'y' => r"\d\d",
        'z' => r"[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z)",
        'Z' => "utc|gmt",
        _ => return None,
    })
}

impl Strptime {
    /// Compiles a format; the error says what is wrong with it.
    pub fn new(format: &str) -> Result<Strptime, String> {
        let mut out = String::from("^(?i)");
        let mut directives = Vec::new();
        let mut chars = expand(format).chars().collect::<Vec<_>>().into_iter().peekable();
        while let Some(c) = chars.next() {
            if c.is_whitespace() {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                out.push_str(r"\s+");
                continue;
            }
            if c != '%' {
                out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some(directive) => {
                    let Some(pattern) = pattern(directive) else {
                        return Err(format!("the format {format:?} has the unknown directive %{directive}"));
                    };
                    if directives.contains(&directive) {
                        return Err(format!("the format {format:?} has %{directive} twice"));
                    }
                    directives.push(directive);
                    out.extend(["(?P<", directive.encode_utf8(&mut [0; 4]), ">", pattern, ")"]);
                }
                None => return Err(format!("the format {format:?} ends in a single %")),
            }
        }
        let has = |directive| directives.contains(&directive);
        let iso = (has('G'), has('V'), ['A', 'a', 'w', 'u'].into_iter().any(has));
        if (iso.0 || iso.1) && (iso != (true, true, true) || has('j')) {
            return Err(format!("the format {format:?} must have %G, %V and a weekday together, without %j"));
        }
        let regex =
            Regex::new(&out).map_err(|error| format!("the format {format:?} cannot be used: {error}"))?;
        Ok(Strptime { format: format.to_owned(), directives, regex })
    }

    /// Reads a moment and converts it to UTC, which it is already without `%z`.
    pub fn read(&self, text: &str) -> Result<DateTime, String> {
        let (moment, offset) = self.read_local(text)?;
        let utc = moment.checked_sub(offset).ok().and_then(super::in_range);
        utc.ok_or_else(|| format!("{text:?} lies outside the years 1 to 9999"))
    }

    /// Reads a moment as it is written, and how far its clock is ahead of UTC.
    pub(super) fn read_local(&self, text: &str) -> Result<(DateTime, SignedDuration), String> {
        let no_match = || format!("{text:?} does not match the format {:?}", self.format);
        let found = self.regex.captures(text).ok_or_else(no_match)?;
        if found.get(0).is_none_or(|whole| whole.end() != text.len()) {
            return Err(no_match());
        }
        let fields = Fields { found: &found, directives: &self.directives };
        let moment = fields.moment().and_then(|moment| Some((moment, fields.offset()?)));
        moment.ok_or_else(|| format!("{text:?} is no moment in the format {:?}", self.format))
    }
}

/// Replaces the directives that stand for others.
fn expand(format: &str) -> String {
    let mut out = String::with_capacity(format.len());
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '%' { chars.next() } else { None }) {
            ('%', Some('c')) => out.push_str("%a %b %d %H:%M:%S %Y"),
            ('%', Some('x')) => out.push_str("%m/%d/%y"),
            ('%', Some('X')) => out.push_str("%H:%M:%S"),
            (c, next) => out.extend(std::iter::once(c).chain(next)),
        }
    }
    out
}

struct Fields<'a> {
    found: &'a Captures<'a>,
    directives: &'a [char],
}

impl Fields<'_> {
    fn text(&self, directive: char) -> Option<&str> {
        self.found.name(directive.encode_utf8(&mut [0; 4])).map(|found| found.as_str())
    }

    fn number(&self, directive: char) -> Option<i64> {
        let text: String =
            self.text(directive)?.trim().chars().filter_map(super::super::number::decimal).collect();
        text.parse().ok()
    }

    /// Returns what the last directive says of those for which `read` knows an answer.
    fn last(&self, read: impl Fn(&Self, char) -> Option<i64>) -> Option<i64> {
        self.directives.iter().rev().find_map(|directive| read(self, *directive))
    }

    /// Returns the place of a name in a list.
    fn place(&self, directive: char, names: &str) -> Option<i64> {
        let name = self.text(directive)?.to_lowercase();
        names.split('|').position(|known| known == name).map(|at| at as i64)
    }

    fn moment(&self) -> Option<DateTime> {
        let hour = self.last(|fields, directive| match directive {
            'H' => fields.number('H'),
            'I' => {
                let late = fields.text('p').is_some_and(|half| half.eq_ignore_ascii_case("pm"));
                Some(fields.number('I')? % 12 + if late { 12 } else { 0 })
            }
            _ => None,
        });
        let part = |number: Option<i64>| number.unwrap_or(0) as i8;
        let micros = self.text('f').map_or(Some(0), |digits| format!("{digits:0<6}").parse::<i32>().ok())?;
        let time =
            Time::new(part(hour), part(self.number('M')), part(self.number('S')), micros * 1000).ok()?;
        super::in_range(self.date()?.to_datetime(time))
    }

    /// Returns the weekday counted from Monday.
    fn weekday(&self) -> Option<i64> {
        self.last(|fields, directive| match directive {
            'A' => fields.place('A', DAYS),
            'a' => fields.place('a', DAYS_SHORT),
            'w' => fields.number('w').map(|day| (day + 6) % 7),
            'u' => fields.number('u').map(|day| day - 1),
            _ => None,
        })
    }

    fn date(&self) -> Option<Date> {
        if let (Some(year), Some(week), Some(day)) = (self.number('G'), self.number('V'), self.weekday()) {
            let day = Weekday::from_monday_zero_offset(day as i8).ok()?;
            return ISOWeekDate::new(year as i16, week as i8, day).ok().map(ISOWeekDate::date);
        }
        let year = self.last(|fields, directive| match directive {
            'Y' => fields.number('Y'),
            'y' => fields.number('y').map(|year| if year <= 68 { 2000 + year } else { 1900 + year }),
            _ => None,
        });
        let month = self.last(|fields, directive| match directive {
            'm' => fields.number('m'),
            'B' => fields.place('B', MONTHS).map(|at| at + 1),
            'b' => fields.place('b', MONTHS_SHORT).map(|at| at + 1),
            _ => None,
        });
        let year = year.unwrap_or(1900);
        if let Some(days) = self.number('j').or_else(|| self.day_of_week(year)) {
            let first = Date::new(year as i16, 1, 1).ok()?;
            return first.checked_add((days - 1).days()).ok();
        }
        Date::new(year as i16, month.unwrap_or(1) as i8, self.number('d').unwrap_or(1) as i8).ok()
    }

    /// Returns the day of the year that a week (`%U` from Sunday, `%W` from Monday) and a weekday mean.
    fn day_of_week(&self, year: i64) -> Option<i64> {
        let last =
            self.last(|_, directive| matches!(directive, 'U' | 'W').then_some(i64::from(directive == 'W')))?;
        let from_monday = last == 1;
        let week = self.number(if from_monday { 'W' } else { 'U' })?;
        let weekday = self.weekday()?;
        let first: i64 = Date::new(year as i16, 1, 1).ok()?.weekday().to_monday_zero_offset().into();
        let (first, weekday) =
            if from_monday { (first, weekday) } else { ((first + 1) % 7, (weekday + 1) % 7) };
        let week_zero = (7 - first) % 7;
        Some(if week == 0 { 1 + weekday - first } else { 1 + week_zero + 7 * (week - 1) + weekday })
    }

    fn offset(&self) -> Option<SignedDuration> {
        let Some(text) = self.text('z').filter(|text| *text != "Z") else {
            return Some(SignedDuration::ZERO);
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: String = whole.chars().filter_map(super::super::number::decimal).collect();
        let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
        let seconds = two(0)? * 3600 + two(2)? * 60 + two(4)?;
        let micros: i32 = format!("{fraction:0<6}").parse().ok()?;
        let offset = SignedDuration::new(seconds, micros * 1000);
        if seconds >= 86_400 {
            return None;
        }
        Some(if text.starts_with('-') { -offset } else { offset })
    }
}
