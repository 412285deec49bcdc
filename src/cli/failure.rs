//! Why a command could not do its work: what to show, once, and how to end.

use std::io;

use super::exit::Exit;
use crate::diagnostic::Diagnostic;
use crate::session::SessionError;

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) struct Failure {
    /// How the command ends.
    pub(super) exit: Exit,
    /// What is shown; nothing if the reader of standard output went away.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Failure {
    /// Makes a failure of what was found wrong.
    pub(super) fn new(exit: Exit, diagnostics: Vec<Diagnostic>) -> Self {
        Failure { exit, diagnostics }
    }

    /// Makes a failure of one problem.
    pub(super) fn one(exit: Exit, diagnostic: Diagnostic) -> Self {
        Failure { exit, diagnostics: vec![diagnostic] }
    }

    /// Makes a failure of a command that cannot be understood.
    pub(super) fn usage(code: &'static str, title: impl Into<String>) -> Self {
        Failure::one(Exit::Usage, Diagnostic::error(code, title))
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(last) = self.diagnostics.pop() {
            self.diagnostics.push(last.help(help));
        }
        self
    }
}

/// Standard output cannot be written. That its reader went away is no problem of ours.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::new(Exit::Ok, Vec::new());
        }
        let problem = Diagnostic::error("cannot-write", "standard output cannot be written");
        Failure::one(Exit::Target, problem.cause(error.to_string()))
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Failure::new(error.cause().into(), error.diagnostics())
    }
}
