//! The memory of a bot at the server: its topic, and when it is read.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rdkafka::message::Message;

use super::BrokerError;
use super::admin::Purpose;
use super::memory::{Memory, now};
use super::observer::Scan;
use super::shared::{Shared, lock};

/// What one bot remembers.
pub(super) struct Mind {
    pub(super) topic: String,
    is_made: AtomicBool,
    /// Where what this process has written ends.
    sent: AtomicI64,
    /// `None` until it is read, and again when what was last written is in doubt.
    memory: Mutex<Option<Memory>>,
}

impl Mind {
    /// Notes what a transaction has stored.
    pub(super) fn stored(&self, key: &[u8], value: Option<Vec<u8>>, offset: i64) {
        self.sent.fetch_max(offset + 1, Ordering::SeqCst);
        if let Some(memory) = lock(&self.memory).as_mut() {
            memory.set(key, value);
        }
    }

    /// Forgets what is in memory, so that it is read again.
    pub(super) fn doubt(&self) {
        *lock(&self.memory) = None;
    }

    /// Returns keys that have expired.
    pub(super) fn sweep(&self, count: usize) -> Vec<Vec<u8>> {
        lock(&self.memory).as_mut().map(|memory| memory.sweep(count, now())).unwrap_or_default()
    }
}

impl Shared {
    /// Returns the memory of a bot.
    pub(super) fn mind(&self, bot: &str) -> Result<Arc<Mind>, BrokerError> {
        if let Some(mind) = lock(&self.minds).get(bot) {
            return Ok(mind.clone());
        }
        let long = || self.place.refused(format!("the bot's id {bot:?} is too long for a topic"));
        let topic = self.names.state(bot).ok_or_else(long)?;
        let is_made = self.observer.partitions(&topic)?.is_some();
        let mind = Mind {
            topic,
            is_made: is_made.into(),
            sent: AtomicI64::new(0),
            memory: Mutex::new((!is_made).then(Memory::default)),
        };
        Ok(lock(&self.minds).entry(bot.to_owned()).or_insert_with(|| Arc::new(mind)).clone())
    }

    /// Makes the topic of a memory, if it is missing.
    pub(super) fn make_mind(&self, bot: &str) -> Result<Arc<Mind>, BrokerError> {
        let mind = self.mind(bot)?;
        if !mind.is_made.load(Ordering::SeqCst) {
            self.create(&[&mind.topic], Purpose::State)?;
            mind.is_made.store(true, Ordering::SeqCst);
        }
        Ok(mind)
    }

    /// Looks up what a bot remembers.
    pub(super) fn recall(&self, mind: &Mind, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        let mut memory = lock(&mind.memory);
        if memory.is_none() {
            let mut read = Memory::default();
            let sent = mind.sent.load(Ordering::SeqCst);
            self.scan(Scan { topic: &mind.topic, partition: 0, from: 0, sent }, |message| {
                read.load(message.key().unwrap_or_default(), message.payload());
                true
            })?;
            *memory = Some(read);
        }
        Ok(memory.as_ref().and_then(|memory| memory.get(key, now())).map(<[u8]>::to_vec))
    }
}
