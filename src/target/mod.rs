//! Where a plan runs: the only place that starts and ends processes, containers and machines.

mod compose;
mod daemon;
mod doctor;
mod errand;
mod local;
mod machine;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use compose::{Compose, Image, Trouble, bring, images};
pub use doctor::{Finding, doctor};
pub use errand::Errand;
pub use local::Local;

use crate::plan::{Choice, Plan, PlanFile};
use crate::runtime::control::{Client, ControlError};

/// Where a lab is, and what acts on it.
#[derive(Debug, Clone)]
pub struct Site {
    /// The lab's name.
    pub lab: String,
    /// The lab's folder, absolute.
    pub folder: PathBuf,
    /// The program that runs botnets: the running binary itself, unless a test says otherwise.
    pub program: PathBuf,
    /// Set when the user wants to stop.
    pub interrupt: Arc<AtomicBool>,
}

impl Site {
    /// Tells whether the user wants to stop.
    pub fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// A place where plans run.
pub trait Target: Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;

    /// Turns a plan into the files of the lab's folder. Pure.
    fn render(&self, plan: &Plan) -> Result<Vec<PlanFile>, TargetError>;

    /// Says what has to be reserved for a choice, or what is missing here.
    fn needs(&self, _choice: &Choice) -> Result<Needs, TargetError> {
        Ok(Needs::default())
    }

    /// Starts what the rendered files describe and returns once its control service answers; one that runs is left alone.
    fn up(&self, site: &Site) -> Result<Client, TargetError>;

    /// Ends all of it and returns once nothing runs any more; it is no error if nothing ran.
    fn down(&self, site: &Site) -> Result<(), TargetError>;

    /// Tells whether it runs.
    fn runs(&self, site: &Site) -> Result<bool, TargetError>;

    /// Makes a client of the control service; nothing is sent yet.
    fn client(&self, site: &Site) -> Result<Client, TargetError>;

    /// Returns the last lines that the processes themselves wrote, oldest first (the bots' logs are the control service's).
    fn logs(&self, site: &Site, most: usize) -> Result<Vec<String>, TargetError>;
}

/// What has to be reserved before a plan is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names of ports on loopback for the broker.
    pub ports: Vec<String>,
    /// Whether the broker needs a password.
    pub password: bool,
}

/// A broker that cannot be started here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot start the broker `{broker}`: {problem}")]
pub struct Missing {
    /// The broker.
    pub broker: &'static str,
    /// What is missing.
    pub problem: String,
    /// What to do, one way each.
    pub ways: Vec<String>,
}

/// Every target.
pub const TARGETS: &[&dyn Target] = &[&Local, &Compose];

/// Finds a target by its name.
pub fn find(name: &str) -> Option<&'static dyn Target> {
    TARGETS.iter().copied().find(|target| target.name() == name)
}

/// Why a target could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {cause}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// What was started ended before it was ready.
    #[error("the {} of lab `{lab}` ended while it started{}", word(.what), tail(.log))]
    Died {
        /// The lab.
        lab: String,
        /// Which program of the lab.
        what: &'static str,
        /// The last lines that it wrote.
        log: Vec<String>,
    },
    /// What was started is not ready in time.
    #[error("the {} of lab `{lab}` was not ready after {seconds} s{}", word(.what), tail(.log))]
    NotReady {
        /// The lab.
        lab: String,
        /// Which program of the lab.
        what: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// The last lines that it wrote.
        log: Vec<String>,
    },
    /// A broker cannot be started here.
    #[error(transparent)]
    NoServer(Missing),
    /// A broker that runs already, as it was said, cannot be used.
    #[error("the broker {url} cannot be used: {problem}")]
    NoBroker {
        /// Its address, without its password.
        url: String,
        /// What came of asking it.
        problem: String,
    },
    /// The container engine, or what runs in it.
    #[error(transparent)]
    Containers(#[from] Trouble),
    /// A process does not end, not even by force.
    #[error(
        "process {pid} of lab `{lab}` does not end; is its disk or network gone? try again, or end it by hand"
    )]
    Undead {
        /// The lab.
        lab: String,
        /// The process.
        pid: i32,
    },
    /// It would be the process itself that ends.
    #[error("lab `{lab}` cannot begin anew from its own page: what answers there is part of it")]
    Itself {
        /// The lab.
        lab: String,
    },
    /// The control service cannot be reached.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The user wanted to stop.
    #[error("interrupted")]
    Interrupted,
}

fn word(what: &'static str) -> &'static str {
    if what == "supervisor" { "botnet" } else { what }
}

fn tail(log: &[String]) -> String {
    if log.is_empty() {
        ", and wrote nothing".to_owned()
    } else {
        format!("; it wrote:\n  {}", log.join("\n  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::TARGETS as PLANNED;

    #[test]
    fn every_target_that_can_be_planned_exists() {
        let planned: Vec<&str> =
            PLANNED.iter().filter(|target| target.ready).map(|target| target.name).collect();
        let existing: Vec<&str> = TARGETS.iter().map(|target| target.name()).collect();
        assert_eq!(planned, existing);
        assert!(find("local").is_some() && find("nowhere").is_none());
    }
}
