//! Runs a botnet on a broker: workers, supervision, dumps, statistics, journal and the control service.
//!
//! It is given a pipeline and never reads a playbook.

mod botnet;
mod build;
pub mod control;
mod dump;
mod files;
mod giving_up;
mod hop;
mod journal;
mod ledger;
mod log;
mod net;
mod process;
mod resume;
mod rules;
mod slot;
mod statistics;
mod switch;
#[cfg(test)]
mod tests;
mod worker;

pub use botnet::{Botnet, BotnetError, Surroundings};
pub use journal::Journal;
pub use log::{Destination, Format, Logger};
pub use process::{Run, RunError, run};
