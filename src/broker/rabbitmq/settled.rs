//! Which messages are finished, although the server may not know it yet.
//!
//! An acknowledgement has no answer. When the connection is lost behind it, or the process dies between storing what bots
//! remember and acknowledging, the server sends finished messages again. Each message of ours has a number of its own, by
//! which it is known then.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of a message.
pub(super) type Id = u128;

/// How many numbers are kept of each queue: more than are on their way at any time.
const KEPT: usize = 4096;

/// Numbers the messages of this process.
#[derive(Debug)]
pub(super) struct Ids {
    process: u64,
    next: AtomicU64,
}

impl Ids {
    /// Starts anew, with numbers that nobody else has.
    pub(super) fn new() -> Ids {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        Ids { process: hasher.finish(), next: AtomicU64::new(1) }
    }

    /// Returns the next number as text.
    pub(super) fn next(&self) -> String {
        format!("{:016x}{:016x}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Reads a number; what others write there is none.
pub(super) fn read(text: &str) -> Option<Id> {
    (text.len() == 32).then(|| Id::from_str_radix(text, 16).ok()).flatten()
}

/// The messages of one queue that are finished.
#[derive(Debug, Default)]
pub(super) struct Settled {
    ids: HashSet<Id>,
    order: VecDeque<Id>,
}

impl Settled {
    /// Adds messages; forgets the oldest.
    pub(super) fn add(&mut self, ids: impl IntoIterator<Item = Id>) {
        for id in ids {
            if self.ids.insert(id) {
                self.order.push_back(id);
            }
        }
        while self.order.len() > KEPT {
            self.order.pop_front().map(|id| self.ids.remove(&id));
        }
    }

    /// Tells whether a message is finished.
    pub(super) fn holds(&self, id: Id) -> bool {
        self.ids.contains(&id)
    }
}

/// Writes numbers as they are stored.
pub(super) fn stored(ids: &[Id]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_be_bytes()).collect()
}

/// Reads stored numbers.
pub(super) fn load(bytes: &[u8]) -> impl Iterator<Item = Id> {
    let (ids, _) = bytes.as_chunks();
    ids.iter().map(|id| Id::from_be_bytes(*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_what_others_write() {
        let ids = Ids::new();
        let (first, second) = (ids.next(), ids.next());
        assert_eq!(read(&first).map(|id| id + 1), read(&second));
        assert_ne!(Ids::new().next(), first);
        for other in ["", "1", "5f9e2c1a-7a0b-4c33-9c54-2f1de0c9a001", &"x".repeat(32)] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut settled = Settled::default();
        settled.add(0..10);
        settled.add(5..KEPT as Id + 8);
        let held = [7, 8, 9, KEPT as Id + 7, KEPT as Id + 8].map(|id| settled.holds(id));
        assert_eq!(held, [false, true, true, true, false]);
        let numbers = [0, 7, Id::MAX];
        assert!(load(&stored(&numbers)).eq(numbers));
    }
}
