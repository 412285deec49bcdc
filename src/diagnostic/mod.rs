//! What is wrong, where, and what to do about it; the one place that knows source locations and how to show them.

mod render;
mod source;
mod suggest;
pub mod yaml;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

pub use render::{Style, render, summary};
pub use source::{Located, Location, Source, Span};
pub use suggest::suggest;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// It can run, but probably not as meant.
    Warning,
    /// A check did not hold: a result, not an error.
    Failed,
    /// It cannot run.
    Error,
}

impl Severity {
    /// Returns the word for machines: `warning`, `failed` or `error`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Failed => "failed",
            Severity::Error => "error",
        }
    }
}

/// One problem: what, where, and what to do.
///
/// Made with [`Diagnostic::error`], [`Diagnostic::warning`] or [`Diagnostic::failed`] and filled in by chaining.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// A stable name in kebab-case, such as `unknown-module`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line, lower case, without a full stop.
    pub title: String,
    /// Where it is, if it is anywhere.
    pub at: Option<Location>,
    /// What stands beside the carets; may be empty.
    pub label: String,
    /// Other places that belong to it, each with its label.
    pub related: Vec<(Location, String)>,
    /// What lies behind it: the errors beneath, or what was expected and what was seen. May have several lines each.
    pub causes: Vec<String>,
    /// What to do, one sentence each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// Makes a problem that keeps things from running.
    pub fn error(code: &'static str, title: impl Into<String>) -> Self {
        Diagnostic::new(code, Severity::Error, title.into())
    }

    /// Makes a problem that things can run with.
    pub fn warning(code: &'static str, title: impl Into<String>) -> Self {
        Diagnostic::new(code, Severity::Warning, title.into())
    }

    /// Makes the report of a check that did not hold.
    pub fn failed(code: &'static str, title: impl Into<String>) -> Self {
        Diagnostic::new(code, Severity::Failed, title.into())
    }

    fn new(code: &'static str, severity: Severity, title: String) -> Self {
        Diagnostic {
            code,
            severity,
            title,
            at: None,
            label: String::new(),
            related: Vec::new(),
            causes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, at: Location) -> Self {
        self.at = Some(at);
        self
    }

    /// Says what stands beside the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place that belongs to it.
    #[must_use]
    pub fn related(mut self, at: Location, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }

    /// Adds something that lies behind it.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Tells whether it keeps things from running.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{at}: {}", self.title),
            None => f.write_str(&self.title),
        }
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnostic", 9)?;
        let position = self.at.as_ref().map(Location::position);
        fields.serialize_field("code", self.code)?;
        fields.serialize_field("severity", self.severity.word())?;
        fields.serialize_field("title", &self.title)?;
        fields.serialize_field("file", &self.at.as_ref().map(|at| at.source.name()))?;
        fields.serialize_field("line", &position.map(|(line, _)| line))?;
        fields.serialize_field("column", &position.map(|(_, column)| column))?;
        fields.serialize_field("label", &self.label)?;
        fields.serialize_field("causes", &self.causes)?;
        fields.serialize_field("help", &self.help)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests;
