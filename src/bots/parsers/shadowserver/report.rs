//! A report in hand: its text, how far it is read, and what is done with its rows.

use std::sync::Arc;

use super::super::base::Tally;
use super::super::identity::Identity;
use super::plan::Plan;
use super::schema::ReportType;
use crate::message::{Message, python};
use crate::rows::{Rows, line_end};

/// A report whose header is read.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) text: Arc<String>,
    /// The byte where the next row begins.
    pub(crate) at: usize,
    /// The byte up to which the text is known to be that of the report in hand.
    pub(crate) until: usize,
    pub(crate) tally: Tally,
    pub(crate) plan: Plan,
    identity: Identity,
}

impl Prepared {
    /// Reads the header and passes over the rows that are done; also returns what the log shall be warned of.
    ///
    /// `start` is what every event begins with.
    pub(crate) fn new(
        report: &Message,
        text: String,
        kind: &ReportType,
        start: Message,
        done: Tally,
    ) -> (Prepared, Vec<String>) {
        let lead = text.len() - text.trim_start_matches(python::is_space).len();
        let identity = Identity::of(report, &text, (!text.contains('\0')).then_some(lead));
        let text = Arc::new(clean(text));
        let mut rows = Rows::new(&text, 0);
        let mut cells = Vec::new();
        rows.next_row(&mut cells);
        let header: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
        let (plan, warnings) = Plan::new(kind, &header, line_end(&text), start);
        let mut left = done.rows;
        let mut cells = Vec::new();
        while left > 0 && rows.next_row(&mut cells).is_some() {
            left -= u32::from(!cells.is_empty());
        }
        let at = rows.position();
        (Prepared { at, until: usize::MAX, tally: done, plan, identity, text }, warnings)
    }

    /// Tells whether this is the report, and this the place, to go on with.
    pub(crate) fn goes_on(&mut self, report: &Message, from: u64) -> bool {
        if from == 0 || self.tally.position() != from {
            return false;
        }
        let Some(until) = self.identity.check(report, self.at) else { return false };
        self.until = until;
        true
    }
}

/// Takes away white space around the text, then bytes of zero, as IntelMQ does before it reads rows.
fn clean(mut text: String) -> String {
    text.truncate(text.trim_end_matches(python::is_space).len());
    let stripped = python::strip(&text);
    if stripped.contains('\0') {
        return stripped.replace('\0', "");
    }
    if stripped.len() == text.len() { text } else { stripped.to_owned() }
}
