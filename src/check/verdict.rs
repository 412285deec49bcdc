//! What came of a check.

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
    /// One place to look, such as `intelmq-lab dump shadowserver-parser`. Empty if it holds.
    pub look: String,
}

impl Verdict {
    /// Tells whether it holds.
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Pass
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
