//! What came of a check.

use crate::diagnostic::{Diagnostic, Location};

/// How an expectation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It does not hold yet, or it cannot be said before the botnet is idle.
    NotYet,
    /// It does not hold, and the botnet is idle.
    Fail,
}

/// A judgement, in words that a step's text can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it stands.
    pub outcome: Outcome,
    /// What was expected, such as `exactly 5 events in events.jsonl`.
    pub expected: String,
    /// What was seen, such as `5 events in events.jsonl`.
    pub seen: String,
    /// The difference: lines that start with `-` are expected, with `+` seen. Empty if it holds.
    pub difference: Vec<String>,
    /// One place to look, such as ``intelmq-lab dump list BOT`: which rows, and why?``. Empty if it holds.
    pub look: String,
}

impl Verdict {
    /// Tells whether it holds.
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Pass
    }

    /// Returns it as a failed check at its place in the playbook, for a reader; the deadline is over.
    pub fn diagnostic(&self, at: Location) -> Diagnostic {
        let mut diagnostic = Diagnostic::failed("check", self.seen.as_str())
            .at(at)
            .cause(format!("expected: {}", self.expected))
            .cause(format!("seen:     {}", self.seen));
        if !self.difference.is_empty() {
            diagnostic = diagnostic.cause(self.difference.join("\n"));
        }
        if self.outcome == Outcome::NotYet {
            diagnostic = diagnostic.cause("the botnet was still at work when the deadline was over");
        }
        if self.look.is_empty() { diagnostic } else { diagnostic.help(format!("look at {}", self.look)) }
    }
}

/// Joins what was seen into one line, such as `6 rows, 5 events in events.jsonl, 1 in the dump of shadowserver-parser`.
///
/// What is said twice is said once.
pub fn summary<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for word in words {
        if !word.is_empty() && !parts.contains(&word) {
            parts.push(word);
        }
    }
    parts.join(", ")
}
