//! Runs a botnet on a broker: workers, supervision, dumps, statistics, journal and the control service.
//!
//! It is given a pipeline and never reads a playbook.

mod apart;
mod botnet;
mod build;
pub mod control;
mod dump;
mod elsewhere;
mod error;
mod files;
mod format;
mod gather;
mod giving_up;
mod hop;
mod journal;
mod ledger;
mod life;
mod log;
mod net;
mod outbox;
mod process;
mod recall;
mod reporter;
mod resume;
mod round;
mod rules;
mod slot;
mod snapshot;
mod statistics;
mod stopped;
mod surroundings;
mod switch;
#[cfg(test)]
mod tests;
mod worker;

pub use apart::Apart;
pub use botnet::Botnet;
pub use error::BotnetError;
pub use journal::Journal;
pub use log::{Destination, Format, Logger, parse_level};
pub use process::{Run, RunError, random_token, run};
pub use surroundings::{Queues, Surroundings};
