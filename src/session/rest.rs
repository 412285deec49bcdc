//! Waits until the botnet has come to rest, and says what was still busy if it did not.

use std::time::{Duration, Instant};

use super::SessionError;
use super::event::Kind;
use super::steps::Steps;
use super::teller::{Tell, milliseconds};
use crate::playbook::Step;
use crate::runtime::control::{BotStatus, Snapshot};

/// How long the botnet may take to come to rest before a step and between its actions.
const SETTLE: Duration = Duration::from_secs(10);

impl Steps<'_> {
    /// Waits until the botnet is idle in two equal snapshots, and returns what is to be seen then.
    ///
    /// When the time is over it goes on nevertheless, and tells what was still busy.
    pub(super) fn settle(
        &mut self,
        step: &Step,
        when: &str,
        tell: Tell<'_>,
    ) -> Result<Snapshot, SessionError> {
        self.settle_within(SETTLE, step, when, tell)
    }

    /// The same with another time.
    pub(super) fn settle_within(
        &mut self,
        limit: Duration,
        step: &Step,
        when: &str,
        tell: Tell<'_>,
    ) -> Result<Snapshot, SessionError> {
        let began = Instant::now();
        let pulse = Pulse::new();
        let mut snapshot = self.client.snapshot()?;
        loop {
            self.world.go_on()?;
            if snapshot.idle {
                let again = self.client.snapshot()?;
                if still(&snapshot, &again) {
                    return Ok(again);
                }
                snapshot = again;
            }
            if began.elapsed() >= limit {
                tell(Kind::StillBusy {
                    step: step.id.value.clone(),
                    when: when.to_owned(),
                    waited_ms: milliseconds(began),
                    busy: busy(&snapshot),
                });
                return Ok(snapshot);
            }
            snapshot = self.client.snapshot_after(snapshot.activity, pulse.beat())?;
        }
    }
}

/// Tells whether nothing happened between two snapshots, and nothing was happening.
pub(super) fn still(before: &Snapshot, after: &Snapshot) -> bool {
    after.idle && after.activity == before.activity && after.revision == before.revision
}

/// Says in words what keeps a botnet from being idle.
pub(super) fn busy(snapshot: &Snapshot) -> String {
    let words: Vec<String> =
        snapshot.bots.iter().filter(|bot| bot.busy).map(|bot| of_bot(bot, snapshot)).collect();
    match (words.is_empty(), snapshot.idle) {
        (false, _) => words.join("; "),
        (true, false) => "something is being stored".to_owned(),
        (true, true) => "something happens again and again".to_owned(),
    }
}

fn of_bot(bot: &BotStatus, snapshot: &Snapshot) -> String {
    let error = bot.last_error.as_ref().map(|error| format!(" (last error: {error})")).unwrap_or_default();
    let queue = snapshot.queues.iter().find(|queue| queue.reader.as_ref() == Some(&bot.id));
    match queue.map(|queue| (&queue.name, queue.waiting + queue.in_flight)) {
        Some((_, 0)) => format!("{} is at work{error}", bot.id),
        Some((name, 1)) => format!("{} has a message in {name}{error}", bot.id),
        Some((name, messages)) => format!("{} has {messages} messages in {name}{error}", bot.id),
        None => format!("{} is in its round{error}", bot.id),
    }
}

/// How long the control service may wait for something to happen before it answers anyway.
///
/// Not everything that a check looks at counts as activity, so the waits are short at first.
pub(super) struct Pulse {
    began: Instant,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Pulse { began: Instant::now() }
    }

    pub(super) fn beat(&self) -> Duration {
        (self.began.elapsed() / 20).clamp(Duration::from_millis(2), Duration::from_millis(50))
    }
}
