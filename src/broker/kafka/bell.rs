//! Where threads wait for what other threads and the client's own ones do.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a wait without an end comes to.
const LONG: Duration = Duration::from_secs(365 * 86_400);

/// Returns when a wait is over that starts now.
pub(super) fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait.min(LONG)
}

/// Counts what happened. Who looks at the count before he looks at the world misses nothing.
#[derive(Debug, Default)]
pub(super) struct Bell {
    count: Mutex<u64>,
    rings: Condvar,
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how often it rang.
    pub(super) fn count(&self) -> u64 {
        *self.lock()
    }

    /// Wakes all who wait.
    pub(super) fn ring(&self) {
        *self.lock() += 1;
        self.rings.notify_all();
    }

    /// Waits until it has rung more than `seen` times, or the time is over.
    pub(super) fn wait(&self, seen: u64, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let guard = self.rings.wait_timeout_while(self.lock(), left, |count| *count == seen);
        drop(guard.unwrap_or_else(PoisonError::into_inner));
    }
}
