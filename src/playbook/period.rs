//! Durations with a unit: `500ms`, `5s`, `2m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// How long, written with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let problem = || {
            format!("expected a whole number with its unit, such as `500ms`, `5s` or `2m`, found {text:?}")
        };
        let number: u64 = number.parse().map_err(|_| problem())?;
        let milliseconds = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            _ => return Err(problem()),
        };
        milliseconds.map(|number| Period(Duration::from_millis(number))).ok_or_else(problem)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            milliseconds if milliseconds % 60_000 == 0 && milliseconds > 0 => {
                write!(f, "{}m", milliseconds / 60_000)
            }
            milliseconds if milliseconds % 1000 == 0 => write!(f, "{}s", milliseconds / 1000),
            milliseconds => write!(f, "{milliseconds}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit() {
        let cases = [("500ms", Some(500)), ("5s", Some(5000)), ("2m", Some(120_000)), ("0s", Some(0))];
        let faulty =
            ["5", "5 s", "", "s", "-1s", "1.5s", "1h", "99999999999999999999s", "18446744073709551615m"];
        for (text, milliseconds) in cases.into_iter().chain(faulty.map(|text| (text, None))) {
            let period: Result<Period, _> = text.parse();
            assert_eq!(
                period.as_ref().ok().map(|period| period.0.as_millis() as u64),
                milliseconds,
                "{text}"
            );
            if let Ok(period) = period {
                assert_eq!(period.to_string(), text);
            }
        }
    }
}
