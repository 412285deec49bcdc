//! The only orchestrator: opens labs, runs steps, and tells everything that happens as an [`Event`].

mod event;

pub use event::{Event, Kind, StepResult};
