//! Where threads wait for a change of something under a mutex.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a wait without an end comes to.
const LONG: Duration = Duration::from_secs(365 * 86_400);

/// Returns when a wait is over that starts now.
pub(super) fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait.min(LONG)
}

/// A condition variable that costs nothing to ring while nobody waits.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rings: Condvar,
    /// Changed and read under the mutex only.
    waiting: AtomicUsize,
}

impl Bell {
    /// Waits for a ring, at most so long; may also return for no reason.
    pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>, longest: Duration) -> MutexGuard<'a, T> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let (guard, _) = self.rings.wait_timeout(guard, longest).unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        guard
    }

    /// Wakes all who wait; the mutex must be held.
    pub(super) fn ring(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.rings.notify_all();
        }
    }
}
