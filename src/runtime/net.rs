//! The botnet while it runs: its bots in the order in which messages flow, and what they share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::journal::Journal;
use super::log::Logger;
use super::slot::Slot;
use super::switch::Woken;
use crate::bots::Level;
use crate::broker::{Broker, BrokerError, Wiring};
use crate::message::{Idf, Message};

/// The bound of a queue that no bot of this botnet reads.
pub(super) const UNREAD_LIMIT: u64 = 100_000;

/// How long one wait for messages lasts before the worker looks at its switch again.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// The same where a stop that comes just before the wait is not seen by it.
const ROOM_LOOK: Duration = Duration::from_millis(500);

/// The bots, and what they share.
pub(super) struct Net {
    /// In the order in which messages flow: a bot stands before those that read from it.
    pub(super) slots: Vec<Slot>,
    /// The bots in the order of the runtime file.
    pub(super) listed: Vec<usize>,
    /// Which bot reads a queue.
    pub(super) readers: HashMap<Arc<str>, usize>,
    pub(super) broker: Arc<dyn Broker>,
    /// How many messages the queues of bots take that do not run here.
    pub(super) limits: HashMap<String, u64>,
    pub(super) idf: Arc<Idf>,
    pub(super) logger: Arc<Logger>,
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) activity: Arc<Activity>,
}

/// Counts what was committed, and wakes those who wait for more.
#[derive(Debug)]
pub struct Activity {
    count: watch::Sender<u64>,
    /// Hops whose commit has begun and whose counters and dumps are not written yet.
    committing: AtomicUsize,
}

/// Held while a hop commits, so that nobody takes an empty queue for the end of the work.
pub(super) struct Committing<'a>(&'a Activity);

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        self.0.committing.fetch_sub(1, Ordering::SeqCst);
        self.0.bump();
    }
}

impl Default for Activity {
    fn default() -> Self {
        Activity { count: watch::Sender::new(0), committing: AtomicUsize::new(0) }
    }
}

impl Activity {
    /// Counts one thing that happened.
    pub fn bump(&self) {
        self.count.send_modify(|count| *count += 1);
    }

    /// Marks that a hop commits, until the mark is dropped; that counts as one thing that happened.
    pub(super) fn committing(&self) -> Committing<'_> {
        self.committing.fetch_add(1, Ordering::SeqCst);
        Committing(self)
    }

    /// Tells whether some hop commits right now.
    pub(super) fn is_committing(&self) -> bool {
        self.committing.load(Ordering::SeqCst) > 0
    }

    /// Returns how much has happened.
    pub fn count(&self) -> u64 {
        *self.count.borrow()
    }

    /// Returns a receiver that learns of every change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }
}

impl Net {
    pub(super) fn log(&self, slot: &Slot, level: Level, text: &str) {
        if level >= slot.rules.level {
            self.logger.log(&slot.id, level, text);
        }
    }

    /// Returns a message as the broker stores it.
    pub(super) fn body(&self, message: &Message) -> Vec<u8> {
        if self.broker.packs() { message.to_packed() } else { message.to_wire().into_bytes() }
    }

    pub(super) fn wiring(&self, index: usize) -> Wiring {
        self.slots[index].wiring()
    }

    /// Returns the ids of the bots in the order in which messages flow.
    pub(super) fn ids(&self) -> Vec<String> {
        self.slots.iter().map(|slot| slot.id.to_string()).collect()
    }

    /// Lists the queues in the order of the runtime file, each with the bot that reads it.
    pub(super) fn listed_queues(&self) -> Vec<(String, Option<String>)> {
        let mut queues: Vec<(String, Option<String>)> = Vec::new();
        let mut add = |name: &str| {
            if !queues.iter().any(|(known, _)| known == name) {
                let reader = self.readers.get(name).map(|&index| self.slots[index].id.to_string());
                queues.push((name.to_owned(), reader));
            }
        };
        for &index in &self.listed {
            let slot = &self.slots[index];
            slot.source.iter().chain(slot.destinations()).for_each(|queue| add(queue));
        }
        queues
    }

    /// Returns how many messages a queue takes.
    pub(super) fn limit(&self, queue: &str) -> u64 {
        let here = self.readers.get(queue).map(|&reader| self.slots[reader].rules.queue_limit);
        here.or_else(|| self.limits.get(queue).copied()).unwrap_or(UNREAD_LIMIT)
    }

    /// Tells whether every queue that a bot may send to takes more messages.
    pub(super) fn has_room(&self, index: usize) -> Result<bool, BrokerError> {
        for queue in self.slots[index].destinations() {
            if self.broker.depth(queue)?.total() >= self.limit(queue) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until every queue that a bot may send to takes more messages, or it shall stop.
    pub(super) fn wait_for_room(&self, index: usize) -> Result<Woken, BrokerError> {
        let slot = &self.slots[index];
        for queue in slot.destinations() {
            while !self.broker.wait_for_room(queue, self.limit(queue), ROOM_LOOK)? {
                if slot.switch.stopping() {
                    return Ok(Woken::Stop);
                }
            }
        }
        Ok(if slot.switch.stopping() { Woken::Stop } else { Woken::Ready })
    }
}
