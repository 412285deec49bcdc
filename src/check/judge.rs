//! Judges one expectation.

use regex::Regex;

use super::{Expectation, Observation, Outcome, Verdict, bots, events, places};

/// How many entries or lines of a kind a difference shows.
pub(super) const MOST: usize = 5;

/// Says whether an expectation holds.
///
/// "At least" and "contains" pass as soon as they hold. Exact contents, counts and absence pass only when the botnet is idle,
/// and nothing fails before that.
pub fn judge(expectation: &Expectation, observation: &Observation) -> Verdict {
    let finding = match expectation {
        Expectation::Events(expected) => events::judge(expected, observation),
        Expectation::Queue(expected) => bots::queue(expected, observation),
        Expectation::Dump(expected) => bots::dump(expected, observation),
        Expectation::Log(expected) => bots::log(expected, observation),
        Expectation::Status(expected) => bots::status(expected, observation),
        Expectation::File(expected) => places::file(expected, observation),
        Expectation::Http(expected) => places::http(expected, observation),
        Expectation::Table(expected) => places::table(expected, observation),
    };
    finding.verdict(observation.idle)
}

/// What was found out, before it is said whether it is final.
pub(super) struct Finding {
    /// Whether all of it holds at the moment.
    pub(super) holds: bool,
    /// Whether it stays true whatever comes, so that nobody has to wait for quiet.
    pub(super) settles: bool,
    pub(super) expected: String,
    pub(super) seen: String,
    pub(super) difference: Vec<String>,
    pub(super) look: String,
}

impl Finding {
    pub(super) fn new(expected: impl Into<String>, seen: impl Into<String>, look: impl Into<String>) -> Self {
        Finding {
            holds: true,
            settles: true,
            expected: expected.into(),
            seen: seen.into(),
            difference: Vec::new(),
            look: look.into(),
        }
    }

    /// Adds one part that must hold too.
    pub(super) fn part(&mut self, holds: bool, settles: bool) {
        self.holds &= holds;
        self.settles &= settles;
    }

    /// Says how many more there are than a difference shows.
    pub(super) fn more(&mut self, all: usize) {
        if all > MOST {
            self.difference.push(format!("and {} more", all - MOST));
        }
    }

    fn verdict(self, idle: bool) -> Verdict {
        let outcome = match (self.holds, self.settles || idle, idle) {
            (true, true, _) => Outcome::Pass,
            (false, _, true) => Outcome::Fail,
            _ => Outcome::NotYet,
        };
        let kept = if self.holds { (Vec::new(), String::new()) } else { (self.difference, self.look) };
        Verdict { outcome, expected: self.expected, seen: self.seen, difference: kept.0, look: kept.1 }
    }
}

/// Tells whether a text has what is asked for; an invalid pattern is found nowhere (`lint` refuses it).
pub(super) fn found(text: &str, contains: Option<&str>, pattern: Option<&Regex>, asked: bool) -> bool {
    contains.is_none_or(|part| text.contains(part))
        && (!asked || pattern.is_some_and(|regex| regex.is_match(text)))
}

pub(super) fn compile(pattern: Option<&str>) -> Option<Regex> {
    pattern.and_then(|pattern| Regex::new(pattern).ok())
}
