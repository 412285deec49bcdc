//! How many there shall be: `5`, `{at_least: 5}`, `{at_most: 9}`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A number, or bounds of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The least that will do.
    pub at_least: u64,
    /// The most that will do; `None` is no bound.
    pub at_most: Option<u64>,
}

impl Count {
    /// Exactly this many.
    pub const fn exactly(number: u64) -> Self {
        Count { at_least: number, at_most: Some(number) }
    }

    /// This many or more.
    pub const fn at_least(number: u64) -> Self {
        Count { at_least: number, at_most: None }
    }

    /// Tells whether a number is within the bounds.
    pub fn holds(self, number: u64) -> bool {
        number >= self.at_least && self.at_most.is_none_or(|most| number <= most)
    }

    /// Tells whether it stays true however many more come, so that nobody has to wait for quiet.
    pub fn settles(self) -> bool {
        self.at_most.is_none()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (least, Some(most)) if least == most => write!(f, "{least}"),
            (least, None) => write!(f, "at least {least}"),
            (0, Some(most)) => write!(f, "at most {most}"),
            (least, Some(most)) => write!(f, "{least} to {most}"),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    at_least: Option<u64>,
    at_most: Option<u64>,
}

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, `{at_least: 5}` or `{at_most: 9}`")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Count, E> {
        Ok(Count::exactly(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Count, E> {
        match u64::try_from(number) {
            Ok(number) => Ok(Count::exactly(number)),
            Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Count, A::Error> {
        let bounds = Bounds::deserialize(MapAccessDeserializer::new(map))?;
        let Bounds { at_least, at_most } = bounds;
        if at_least.is_none() && at_most.is_none() {
            return Err(A::Error::custom("expected at_least, at_most or both"));
        }
        let count = Count { at_least: at_least.unwrap_or(0), at_most };
        if count.at_most.is_some_and(|most| most < count.at_least) {
            return Err(A::Error::custom("at_most is less than at_least: no number will do"));
        }
        if count == Count::at_least(0) {
            return Err(A::Error::custom("at_least is 0: every number will do"));
        }
        Ok(count)
    }
}
