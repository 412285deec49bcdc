//! The forms of moments that parsers can be told to expect (`time_format`).

use jiff::SignedDuration;
use jiff::civil::{DateTime, Time};

use super::super::number::{integer, to_float};
use super::super::python;
use super::super::value::Value;
use super::strptime::Strptime;
use super::{in_range, iso, parse_fuzzy};

/// How a column or a key holds a moment.
#[derive(Debug, Clone, Default)]
pub enum TimeFormat {
    /// Nearly any form, see [`parse_fuzzy`].
    #[default]
    Fuzzy,
    /// Seconds since 1970, with or without a fraction.
    Timestamp,
    /// Hundreds of nanoseconds since 1601.
    WindowsNt,
    /// Seconds, hundredths or thousandths since 1970, told apart by 10, 12 or 13 characters; the fraction is dropped.
    EpochMillis,
    /// The form that messages hold, kept as it is.
    UtcIsoformat,
    /// A format of Python's `strptime`.
    Format(Strptime),
    /// The same; time of day and time zone are dropped.
    Midnight(Strptime),
}

impl TimeFormat {
    /// Reads the parameter `time_format`; the error says what it may be.
    pub fn parse(text: &str) -> Result<TimeFormat, String> {
        match text.split_once('|') {
            Some(("from_format", format)) => Strptime::new(format).map(TimeFormat::Format),
            Some(("from_format_midnight", format)) => Strptime::new(format).map(TimeFormat::Midnight),
            None if text == "fuzzy" => Ok(TimeFormat::Fuzzy),
            None if text == "timestamp" => Ok(TimeFormat::Timestamp),
            None if text == "windows_nt" => Ok(TimeFormat::WindowsNt),
            None if text == "epoch_millis" => Ok(TimeFormat::EpochMillis),
            None if text == "utc_isoformat" => Ok(TimeFormat::UtcIsoformat),
            _ => Err(format!(
                "unknown time format {text:?}; use fuzzy, timestamp, windows_nt, epoch_millis, utc_isoformat, \
                 from_format|FORMAT or from_format_midnight|FORMAT"
            )),
        }
    }

    /// Converts a value to the form that messages hold; the error says what does not fit.
    pub fn convert(&self, value: &Value) -> Result<String, String> {
        let moment = match self {
            TimeFormat::Timestamp => to_float(value).and_then(from_seconds),
            TimeFormat::WindowsNt => from_windows(value),
            TimeFormat::EpochMillis => from_millis(value),
            TimeFormat::Fuzzy => parse_fuzzy(text(value)?),
            TimeFormat::Format(format) => Some(format.read(text(value)?)?),
            TimeFormat::Midnight(format) => {
                Some(format.read_local(text(value)?)?.0.date().to_datetime(Time::midnight()))
            }
            TimeFormat::UtcIsoformat if super::is_valid(text(value)?) => return Ok(text(value)?.to_owned()),
            TimeFormat::UtcIsoformat => None,
        };
        moment.map(iso).ok_or_else(|| format!("{} is no {}", python::repr(value), self.name()))
    }

    /// Tells whether IntelMQ drops a value without a word: a whole number of a length that `epoch_millis` does not know.
    pub fn drops(&self, value: &Value) -> bool {
        matches!(self, TimeFormat::EpochMillis)
            && !matches!(python::str(value).chars().count(), 10 | 12 | 13)
            && integer(value).is_some()
    }

    fn name(&self) -> &'static str {
        match self {
            TimeFormat::Timestamp => "number of seconds since 1970",
            TimeFormat::WindowsNt => "Windows NT time",
            TimeFormat::EpochMillis => "number of 10, 12 or 13 digits since 1970",
            _ => "moment",
        }
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{} is no text", python::repr(value)))
}

fn utc(seconds: i64, micros: i64) -> Option<DateTime> {
    let since = SignedDuration::from_secs(seconds).checked_add(SignedDuration::from_micros(micros))?;
    in_range(DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(since).ok()?)
}

/// Splits seconds as Python does, rounding half to even.
fn from_seconds(seconds: f64) -> Option<DateTime> {
    if !seconds.is_finite() || seconds.abs() > 1e12 {
        return None;
    }
    utc(seconds.trunc() as i64, (seconds.fract() * 1e6).round_ties_even() as i64)
}

fn from_windows(value: &Value) -> Option<DateTime> {
    const SECONDS_BEFORE_1970: i64 = 11_644_473_600;
    let seconds = to_float(&integer(value)?)? * 1e-7;
    if seconds.abs() > 1e12 {
        return None;
    }
    let micros = (seconds.fract() * 1e6).round_ties_even() as i64;
    utc(seconds.trunc() as i64 - SECONDS_BEFORE_1970, micros)
}

fn from_millis(value: &Value) -> Option<DateTime> {
    let divisor = match python::str(value).chars().count() {
        10 => 1,
        12 => 100,
        13 => 1000,
        _ => return None,
    };
    match integer(value)? {
        Value::Int(number) => utc(number.div_euclid(divisor), 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{cases, decode};
    use super::*;

    #[test]
    fn formats_convert_as_in_intelmq() {
        let cases = cases(include_str!("../../../tests/golden/own-time-formats.json"));
        assert_eq!(cases.len(), 92);
        for case in &cases {
            let format = TimeFormat::parse(case.get("format").and_then(Value::as_str).unwrap()).unwrap();
            let moment = format.convert(&decode(case.get("in").unwrap())).map_or(Value::Null, Value::from);
            assert_eq!(Some(&moment), case.get("out"), "{case:?}");
        }
    }

    #[test]
    fn an_unknown_format_is_refused() {
        for text in
            ["", "nope", "from_format", "timestamp|x", "from_format|%Q", "from_format|%", "from_format|%Y %Y"]
        {
            assert!(TimeFormat::parse(text).is_err(), "{text}");
        }
    }
}
