//! Whether what was seen is what was expected. Pure: (expectation, observation) → verdict.
//!
//! Nothing here reads a file, waits, or knows how an observation was made; `observe` makes them, `session` asks again.

mod bless;
mod bots;
mod canonical;
mod count;
mod difference;
mod events;
mod expectation;
mod golden;
mod judge;
mod observation;
mod places;
mod verdict;
mod words;

pub use bless::bless;
pub use canonical::{Event, Places, dumped_row, events_of};
pub use count::Count;
pub use events::fits;
pub use expectation::{
    Dump, Events, Expectation, File, Http, Log, LogLevel, Need, Queue, Since, State, Status, Table,
};
pub use golden::Golden;
pub use judge::judge;
pub use observation::{Answer, BotSeen, DumpSeen, LogSeen, Observation, OutputSeen, Row};
pub use verdict::{Outcome, Verdict, summary};

#[cfg(test)]
mod tests;
