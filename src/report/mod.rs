//! Consumers of a session's events: one file a kind of report.
//!
//! To add one: its file, and its line in [`ALL`].

mod github;
mod human;
mod jsonl;
mod junit;
mod sink;
mod spinner;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

pub use human::of_steps;
pub use sink::Sink;
pub use spinner::Progress;

use crate::diagnostic::Diagnostic;
use crate::session::Event;

/// Tells somebody what happens in a session.
pub trait Reporter {
    /// Takes one event.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Takes why a playbook could not be run, or not to its end; the command shows it to people itself.
    fn problem(&mut self, _playbook: &str, _problems: &[Diagnostic]) -> io::Result<()> {
        Ok(())
    }

    /// Writes what can be written only at the end. Called once, also after an interruption.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A kind of report that can be asked for by name.
#[derive(Debug)]
pub struct Format {
    /// What stands after `--report`.
    pub name: &'static str,
    /// One sentence for help texts.
    pub summary: &'static str,
    /// Whether it can share standard output with another report.
    pub shares: bool,
    /// Makes a reporter that writes to a sink.
    pub make: fn(Sink) -> Box<dyn Reporter>,
}

/// Every kind of report.
pub const ALL: &[Format] = &[
    Format { name: "human", summary: "a line a step, for people", shares: true, make: human::make },
    Format { name: "jsonl", summary: "every event as a line of JSON", shares: false, make: jsonl::make },
    Format { name: "junit", summary: "JUnit XML, a suite a playbook", shares: false, make: junit::make },
    Format { name: "github", summary: "annotations for GitHub Actions", shares: true, make: github::make },
];

/// A report that somebody asked for: `KIND`, or `KIND=FILE`.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The kind.
    pub format: &'static Format,
    /// The file it goes to; standard output if there is none.
    pub file: Option<PathBuf>,
}

/// Text after `--report` that names no kind of report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// No such kind.
    #[error("{0:?} is no kind of report; there are {known}", known = Known)]
    UnknownKind(String),
    /// `KIND=` with nothing behind it.
    #[error("the file after {0:?} is missing")]
    NoFile(String),
}

impl FromStr for Wanted {
    type Err = WantedError;

    fn from_str(text: &str) -> Result<Self, WantedError> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err(WantedError::NoFile(text.to_owned())),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = ALL.iter().find(|format| format.name == name);
        let format = format.ok_or_else(|| WantedError::UnknownKind(name.to_owned()))?;
        Ok(Wanted { format, file })
    }
}

struct Known;

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = ALL.iter().map(|format| format.name).collect();
        f.write_str(&names.join(", "))
    }
}

/// All reports of one command. A reader of standard output that goes away ends its report, not the command.
#[derive(Default)]
pub struct Reports {
    reporters: Vec<Box<dyn Reporter>>,
    problem: Option<io::Error>,
}

impl Reports {
    /// Adds one.
    pub fn add(&mut self, reporter: Box<dyn Reporter>) {
        self.reporters.push(reporter);
    }

    /// Hands an event to every report.
    pub fn event(&mut self, event: &Event) {
        self.each(|reporter| reporter.event(event));
    }

    /// Tells every report why a playbook could not be run, or not to its end.
    pub fn problem(&mut self, playbook: &str, problems: &[Diagnostic]) {
        self.each(|reporter| reporter.problem(playbook, problems));
    }

    /// Ends every report and returns the first problem that one had.
    pub fn finish(mut self) -> io::Result<()> {
        self.each(|reporter| reporter.finish());
        self.problem.map_or(Ok(()), Err)
    }

    fn each(&mut self, mut tell: impl FnMut(&mut dyn Reporter) -> io::Result<()>) {
        let problem = &mut self.problem;
        self.reporters.retain_mut(|reporter| match tell(reporter.as_mut()) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
            Err(error) => {
                problem.get_or_insert(error);
                false
            }
        });
    }
}

#[cfg(test)]
mod tests;
