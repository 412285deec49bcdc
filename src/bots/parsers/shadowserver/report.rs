//! A report in hand: its text, how far it is read, and what is done with its rows.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::super::base::Tally;
use super::super::rows::{Rows, line_end};
use super::plan::Plan;
use super::schema::ReportType;
use crate::message::{Message, python};

/// A report whose header is read.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) text: String,
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
        let identity = Identity::of(report, &text);
        let text = clean(text);
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
fn clean(text: String) -> String {
    let stripped = python::strip(&text);
    if stripped.contains('\0') {
        return stripped.replace('\0', "");
    }
    if stripped.len() == text.len() { text } else { stripped.to_owned() }
}

/// Length and hashes of `raw`, so that one report is not taken for another.
///
/// Before each portion only the blocks that it reads are looked at: all of them each time would cost more than the rows.
#[derive(Debug)]
struct Identity {
    length: usize,
    blocks: Vec<u64>,
    /// How many bytes of the report stand before the first of the text; unknown if bytes within were dropped.
    lead: Option<usize>,
}

/// Characters of Base64 in a block, a multiple of four.
const BLOCK: usize = 64 * 1024;

/// How many blocks a portion may read.
const AHEAD: usize = 8;

fn hashes(raw: &str) -> impl Iterator<Item = u64> {
    raw.as_bytes().chunks(BLOCK).map(xxh3_64)
}

impl Identity {
    fn of(report: &Message, text: &str) -> Identity {
        let raw = report.text("raw").unwrap_or_default();
        let padding = raw.bytes().rev().take_while(|byte| *byte == b'=').count();
        let whole =
            raw.len().is_multiple_of(4) && raw.len() / 4 * 3 == text.len() + padding && !text.contains('\0');
        let lead = text.len() - text.trim_start_matches(python::is_space).len();
        Identity { length: raw.len(), blocks: hashes(raw).collect(), lead: whole.then_some(lead) }
    }

    /// Compares a report with this from a byte of its text on; returns up to where they are the same.
    fn check(&self, report: &Message, at: usize) -> Option<usize> {
        let raw = report.text("raw").unwrap_or_default();
        let blocks = match self.lead {
            Some(lead) => {
                let first = (lead + at) / 3 * 4 / BLOCK;
                first..(first + AHEAD).min(self.blocks.len())
            }
            None => 0..self.blocks.len(),
        };
        let same = |blocks: Range<usize>| {
            let part = raw.get(blocks.start * BLOCK..raw.len().min(blocks.end * BLOCK))?;
            hashes(part).eq(self.blocks[blocks].iter().copied()).then_some(())
        };
        let end = blocks.end;
        if raw.len() != self.length || blocks.start >= end {
            return None;
        }
        same(0..1).and(same(blocks))?;
        Some(match self.lead {
            Some(lead) if end < self.blocks.len() => (end * BLOCK / 4 * 3).saturating_sub(lead),
            _ => usize::MAX,
        })
    }
}
