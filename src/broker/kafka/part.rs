//! What is known of one partition of a queue's topic. No input or output.
//!
//! Offsets are no count of messages: each transaction also takes one for its end, and aborted ones leave gaps. So what is a
//! message is known only of offsets that were seen, and a depth is exact only where everything was.

use super::ranges::Ranges;

/// How far a partition is done, as it is stored with the consumer's group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Everything before is acknowledged.
    pub(super) next: i64,
    /// What is acknowledged after that.
    pub(super) done: Ranges,
    /// Everything before was delivered at least once.
    pub(super) received: i64,
}

impl Position {
    /// Writes what the offset alone does not say: how far was received, and what is done; empty if that is nothing.
    pub(super) fn metadata(&self) -> String {
        let received = (self.received - self.next).max(0);
        let ranges =
            self.done.iter().map(|(start, end)| format!("{}-{}", start - self.next, end - self.next));
        match (received, self.done.is_empty()) {
            (0, true) => String::new(),
            _ => format!("{received};{}", ranges.collect::<Vec<_>>().join(",")),
        }
    }

    /// Reads it; what another program wrote there says nothing.
    pub(super) fn read(next: i64, metadata: &str) -> Position {
        let plain = || Position { next, done: Ranges::default(), received: next };
        let read = || {
            let (received, ranges) = metadata.split_once(';')?;
            let mut done = Ranges::default();
            for range in ranges.split(',').filter(|range| !range.is_empty()) {
                let (start, end) = range.split_once('-')?;
                let (start, end): (i64, i64) = (start.parse().ok()?, end.parse().ok()?);
                done.insert(next.checked_add(start)?, next.checked_add(end)?);
            }
            Some(Position { next, done, received: next.checked_add(received.parse().ok()?)? })
        };
        read().unwrap_or_else(plain)
    }
}

/// What is known of one partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// How far it is done.
    pub(super) position: Position,
    /// What is stored of that.
    pub(super) stored: Position,
    /// Everything before was fetched.
    pub(super) seen: i64,
    /// Messages that were not fetched and are known to be there.
    known: Ranges,
    /// Of what lies before, and was not fetched, all messages are known.
    explored: i64,
    /// The log reaches at least to here.
    end: i64,
    /// What this process has sent ends here.
    pub(super) sent: i64,
    /// What lies before was asked to be deleted.
    pub(super) trimmed: i64,
}

impl Part {
    /// Begins anew at a stored position.
    pub(super) fn begin(&mut self, position: Position) {
        let (end, sent) = (self.end, self.sent);
        *self =
            Part { seen: position.next, stored: position.clone(), position, end, sent, ..Part::default() };
    }

    /// Notes that a message was fetched; tells whether it is to be delivered.
    pub(super) fn fetched(&mut self, offset: i64) -> bool {
        if offset < self.seen {
            return false;
        }
        self.seen = offset + 1;
        self.known.drop_below(self.seen);
        !self.position.done.contains(offset)
    }

    /// Notes messages that this process has sent.
    pub(super) fn send(&mut self, start: i64, end: i64) {
        self.end = self.end.max(end);
        self.sent = self.sent.max(end);
        self.known.insert(start.max(self.seen), end);
    }

    /// Notes how far the log reaches, and that what lies before `low` is gone.
    pub(super) fn reaches(&mut self, low: i64, end: i64) {
        self.end = self.end.max(end);
        self.explored = self.explored.max(low);
        self.known.drop_below(low);
    }

    /// Returns the offsets of which it is not known whether they are messages; empty if there are none.
    pub(super) fn unexplored(&self) -> std::ops::Range<i64> {
        self.explored.max(self.seen)..self.end
    }

    /// Takes over what was found when the offsets from `start` to `end` were read.
    pub(super) fn explore(&mut self, start: i64, end: i64, mut found: Ranges) {
        if start > self.explored.max(self.seen) {
            return;
        }
        found.remove(&self.position.done);
        found.drop_below(self.seen);
        for (start, end) in found.iter() {
            self.known.insert(start, end);
        }
        self.explored = self.explored.max(end);
        self.end = self.end.max(end);
    }

    /// Returns how many messages were not fetched: those that are known to be there.
    pub(super) fn coming(&self) -> u64 {
        self.known.count_from(self.seen)
    }

    /// Returns how many more there may be.
    pub(super) fn unknown(&self) -> u64 {
        let unexplored = self.unexplored();
        let length = (unexplored.end - unexplored.start).max(0) as u64;
        length.saturating_sub(self.known.count_from(unexplored.start))
    }

    /// Notes that what is stored of it is now this.
    pub(super) fn settle(&mut self, position: Position) {
        self.stored = position.clone();
        self.position = position;
        self.known.remove(&self.position.done);
        self.known.drop_below(self.position.next);
        self.seen = self.seen.max(self.position.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(i64, i64)]) -> Ranges {
        let mut ranges = Ranges::default();
        for (start, end) in list {
            ranges.insert(*start, *end);
        }
        ranges
    }

    #[test]
    fn a_position_reads_back() {
        for (next, done, received, text) in [
            (0, &[][..], 0, ""),
            (7, &[], 7, ""),
            (7, &[], 12, "5;"),
            (100, &[(103, 105), (110, 111)], 120, "20;3-5,10-11"),
        ] {
            let position = Position { next, done: ranges(done), received };
            assert_eq!(position.metadata(), text);
            assert_eq!(Position::read(next, text), position);
        }
        for foreign in ["hello", "1;2", "1;a-b", "9223372036854775807;", "x;1-2"] {
            let plain = Position { next: 3, done: Ranges::default(), received: 3 };
            assert_eq!(Position::read(3, foreign), plain, "{foreign}");
        }
    }

    #[test]
    fn what_is_known_is_counted_and_the_rest_is_guessed() {
        let mut part = Part::default();
        part.begin(Position { next: 10, done: ranges(&[(12, 13)]), received: 12 });
        assert_eq!((part.coming(), part.unknown()), (0, 0));
        part.reaches(0, 20);
        assert_eq!((part.coming(), part.unknown()), (0, 10));
        // 13 and 18 end transactions.
        part.explore(10, 19, ranges(&[(10, 13), (14, 18)]));
        assert_eq!((part.coming(), part.unknown()), (6, 1));
        part.send(20, 23);
        assert_eq!((part.coming(), part.unknown()), (9, 1));
        assert!(part.fetched(10) && part.fetched(11) && !part.fetched(12) && part.fetched(14));
        assert!(!part.fetched(14), "it comes a second time");
        assert_eq!((part.coming(), part.unknown()), (6, 1));
        part.settle(Position { next: 15, done: ranges(&[(16, 23)]), received: 23 });
        assert_eq!(part.coming(), 1);
    }

    #[test]
    fn what_was_cut_off_is_not_counted() {
        let mut part = Part::default();
        part.send(0, 5);
        part.reaches(4, 6);
        assert_eq!((part.coming(), part.unknown()), (1, 1));
    }
}
