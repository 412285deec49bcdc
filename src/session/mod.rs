//! The only orchestrator: opens labs, runs steps, and tells everything that happens as an [`Event`].

mod bless;
mod clock;
mod doctor;
mod down;
mod errand;
mod error;
mod event;
pub mod explain;
#[cfg(test)]
mod fake;
mod hand;
mod lab;
mod labs;
mod look;
mod mask;
mod open;
mod picture;
mod ports;
mod prepare;
mod prove;
mod reader;
mod rest;
mod run;
mod solution;
mod status;
mod steps;
mod teller;
mod world;

pub use bless::{Blessed, bless};
pub use doctor::doctor;
pub use down::{down, down_all};
pub use errand::{Deed, elsewhere};
pub use error::{Cause, SessionError};
pub use event::{Event, Kind, StepResult};
pub use hand::{Configured, Feed, Hand, Seeded};
pub use lab::{Lab, Record};
pub use labs::Labs;
pub use look::look;
pub use mask::Mask;
pub use open::LabWish;
pub use picture::graph;
pub use prepare::{begin, prepare};
pub use prove::prove;
pub use reader::Reader;
pub use run::{Ran, Range, check, reset, up};
pub use status::{BotSummary, LabStatus, status};
pub use world::{World, playbook_of};

#[cfg(test)]
mod tests;
