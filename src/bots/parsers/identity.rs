//! Whether the report that a parser is to go on with is the one it has in hand.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::message::{Message, Value};

/// Length and hashes of `raw`, so that one report is not taken for another.
///
/// Before each portion only the blocks that it reads are looked at: all of them each time would cost more than the rows.
#[derive(Debug)]
pub(super) struct Identity {
    length: usize,
    blocks: Vec<u64>,
    /// How many bytes of the report stand before the first of the text; unknown if bytes within were dropped.
    lead: Option<usize>,
}

/// Bytes in a block, a multiple of four.
const BLOCK: usize = 64 * 1024;

/// How many blocks a portion may read.
const AHEAD: usize = 8;

/// What `raw` holds, as it is at hand: bytes, or their Base64.
struct Held<'m> {
    held: &'m [u8],
    /// How many bytes of the report how many bytes here stand for.
    ratio: (usize, usize),
}

impl<'m> Held<'m> {
    fn of(report: &'m Message) -> Held<'m> {
        let Some(Value::Text(text)) = report.get("raw") else { return Held { held: b"", ratio: (1, 1) } };
        match text.decoded() {
            Some(bytes) => Held { held: bytes, ratio: (1, 1) },
            None => Held { held: text.as_bytes(), ratio: (3, 4) },
        }
    }

    /// Tells whether each of its bytes counts, so that a place in the report tells the place here.
    fn is_regular(&self, length: usize) -> bool {
        let (bytes, places) = self.ratio;
        let padding = self.held.iter().rev().take_while(|byte| places == 4 && **byte == b'=').count();
        self.held.len().is_multiple_of(places) && self.held.len() / places * bytes == length + padding
    }

    fn hashes(&self, blocks: Range<usize>) -> impl Iterator<Item = u64> + use<'m> {
        let end = self.held.len().min(blocks.end * BLOCK);
        self.held.get(blocks.start * BLOCK..end).unwrap_or_default().chunks(BLOCK).map(xxh3_64)
    }
}

impl Identity {
    /// Takes a report, the text that it holds, and how many bytes at the start of that are left out, unless others are too.
    pub(super) fn of(report: &Message, text: &str, lead: Option<usize>) -> Identity {
        let held = Held::of(report);
        let lead = lead.filter(|_| held.is_regular(text.len()));
        let length = held.held.len();
        Identity { length, blocks: held.hashes(0..length.div_ceil(BLOCK)).collect(), lead }
    }

    /// Compares a report with this from a byte of its text on, without what is left out; returns up to where they are the same.
    pub(super) fn check(&self, report: &Message, at: usize) -> Option<usize> {
        let held = Held::of(report);
        let (bytes, places) = held.ratio;
        let blocks = match self.lead {
            Some(lead) => {
                let first = (lead + at) / bytes * places / BLOCK;
                first..(first + AHEAD).min(self.blocks.len())
            }
            None => 0..self.blocks.len(),
        };
        let same = |blocks: Range<usize>| {
            let known = self.blocks[blocks.clone()].iter().copied();
            held.hashes(blocks).eq(known).then_some(())
        };
        let end = blocks.end;
        if held.held.len() != self.length || blocks.start >= end {
            return None;
        }
        same(0..1).and(same(blocks))?;
        Some(match self.lead {
            Some(lead) if end < self.blocks.len() => (end * BLOCK / places * bytes).saturating_sub(lead),
            _ => usize::MAX,
        })
    }
}
