//! How a command ends, as its exit code.

use std::process::ExitCode;

use crate::session::{Cause, Ran};

/// How a command ended. The numbers are part of the interface and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done, and every check passed.
    Ok = 0,
    /// The program itself is at fault.
    Bug = 1,
    /// The command cannot be understood: unknown option or playbook, impossible combination.
    Usage = 2,
    /// A playbook or a runtime file is invalid, templates included.
    Invalid = 3,
    /// The playbook is valid but cannot be rendered here.
    CannotRender = 4,
    /// The target failed: no port, no program, no engine.
    Target = 5,
    /// The botnet failed, or a feed could not be put in.
    Runtime = 6,
    /// A check failed.
    CheckFailed = 7,
    /// SIGINT or SIGTERM came.
    Interrupted = 130,
}

impl Exit {
    /// Every way to end with what it means, for the manual.
    pub const ALL: &[(Exit, &str)] = &[
        (Exit::Ok, "everything was done, and every check passed"),
        (Exit::Bug, "a fault of intelmq-lab itself"),
        (Exit::Usage, "usage: unknown option or playbook, impossible combination"),
        (Exit::Invalid, "a playbook or a runtime file is invalid, templates included"),
        (Exit::CannotRender, "the playbook is valid, but cannot be rendered here"),
        (Exit::Target, "the target failed: no free port, no such program, no engine"),
        (Exit::Runtime, "the botnet failed, or a feed could not be put in"),
        (Exit::CheckFailed, "a check failed"),
        (Exit::Interrupted, "interrupted"),
    ];

    /// Says how a command ends that ran the steps of a playbook.
    pub(super) fn of(ran: &Ran) -> Self {
        match (ran.broken, ran.failed) {
            (0, 0) => Exit::Ok,
            (0, _) => Exit::CheckFailed,
            _ => Exit::Runtime,
        }
    }

    /// Says how a command ends that did several things: as the worst of them. The lower the number, the deeper the cause.
    pub(super) fn of_all(exits: &[Exit]) -> Self {
        let failed = exits.iter().copied().filter(|exit| *exit != Exit::Ok);
        if exits.contains(&Exit::Interrupted) {
            return Exit::Interrupted;
        }
        failed.min_by_key(|exit| exit.code()).unwrap_or(Exit::Ok)
    }

    /// Returns the number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

impl From<Cause> for Exit {
    fn from(cause: Cause) -> Exit {
        match cause {
            Cause::Usage => Exit::Usage,
            Cause::Invalid => Exit::Invalid,
            Cause::CannotRender => Exit::CannotRender,
            Cause::Target => Exit::Target,
            Cause::Runtime => Exit::Runtime,
            Cause::Interrupted => Exit::Interrupted,
        }
    }
}
