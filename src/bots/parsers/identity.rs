//! Whether the report that a parser is to go on with is the one it has in hand.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use crate::message::Message;

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

/// Characters of Base64 in a block, a multiple of four.
const BLOCK: usize = 64 * 1024;

/// How many blocks a portion may read.
const AHEAD: usize = 8;

fn hashes(raw: &str) -> impl Iterator<Item = u64> {
    raw.as_bytes().chunks(BLOCK).map(xxh3_64)
}

impl Identity {
    /// Takes a report, the text that it holds, and how many bytes at the start of that are left out, unless others are too.
    pub(super) fn of(report: &Message, text: &str, lead: Option<usize>) -> Identity {
        let raw = report.text("raw").unwrap_or_default();
        let padding = raw.bytes().rev().take_while(|byte| *byte == b'=').count();
        let whole = raw.len().is_multiple_of(4) && raw.len() / 4 * 3 == text.len() + padding;
        Identity { length: raw.len(), blocks: hashes(raw).collect(), lead: lead.filter(|_| whole) }
    }

    /// Compares a report with this from a byte of its text on, without what is left out; returns up to where they are the same.
    pub(super) fn check(&self, report: &Message, at: usize) -> Option<usize> {
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
