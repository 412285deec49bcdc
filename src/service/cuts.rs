//! When a stream is cut, and how slow it is.

use std::time::Duration;

use super::{Feed, Trouble};

/// When a stream is cut, and how slow it is.
pub(super) struct Cuts {
    bytes: Option<u64>,
    lines: Option<u64>,
    /// How long to wait before each line.
    pub(super) wait: Option<Duration>,
    /// Which faults it has met: those up to this clearing.
    cleared: u64,
}

impl Cuts {
    pub(super) fn new(feed: &Feed, trouble: Option<&Trouble>) -> Self {
        let mut cuts = Cuts { bytes: None, lines: None, wait: None, cleared: feed.cleared() };
        cuts.take(trouble);
        cuts
    }

    /// Takes the faults that meet a stream, unless it has such a one.
    pub(super) fn look(&mut self, feed: &Feed, path: &str) {
        if self.cleared != feed.cleared() {
            *self = Cuts::new(feed, None);
        }
        if self.bytes.is_none() && self.lines.is_none() {
            let cut = |trouble: &Trouble| matches!(trouble, Trouble::CutBytes(_) | Trouble::CutLines(_));
            self.take(feed.trouble(path, cut).as_ref());
        }
        if self.wait.is_none() {
            let slow = |trouble: &Trouble| matches!(trouble, Trouble::Slow(_));
            self.take(feed.trouble(path, slow).as_ref());
        }
    }

    fn take(&mut self, trouble: Option<&Trouble>) {
        match trouble {
            Some(Trouble::CutBytes(bytes)) => self.bytes = Some(*bytes),
            Some(Trouble::CutLines(lines)) => self.lines = Some(*lines),
            Some(Trouble::Slow(wait)) => self.wait = Some(Duration::from_millis(*wait)),
            _ => {}
        }
    }

    /// Returns how many of the next line's bytes are still written.
    pub(super) fn part(&mut self, length: usize) -> usize {
        if self.lines == Some(0) {
            return 0;
        }
        self.lines = self.lines.map(|lines| lines - 1);
        let part = self.bytes.map_or(length, |bytes| length.min(bytes as usize));
        self.bytes = self.bytes.map(|bytes| bytes - part as u64);
        part
    }

    /// Tells whether nothing more is to be written.
    pub(super) fn over(&self) -> bool {
        self.bytes == Some(0) || self.lines == Some(0)
    }
}
