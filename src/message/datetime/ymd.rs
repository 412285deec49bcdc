//! Finds out which of up to three numbers is the year, which the month, which the day.

use jiff::civil::Date;

/// The numbers of a date in the order they were read, and what is known about each.
#[derive(Debug, Default)]
pub(crate) struct Ymd {
    numbers: Vec<i64>,
    year: Option<usize>,
    month: Option<usize>,
    /// Whether some number can only be a full year.
    pub(crate) century: bool,
}

/// Year, month and day, as far as they are known.
pub(crate) type Parts = (Option<i64>, Option<i64>, Option<i64>);

impl Ymd {
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Adds a number; `full` says that it is a year with its century.
    pub(crate) fn push(&mut self, number: i64, full: bool) -> Option<()> {
        if full {
            self.century = true;
            if self.year.replace(self.numbers.len()).is_some() {
                return None;
            }
        }
        self.numbers.push(number);
        Some(())
    }

    /// Adds what stands in the text; more than two digits are a year.
    pub(crate) fn push_text(&mut self, text: &str) -> Option<()> {
        self.push(text.parse().ok().filter(|_| is_digits(text))?, text.len() > 2)
    }

    /// Adds a month that was given by its name.
    pub(crate) fn push_month(&mut self, number: i64) -> Option<()> {
        if self.month.replace(self.numbers.len()).is_some() {
            return None;
        }
        self.push(number, false)
    }

    /// Returns the greatest number that could be the day, given month and year.
    pub(crate) fn longest_month(&self) -> i64 {
        let Some(month) = self.month.and_then(|at| self.numbers.get(at)) else { return 31 };
        let year = self.year.and_then(|at| self.numbers.get(at)).copied().unwrap_or(2000);
        days_in_month(year, *month).unwrap_or(31)
    }

    /// Decides; `None` if there are too many numbers.
    pub(crate) fn resolve(&self) -> Option<Parts> {
        let known = usize::from(self.year.is_some()) + usize::from(self.month.is_some());
        match self.numbers[..] {
            _ if known > 0 && known == self.len() => Some((self.at(self.year), self.at(self.month), None)),
            [] => Some((None, None, None)),
            [a] if a > 31 => Some((Some(a), None, None)),
            [a] => Some((None, None, Some(a))),
            [a, b] => Some(self.resolve_two(a, b)),
            [a, b, c] => Some(self.resolve_three(a, b, c)),
            _ => None,
        }
    }

    fn at(&self, index: Option<usize>) -> Option<i64> {
        index.and_then(|at| self.numbers.get(at)).copied()
    }

    fn resolve_two(&self, a: i64, b: i64) -> Parts {
        if let Some(month) = self.month {
            let (month, other) = if month == 0 { (a, b) } else { (b, a) };
            return if other > 31 {
                (Some(other), Some(month), None)
            } else {
                (None, Some(month), Some(other))
            };
        }
        match (a > 31, b > 31) {
            (true, _) => (Some(a), Some(b), None),
            (false, true) => (Some(b), Some(a), None),
            (false, false) => (None, Some(a), Some(b)),
        }
    }

    fn resolve_three(&self, a: i64, b: i64, c: i64) -> Parts {
        let parts = |year, month, day| (Some(year), Some(month), Some(day));
        if let (Some(year), Some(month)) = (self.year, self.month) {
            let day = (0..3).find(|at| *at != year && *at != month);
            return (self.at(Some(year)), self.at(Some(month)), self.at(day));
        }
        match self.month {
            Some(0) if b > 31 => parts(b, a, c),
            Some(0) => parts(c, a, b),
            Some(1) if a > 31 => parts(a, b, c),
            Some(1) => parts(c, b, a),
            Some(_) if b > 31 => parts(b, c, a),
            Some(_) => parts(a, c, b),
            None if a > 31 || self.year == Some(0) => parts(a, b, c),
            None if a > 12 => parts(c, b, a),
            None => parts(c, a, b),
        }
    }
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns how many days a month has; years that calendars do not have count as their place in 400 years.
pub(crate) fn days_in_month(year: i64, month: i64) -> Option<i64> {
    let year = if (1..=9999).contains(&year) { year } else { 2000 + year.rem_euclid(400) };
    let first = Date::new(year as i16, i8::try_from(month).ok()?, 1).ok()?;
    Some(first.days_in_month().into())
}
