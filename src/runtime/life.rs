//! What a bot does at the moment, made up of what each of its instances does.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::control::BotState;

/// The state of one bot.
#[derive(Debug, Default)]
pub(super) struct Life {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    state: BotState,
    /// Instances that are on their way up.
    rising: usize,
    /// Instances that have not ended.
    living: usize,
    /// Whether one of them did all it had to do.
    finished: bool,
}

impl Default for Inner {
    fn default() -> Self {
        Inner { state: BotState::Stopped, rising: 0, living: 0, finished: false }
    }
}

impl Life {
    pub(super) fn state(&self) -> BotState {
        self.lock().state
    }

    pub(super) fn set(&self, state: BotState) {
        self.change(|inner| inner.state = state);
    }

    /// The bot is on its way up, with so many instances.
    pub(super) fn begin(&self, instances: usize) {
        self.change(|inner| {
            *inner =
                Inner { state: BotState::Starting, rising: instances, living: instances, finished: false };
        });
    }

    /// One instance is up; the bot runs when all are.
    pub(super) fn came_up(&self) {
        self.change(|inner| {
            inner.rising = inner.rising.saturating_sub(1);
            if inner.state == BotState::Starting && inner.rising == 0 {
                inner.state = BotState::Running;
            }
        });
    }

    /// One instance did all it had to do, and will end.
    pub(super) fn finish(&self) {
        self.change(|inner| inner.finished = true);
    }

    /// One instance has ended; with the last one the bot has.
    pub(super) fn ended(&self) {
        self.change(|inner| {
            inner.living = inner.living.saturating_sub(1);
            if inner.living == 0 && matches!(inner.state, BotState::Starting | BotState::Running) {
                inner.state = if inner.finished { BotState::Finished } else { BotState::Stopped };
            }
        });
    }

    /// Waits until the bot is in another state, or the deadline is over.
    pub(super) fn wait_while(&self, unwanted: BotState, deadline: Instant) {
        let mut inner = self.lock();
        while inner.state == unwanted {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until every instance has ended; tells whether that was before the deadline.
    pub(super) fn wait_for_end(&self, deadline: Instant) -> bool {
        let mut inner = self.lock();
        while inner.living > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_that_of_all_instances_together() {
        use BotState::{Failed, Finished, Running, Starting, Stopped};
        // Of two instances: u comes up, e ends, d did its work, f fails.
        for (story, states) in [
            ("uuee", &[Starting, Running, Running, Stopped][..]),
            ("uudee", &[Starting, Running, Running, Running, Finished]),
            ("ufueue", &[Starting, Failed, Failed, Failed, Failed, Failed]),
            ("ueue", &[Starting, Starting, Running, Stopped]),
            ("ee", &[Starting, Stopped]),
        ] {
            let life = Life::default();
            life.begin(2);
            let mut seen = Vec::new();
            for step in story.chars() {
                match step {
                    'u' => life.came_up(),
                    'e' => life.ended(),
                    'd' => life.finish(),
                    _ => life.set(Failed),
                }
                seen.push(life.state());
            }
            assert_eq!(seen, states, "{story}");
        }
    }
}
