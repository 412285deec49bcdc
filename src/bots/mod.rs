//! What happens to messages: collectors, parsers, experts and outputs, one file each.
//!
//! A bot knows no broker, no queue and no acknowledgement. What it wants to happen it tells its [`Context`];
//! the runtime makes all of it happen together, or nothing.

pub mod collectors;
mod context;
pub mod experts;
mod format;
mod http;
mod jinja;
mod kafka;
pub mod outputs;
pub mod parsers;
mod pattern;
mod registry;
pub(crate) mod sql;
mod stomp;
#[cfg(test)]
mod tests;
pub mod trial;
#[cfg(test)]
mod troubled;
mod url;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

pub use context::{AfterCommit, Bell, Context, Effects, Level, Mark, Memory, Note, StateWrite};
pub use registry::Modules;

use crate::message::{Idf, Key, Message, MessageError, MessageType};
use crate::pipeline::{ParamError, Params, Spec};

/// A module that a botnet can run: what it is, and how one is made.
#[derive(Debug)]
pub struct BotSpec {
    /// Names, parameters, documentation.
    pub spec: Spec,
    /// Makes a bot of resolved parameters; refuses with [`Failure::Configuration`] what cannot work.
    pub make: fn(&Params, &Site) -> Result<Bot, Failure>,
}

/// What a bot knows of where it runs.
#[derive(Debug, Clone)]
pub struct Site {
    /// The bot's id.
    pub bot: String,
    /// The folder that IntelMQ calls the state path; relative file parameters start there.
    pub state: PathBuf,
    /// The fields that messages may have.
    pub idf: Arc<Idf>,
}

impl Site {
    /// Resolves the path of a file parameter: relative ones start at the state path.
    pub fn path(&self, path: &str) -> PathBuf {
        self.state.join(path)
    }

    /// Looks up a field of events that the bot cannot do without.
    pub fn event_key(&self, name: &str) -> Result<Key, Failure> {
        self.idf.key(MessageType::Event, name).map_err(|_| {
            Failure::Configuration(format!(
                "the data format has no field {name:?} for events, which this bot sets; \
                 add it to harmonization.conf"
            ))
        })
    }
}

/// A bot that is ready to work.
pub enum Bot {
    /// Fetches data.
    Collector(Box<dyn Collector>),
    /// Turns reports into events.
    Parser(Box<dyn Parser>),
    /// Changes, routes or drops events.
    Expert(Box<dyn Expert>),
    /// Hands events on.
    Output(Box<dyn Output>),
}

/// Fetches data and sends it as reports.
pub trait Collector: Send {
    /// Does one portion of a round (a file, a page, a line) and sends its reports; they are stored when it returns.
    ///
    /// It never waits for the world: a thread of its own does that, and rings [`Context::bell`].
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure>;

    /// Learns that what the last portion sent is stored.
    fn stored(&mut self) {}

    /// Tells whether the next portion sends again what was not stored; otherwise the bot is made anew and goes on from what is.
    fn sends_again(&self) -> bool {
        false
    }

    /// Learns that the bot ends; tells whether it has something that is not stored and that its source will not give again.
    ///
    /// If so, `collect` is called once more, and then this.
    fn close(&mut self) -> bool {
        false
    }
}

/// Whether a collector has more to do before it rests for `rate_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Call again at once.
    More,
    /// Call again when the bell rings; the round is not over.
    Wait,
    /// The round is over; call again after `rate_limit`.
    Done,
    /// The round is over, for there is nothing at the moment; call again when the bell rings, without regard to `rate_limit`.
    Listen,
}

/// Turns one report into events.
pub trait Parser: Send {
    /// Parses a report from a position on (0 is the start) and sends its events.
    ///
    /// When [`Context::is_full`] says so it stops and returns where to go on; the runtime stores what was sent together with
    /// that position, so that a report is never parsed twice. A row that fails goes to [`Context::fail_row`].
    fn parse(&mut self, report: &Message, from: u64, context: &mut Context) -> Result<Progress, Failure>;
}

/// How far a parser came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The report is finished.
    Done,
    /// Go on from this position; its meaning is the parser's own (a byte, a line).
    More(u64),
}

/// Changes, routes or drops one event at a time.
pub trait Expert: Send {
    /// Handles one event: sends it on (changed or not), or drops it with a reason.
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure>;

    /// Returns the key under which it will recall something for an event; where that is far away a whole batch is asked at once.
    fn key(&self, _event: &Message) -> Option<Vec<u8>> {
        None
    }
}

/// Hands events to the world.
pub trait Output: Send {
    /// Writes one event.
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure>;

    /// Brings to the world what was written since the last time; only then are those events acknowledged.
    ///
    /// If it fails, all of them are written anew, so what was held back must be forgotten.
    fn flush(&mut self, _context: &mut Context) -> Result<(), Failure> {
        Ok(())
    }

    /// Tells when what it writes is seen outside.
    fn reach(&self) -> Reach {
        Reach::AtOnce
    }
}

/// When the world sees what an output writes: how much a crash may repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// With the commit, as it only asks its [`Context`]: nothing is repeated, and events may be handed to it straight.
    WithCommit,
    /// With [`Output::flush`]: a crash may repeat a batch, but not a part of one.
    WithFlush,
    /// With each [`Output::write`]: each event is acknowledged alone, so that a crash repeats one at most.
    AtOnce,
}

/// Why a bot could not do its work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The data violates the data format: the message is dumped at once, without a retry.
    #[error("{0}")]
    Invalid(String),
    /// The configuration cannot work: the bot stops.
    #[error("{0}")]
    Configuration(String),
    /// Anything else: retried as `error_max_retries` says, then dumped.
    #[error("{0}")]
    Other(String),
    /// The bot panicked: it is made anew, then as [`Failure::Other`].
    #[error("the bot panicked: {0}")]
    Panicked(String),
}

impl Failure {
    /// Makes a failure that is retried.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Failure::Other(error.to_string())
    }
}

impl From<MessageError> for Failure {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::InvalidValue { .. } => Failure::Invalid(error.to_string()),
            _ => Failure::Other(error.to_string()),
        }
    }
}

impl From<ParamError> for Failure {
    fn from(error: ParamError) -> Self {
        Failure::Configuration(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Other(error.to_string())
    }
}

/// Asks the database that an output writes, without the output and changing nothing, and returns so many rows at most.
pub type Ask = fn(&Params, &Site, query: &str, most: usize) -> Result<Vec<Vec<Json>>, Failure>;

/// Returns what asks the database of a module's outputs; nothing if they write none.
pub fn asks(module: &str) -> Option<Ask> {
    outputs::ASKED.iter().find(|(spec, _)| spec.spec.module == module).map(|(_, ask)| *ask)
}

/// Finds a module by its IntelMQ path.
pub fn find(module: &str) -> Option<&'static BotSpec> {
    all().find(|spec| spec.spec.module == module)
}

/// Lists every module.
pub fn all() -> impl Iterator<Item = &'static BotSpec> {
    let own = [collectors::ALL, parsers::ALL, experts::ALL, outputs::ALL].into_iter().flatten().copied();
    #[cfg(test)]
    let own = own.chain([&troubled::SPEC, &troubled::OUTPUT]);
    own
}
