//! Where messages wait between bots.
//!
//! A broker works in batches, and its central verb is *commit*: these outgoing messages, these acknowledgements and this
//! state, together or not at all. It carries bytes; what they mean is the runtime's affair.

#[cfg(test)]
mod contract;
mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;
mod prefixed;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
mod redis;
mod redis_cache;
mod registry;
mod routes;
mod side;
mod url;

use std::sync::Arc;
use std::time::Duration;

pub use embedded::{Embedded, Options, SyncMode};
#[cfg(feature = "kafka")]
pub use kafka::{Kafka, KafkaOptions};
pub use redis_cache::{CacheAddress, CacheWrite, RedisCache};
pub use registry::{BROKERS, BrokerKind, ChoiceError, Member, PREFIX, Settings, choose};
pub use routes::{Party, RouteError, Routes};
pub use side::Side;
pub use url::{Url, UrlError};

/// How one instance of a bot is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    /// The bot's id; names its state.
    pub bot: String,
    /// The queue it reads; collectors have none.
    pub source: Option<String>,
    /// The queues it may send to.
    pub destinations: Vec<String>,
}

/// A message that was received and is not acknowledged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message as it was sent.
    pub body: Vec<u8>,
    /// Whether it was delivered before, to a bot that did not acknowledge it.
    pub redelivered: bool,
}

/// Everything that one step of a bot does, to be stored together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hop {
    /// Messages for queues, in order.
    pub outgoing: Vec<Outgoing>,
    /// How many of the oldest unacknowledged deliveries of this link are finished.
    pub acknowledge: usize,
    /// What bots remember from now on.
    pub state: Vec<StateEntry>,
}

/// A message on its way to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The queue's name.
    pub queue: Arc<str>,
    /// The message in its wire form.
    pub body: Vec<u8>,
}

/// One thing that a bot remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// The bot; state of different bots never meets.
    pub bot: Arc<str>,
    /// The key.
    pub key: Vec<u8>,
    /// The value; `None` forgets the key.
    pub value: Option<Vec<u8>>,
    /// How long it is kept; `None` is for ever.
    pub ttl: Option<Duration>,
}

/// What may become of messages when a process or a server dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// A hop is stored whole or not at all: nothing is lost, nothing doubled.
    ExactlyOnce,
    /// The messages of a hop are stored before those that came in are acknowledged: nothing is lost, and what was in flight
    /// may come twice. What the server only sent ahead may be marked as redelivered.
    AtLeastOnce,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that nobody has received.
    pub waiting: u64,
    /// Messages that were received and are not acknowledged.
    pub in_flight: u64,
}

impl Depth {
    /// Returns all messages of the queue.
    pub fn total(self) -> u64 {
        self.waiting + self.in_flight
    }
}

/// Why a broker could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    /// The store or the server cannot be reached or refuses; trying again may help.
    #[error("{broker}: {problem}")]
    Unavailable {
        /// Which broker, and where it is.
        broker: String,
        /// What went wrong.
        problem: String,
    },
    /// It will never work like this: wrong password, damaged store, a second owner.
    #[error("{broker}: {problem}")]
    Refused {
        /// Which broker, and where it is.
        broker: String,
        /// What went wrong, and what to do.
        problem: String,
    },
}

/// A place for statistics, with what the names of bots begin with there.
pub struct Statistics {
    /// Where they are written.
    pub server: RedisCache,
    /// Stands before the names of bots.
    pub prefix: String,
}

/// A place where queues are.
pub trait Broker: Send + Sync {
    /// Connects one instance of a bot.
    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError>;

    /// Returns how full a queue is; an unknown queue is empty.
    fn depth(&self, queue: &str) -> Result<Depth, BrokerError>;

    /// Returns the oldest messages of a queue without receiving them, those in flight first.
    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError>;

    /// Removes the waiting messages of a queue and returns how many there were.
    fn clear(&self, queue: &str) -> Result<u64, BrokerError>;

    /// Lists the queues that hold messages, sorted.
    fn queues(&self) -> Result<Vec<String>, BrokerError>;

    /// Tells what may become of messages when a process or a server dies.
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    /// Tells whether a commit waits for the disk; whoever writes files beside it then does so too.
    fn syncs(&self) -> bool {
        false
    }

    /// Tells whether one link stores a hop of several bots whole, so that they may hand messages on within a process.
    fn hands_on(&self) -> bool {
        true
    }

    /// Tells whether messages may be stored packed, which only this program reads.
    fn packs(&self) -> bool {
        false
    }

    /// Tells whether recalling something asks a server, so that many things are better recalled at once.
    fn recalls_afar(&self) -> bool {
        false
    }

    /// Removes every queue and all memory of bots whose names begin so. Nobody may be linked to them.
    ///
    /// What a broker cannot find by its name alone stays.
    fn erase(&self, prefix: &str) -> Result<(), BrokerError> {
        for queue in self.queues()?.iter().filter(|queue| queue.starts_with(prefix)) {
            self.clear(queue)?;
        }
        Ok(())
    }

    /// Returns where the statistics of bots are written beside the queues, if there is such a place.
    fn statistics(&self) -> Option<Statistics> {
        None
    }

    /// Wakes everyone who waits in [`Link::receive`] or [`Broker::wait_for_room`], so that they look whether they shall stop.
    ///
    /// A link that does not wait now returns at once from its next [`Link::receive`] that would wait.
    fn interrupt(&self);

    /// Waits until a queue holds fewer than `limit` messages, at most so long; returns whether it does.
    ///
    /// Returns early, with what is true then, when everyone is interrupted.
    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError>;
}

/// One instance's connection to its queues.
///
/// Dropping a link gives its unacknowledged deliveries back to the front of the queue.
pub trait Link: Send {
    /// Receives up to `max` messages, waiting up to `wait` for the first; returns what is there, oldest first.
    ///
    /// What was received before and not acknowledged stays in flight and is not delivered again to this link.
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError>;

    /// Stores a hop: all of it, or nothing.
    ///
    /// After an error it may be stored all the same. [`Link::release`] and [`Link::receive`] then know: what it acknowledged
    /// does not come again.
    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError>;

    /// Gives every unacknowledged delivery back to the front of the queue, in order.
    fn release(&mut self) -> Result<(), BrokerError>;

    /// Returns what a bot remembers under a key and has not expired.
    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError>;

    /// Does so for several keys, in their order; a server is asked once.
    fn recall_many(&mut self, bot: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BrokerError> {
        keys.iter().map(|key| self.recall(bot, key)).collect()
    }
}
