//! What stands for Kafka's client in a build without the feature `kafka`: bots refuse to start, with the reason.

use std::time::Duration;

use super::{Options, Outgoing, Positions, Record};
use crate::bots::Failure;

/// Reads nothing.
pub(crate) enum Reader {}

/// Writes nothing.
pub(crate) enum Writer {}

fn absent() -> Failure {
    Failure::Configuration(
        "this build of intelmq-lab cannot speak to Kafka: it lacks the feature `kafka`".into(),
    )
}

impl Reader {
    /// Refuses.
    pub(crate) fn open(_: &Options, _: &str, _: &str, _: &Positions) -> Result<Reader, Failure> {
        Err(absent())
    }

    /// Cannot be asked.
    pub(crate) fn next(&mut self, _: Duration) -> Result<Option<Record>, Failure> {
        match *self {}
    }

    /// Cannot be told.
    pub(crate) fn commit(&self, _: &Positions) {
        match *self {}
    }
}

impl Writer {
    /// Refuses.
    pub(crate) fn open(_: &Options, _: &str) -> Result<Writer, Failure> {
        Err(absent())
    }

    /// Cannot be asked.
    pub(crate) fn put(&mut self, _: &Outgoing<'_>) -> Result<(), Failure> {
        match *self {}
    }

    /// Cannot be asked.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        match *self {}
    }
}
