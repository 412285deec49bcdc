//! What each bot counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The counters of one bot since it was first started in this process.
#[derive(Debug, Default)]
pub(super) struct Counters {
    received: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    rounds: AtomicU64,
    sent: Mutex<BTreeMap<String, u64>>,
    last_error: Mutex<Option<String>>,
}

/// What one hop adds to the counters of a bot.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Messages that were finished.
    pub(super) received: u64,
    /// Messages that were dropped on purpose.
    pub(super) dropped: u64,
    /// Messages and rows that were given up.
    pub(super) failed: u64,
    /// Messages that were sent, by the number of the path.
    pub(super) sent: Vec<u64>,
}

impl Counters {
    /// Adds what one hop did; `paths` names the paths that the tally counts by number.
    pub(super) fn add(&self, tally: &Tally, paths: &[String]) {
        self.received.fetch_add(tally.received, Ordering::Relaxed);
        self.dropped.fetch_add(tally.dropped, Ordering::Relaxed);
        self.failed.fetch_add(tally.failed, Ordering::Relaxed);
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, count) in paths.iter().zip(&tally.sent) {
            match sent.get_mut(path) {
                Some(total) => *total += count,
                None => drop(sent.insert(path.clone(), *count)),
            }
        }
    }

    /// Counts a finished round of a collector.
    pub(super) fn add_round(&self) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes an error for those who ask what is wrong.
    pub(super) fn note_error(&self, error: &str) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_owned());
    }

    /// Returns received, dropped, failed and rounds.
    pub(super) fn totals(&self) -> (u64, u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.received), read(&self.dropped), read(&self.failed), read(&self.rounds))
    }

    /// Returns messages sent by path.
    pub(super) fn sent(&self) -> BTreeMap<String, u64> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the last error.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
