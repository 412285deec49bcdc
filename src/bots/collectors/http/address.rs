//! Addresses that hold the time, such as `https://example.com/{time[%Y-%m-%d]}.csv`.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::Value as Json;

use crate::bots::Failure;
use crate::bots::format::{self, Item, Scope, Step, Template};
use crate::message::Value;
use crate::pipeline::Params;

/// An address, and how its time is told.
#[derive(Debug)]
pub(super) struct Address {
    plain: String,
    /// The template, and how far from now its time is.
    formatted: Option<(Template, Span)>,
}

/// What an address may name: `time`, by a format.
struct Time(DateTime);

impl Scope for Time {
    fn find<'s>(&'s self, name: &str, steps: &[Step]) -> Result<(Item<'s>, usize), String> {
        match (name, steps.first()) {
            ("time", Some(Step::Item(format))) => {
                let text = format::strftime(self.0, format)?;
                Ok((Item::Value(std::borrow::Cow::Owned(Value::from(text))), 1))
            }
            ("time", _) => Err("time needs a format, as in {time[%Y-%m-%d]}".to_owned()),
            _ => Err(format::missing(name)),
        }
    }
}

impl Address {
    /// Reads an address and the parameter that says whether it is formatted.
    pub(super) fn of(params: &Params, name: &str) -> Result<Address, Failure> {
        let plain = params.required_text(name)?;
        let switch = format!("{name}_formatting");
        let wrong = |why: String| Failure::Configuration(format!("parameter {name:?}: {plain:?}: {why}"));
        if !params.flag(&switch) {
            return Ok(Address { plain, formatted: None });
        }
        let span = match params.get(&switch) {
            Some(Json::Object(parts)) => shift(&switch, parts)?,
            _ => Span::new(),
        };
        let template = Template::parse(&plain).map_err(wrong)?;
        let address = Address { plain: plain.clone(), formatted: Some((template, span)) };
        address.at(Timestamp::UNIX_EPOCH).map_err(wrong)?;
        Ok(address)
    }

    /// Returns the address at a moment, told in the time zone of the system.
    pub(super) fn at(&self, now: Timestamp) -> Result<String, String> {
        let Some((template, span)) = &self.formatted else { return Ok(self.plain.clone()) };
        let moment = TimeZone::system().to_datetime(now);
        let moment = moment.checked_add(*span).map_err(|error| error.to_string())?;
        template.render(&Time(moment))
    }
}

/// Adds up the parts of a `timedelta`.
fn shift(name: &str, parts: &serde_json::Map<String, Json>) -> Result<Span, Failure> {
    let mut micros = 0.0;
    for (part, value) in parts {
        let unit = match part.as_str() {
            "weeks" => 604_800e6,
            "days" => 86_400e6,
            "hours" => 3_600e6,
            "minutes" => 60e6,
            "seconds" => 1e6,
            "milliseconds" => 1e3,
            "microseconds" => 1.0,
            _ => {
                return Err(Failure::Configuration(format!(
                    "parameter {name:?}: {part:?} is no part of a time; use weeks, days, hours, minutes, seconds, \
                     milliseconds or microseconds"
                )));
            }
        };
        let number = value.as_f64().ok_or_else(|| {
            Failure::Configuration(format!("parameter {name:?}: {part} must be a number, not {value}"))
        })?;
        micros += number * unit;
    }
    Span::new().try_microseconds(micros as i64).map_err(|error| {
        Failure::Configuration(format!("parameter {name:?}: that time is too far away: {error}"))
    })
}
