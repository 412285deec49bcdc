//! Tells a worker to stop or to hurry, and lets it rest until then.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The switch of one bot; its workers look at it between hops and rest on it.
#[derive(Debug, Default)]
pub(super) struct Switch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is set and cleared for itself")]
struct State {
    stop: bool,
    hurry: bool,
    /// Whether a collector's own thread has something for it.
    rung: bool,
    /// Whether a collector rests until it is rung for, however long that takes.
    listening: bool,
    /// When the next round of a collector is due; `None` means at once.
    due: Option<Instant>,
    resting: bool,
    /// Whether a collector that failed rests before it tries again.
    retrying: bool,
}

/// Why a rest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The time is over, or somebody asked for the next round now.
    Ready,
    /// A collector's own thread has something for it.
    Rung,
    /// The worker shall stop.
    Stop,
}

/// The longest rest; a parameter may ask for more than the clock can count.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

fn after(rest: Duration) -> Instant {
    Instant::now() + rest.min(LONGEST)
}

impl Switch {
    /// Tells workers to stop after the message in hand.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Lets workers run again; called before they are started.
    pub(super) fn arm(&self) {
        self.lock().stop = false;
    }

    /// Tells whether workers shall stop.
    pub(super) fn stopping(&self) -> bool {
        self.lock().stop
    }

    /// Ends the rest of a collector, or makes it go on without one after the round in hand.
    pub(super) fn hurry(&self) {
        self.lock().hurry = true;
        self.changed.notify_all();
    }

    /// Has a collector called again after the portion in hand.
    pub(super) fn ring(&self) {
        self.lock().rung = true;
        self.changed.notify_all();
    }

    /// Forgets that a collector was rung for; called before it is, so that it finds what it was rung for.
    pub(super) fn heard(&self) {
        self.lock().rung = false;
    }

    /// Begins the rest of a collector after a round, until the next is due.
    pub(super) fn begin_rest(&self, rest: Duration) {
        let mut state = self.lock();
        state.due = Some(after(rest));
        state.resting = true;
    }

    /// Begins the rest of a collector that is called when it is rung for.
    pub(super) fn listen(&self) {
        let mut state = self.lock();
        state.due = None;
        state.listening = true;
        state.resting = true;
    }

    /// Waits until a collector is rung for in the middle of a round, or shall stop.
    pub(super) fn wait_for_ring(&self) -> Woken {
        let mut state = self.lock();
        loop {
            if state.stop {
                return Woken::Stop;
            }
            if state.rung {
                return Woken::Rung;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells whether a collector rests after a round or before another try, and nobody asked for the next.
    pub(super) fn resting(&self) -> bool {
        let state = self.lock();
        (state.resting || state.retrying) && !state.hurry && !(state.listening && state.rung)
    }

    /// Tells whether a collector that failed rests before it tries again.
    pub(super) fn retrying(&self) -> bool {
        self.lock().retrying
    }

    /// Lets a collector that failed rest before it tries again, until the time is over, somebody hurries it, or it shall stop.
    pub(super) fn rest_before_retry(&self, time: Duration) -> Woken {
        let until = after(time);
        let mut state = self.lock();
        let woken = loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.stop {
                break Woken::Stop;
            }
            if state.hurry || left.is_zero() {
                break Woken::Ready;
            }
            state.retrying = true;
            state = self.wait(state, left);
        };
        state.retrying = false;
        state.hurry = false;
        woken
    }

    /// Returns when the next round is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.lock().due
    }

    /// Takes over when the next round is due from an earlier run of the same collector.
    pub(super) fn set_due(&self, due: Option<Instant>) {
        self.lock().due = due;
    }

    /// Rests for a time; only a stop ends it early.
    pub(super) fn pause(&self, time: Duration) -> Woken {
        let until = after(time);
        let mut state = self.lock();
        loop {
            if state.stop {
                return Woken::Stop;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Woken::Ready;
            }
            state = self.wait(state, left);
        }
    }

    /// Rests until the next round of a collector is due, or what it listens for rings, somebody hurries it, or it shall stop.
    ///
    /// A thread that fetched something may ring once more when the round is over: that is no reason to begin the next.
    pub(super) fn rest(&self) -> Woken {
        let mut state = self.lock();
        loop {
            let left = match state.due {
                _ if state.listening => None,
                due => Some(due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()))),
            };
            let woken = match left {
                _ if state.stop => Woken::Stop,
                _ if state.hurry => Woken::Ready,
                Some(Duration::ZERO) => Woken::Ready,
                None if state.rung => Woken::Rung,
                left => {
                    state.resting = true;
                    state = match left {
                        Some(left) => self.wait(state, left),
                        None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                    };
                    continue;
                }
            };
            if woken == Woken::Ready {
                state.hurry = false;
            }
            state.listening = false;
            state.resting = false;
            return woken;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_listens_is_woken_by_a_ring() {
        let switch = Switch::default();
        switch.begin_rest(Duration::from_millis(20));
        switch.ring();
        assert!(switch.resting());
        assert_eq!(switch.rest(), Woken::Ready);
        switch.listen();
        switch.ring();
        assert!(!switch.resting());
        assert_eq!(switch.rest(), Woken::Rung);
    }
}
