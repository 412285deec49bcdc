//! Kafka as bots speak it: where it is, how far a topic was read, and the client.

// Without the client nothing is read or written.
#![cfg_attr(not(feature = "kafka"), allow(dead_code))]

#[cfg(not(feature = "kafka"))]
mod absent;
#[cfg(feature = "kafka")]
mod client;
mod options;
#[cfg(test)]
pub(crate) mod peer;

use std::collections::BTreeMap;
use std::fmt;

#[cfg(not(feature = "kafka"))]
pub(crate) use self::absent::{Reader, Writer};
#[cfg(feature = "kafka")]
pub(crate) use self::client::{Reader, Writer};
pub(crate) use self::options::{Options, PARAMS};

/// A message that was read.
#[derive(Debug)]
pub(crate) struct Record {
    /// What it holds; empty if it only says that its key is gone.
    pub(crate) body: Vec<u8>,
    /// Its partition.
    pub(crate) partition: i32,
    /// Its place there.
    pub(crate) offset: i64,
}

/// A message that is to be written.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    /// What it holds.
    pub(crate) body: &'a [u8],
    /// What its partition is chosen by.
    pub(crate) key: Option<&'a str>,
    /// Its headers.
    pub(crate) headers: &'a [(&'a str, String)],
}

/// How far each partition of a topic was read: the offset of the next message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Positions(BTreeMap<i32, i64>);

impl Positions {
    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn read(text: &str) -> Option<Positions> {
        let one = |part: &str| {
            let (partition, next) = part.split_once(':')?;
            Some((partition.parse().ok()?, next.parse().ok()?))
        };
        text.split(',').filter(|part| !part.is_empty()).map(one).collect::<Option<_>>().map(Positions)
    }

    /// Notes that a message was read.
    pub(crate) fn advance(&mut self, record: &Record) {
        self.0.insert(record.partition, record.offset + 1);
    }

    /// Returns where to go on in a partition, if that is known.
    pub(crate) fn next(&self, partition: i32) -> Option<i64> {
        self.0.get(&partition).copied()
    }

    /// Lists partitions with the offsets of their next messages.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i32, i64)> {
        self.0.iter().map(|(partition, next)| (*partition, *next))
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, next)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(formatter, "{comma}{partition}:{next}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_read_back() {
        let mut positions = Positions::default();
        assert_eq!(Positions::read(""), Some(positions.clone()));
        for (partition, offset) in [(1, 41), (0, 7), (1, 42)] {
            positions.advance(&Record { body: Vec::new(), partition, offset });
        }
        assert_eq!(positions.to_string(), "0:8,1:43");
        assert_eq!(Positions::read("0:8,1:43"), Some(positions));
        for wrong in ["x", "0", "0:", "0:1,a:2"] {
            assert_eq!(Positions::read(wrong), None, "{wrong}");
        }
    }
}
