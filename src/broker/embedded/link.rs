//! One bot instance at the embedded broker.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

use super::bell::deadline;
use super::hop::{Effects, Witness};
use super::queue::{Place, Segment};
use super::{BrokerError, Delivery, Failed, Hop, Link, Shared, lock, state};

/// How many bytes one receive returns, give or take the last message.
const BATCH_BYTES: usize = 4 << 20;

/// The link of one instance.
pub(super) struct EmbeddedLink {
    shared: Arc<Shared>,
    source: Option<u32>,
    /// What was received and not acknowledged, in order.
    leases: VecDeque<Segment>,
    interrupts: u64,
    bot: Option<(String, u32)>,
    unsure: Option<Unsure>,
}

/// A hop of which nobody knows whether it is in the store, because the disk failed at the wrong moment.
struct Unsure {
    witness: Witness,
    effects: Effects,
    hop: u128,
}

impl EmbeddedLink {
    /// Connects an instance to its source.
    pub(super) fn new(shared: Arc<Shared>, source: Option<u32>, interrupts: u64) -> EmbeddedLink {
        EmbeddedLink { shared, source, leases: VecDeque::new(), interrupts, bot: None, unsure: None }
    }

    /// Waits for messages and takes them; also returns the place from which on they were never received before.
    fn lease(&mut self, max: usize, wait: Duration) -> (Vec<Segment>, Place) {
        let deadline = deadline(wait);
        let mut queues = lock(&self.shared.queues);
        loop {
            let (leased, new, bell) = match self.source {
                Some(source) => {
                    let queue = queues.get(source);
                    (queue.lease(max), queue.received, &queue.arrival)
                }
                None => (Vec::new(), Place::default(), &self.shared.idle),
            };
            let bell = bell.clone();
            let interrupted = queues.interrupts != self.interrupts;
            self.interrupts = queues.interrupts;
            let left = deadline.saturating_duration_since(Instant::now());
            if !leased.is_empty() || interrupted || left.is_zero() || max == 0 {
                return (leased, new);
            }
            queues = bell.wait(queues, left);
        }
    }

    /// Reads leased messages until there are enough bytes, and gives the others back.
    fn collect(
        &mut self,
        source: u32,
        leased: Vec<Segment>,
        new: Place,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let mut deliveries = Vec::new();
        let mut room = BATCH_BYTES;
        let mut problem = None;
        for lease in leased {
            let bodies = if room == 0 { Ok(Some(Vec::new())) } else { self.shared.read(source, lease, room) };
            let bodies = match bodies {
                Ok(Some(bodies)) => bodies,
                Ok(None) => {
                    lock(&self.shared.queues).get(source).acknowledge(lease);
                    continue;
                }
                Err(error) => {
                    (room, problem) = (0, Some(error));
                    Vec::new()
                }
            };
            let kept = self.shared.keep(source, lease, bodies.len());
            for (index, body) in (kept.start..).zip(bodies) {
                room = room.saturating_sub(body.len().max(1));
                deliveries.push(Delivery { body, redelivered: (kept.chunk, index) < new });
            }
            if kept.len() > 0 {
                self.leases.push_back(kept);
            }
            if kept != lease {
                room = 0;
            }
        }
        match problem {
            Some(error) if deliveries.is_empty() => Err(error),
            _ => Ok(deliveries),
        }
    }

    /// Returns the oldest deliveries, for a hop that acknowledges so many.
    fn oldest(&self, mut count: usize) -> Result<Vec<Segment>, BrokerError> {
        let mut oldest = Vec::new();
        for mut lease in self.leases.iter().copied() {
            if count == 0 {
                break;
            }
            let part = lease.take(count);
            count -= part.len();
            oldest.push(part);
        }
        if count > 0 {
            let problem = format!("a hop acknowledges {count} more messages than were received");
            return Err(self.shared.store.refused(problem));
        }
        Ok(oldest)
    }

    /// Forgets what is acknowledged, which is the front of what was received.
    fn forget(&mut self, effects: &Effects) {
        for (_, segment) in &effects.gone {
            if let Some(front) = self.leases.front_mut() {
                front.take(segment.len());
                if front.len() == 0 {
                    self.leases.pop_front();
                }
            }
        }
    }

    /// Finds out what became of a hop that failed at the wrong moment; returns it if it is stored after all.
    fn settle(&mut self) -> Result<Option<u128>, BrokerError> {
        let Some(unsure) = &self.unsure else { return Ok(None) };
        let stored = unsure.witness.ask(&self.shared.store)?;
        let Some(unsure) = self.unsure.take() else { return Ok(None) };
        if stored {
            self.shared.publish(&unsure.effects);
            self.forget(&unsure.effects);
        }
        Ok(stored.then_some(unsure.hop))
    }
}

impl Link for EmbeddedLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.settle()?;
        let (leased, new) = self.lease(max, wait);
        match self.source {
            Some(source) if !leased.is_empty() => self.collect(source, leased, new),
            _ => Ok(Vec::new()),
        }
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        if self.settle()?.is_some_and(|stored| stored == fingerprint(&hop)) {
            return Ok(());
        }
        let gone = self.oldest(hop.acknowledge)?;
        let gone = self.source.into_iter().cycle().zip(gone).collect();
        match self.shared.commit(&hop, gone) {
            Ok(effects) => {
                self.forget(&effects);
                Ok(())
            }
            Err(Failed { error, doubt: None }) => Err(error),
            Err(Failed { error, doubt: Some((witness, effects)) }) => {
                self.unsure = Some(Unsure { witness, effects, hop: fingerprint(&hop) });
                match self.settle() {
                    Ok(Some(_)) => Ok(()),
                    _ => Err(error),
                }
            }
        }
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        self.settle()?;
        let mut queues = lock(&self.shared.queues);
        for (source, lease) in self.source.into_iter().cycle().zip(self.leases.drain(..)) {
            queues.get(source).give_back(lease, 0);
        }
        Ok(())
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.settle()?;
        let number = match &self.bot {
            Some((name, number)) if name == bot => *number,
            _ => {
                let Some(number) = lock(&self.shared.bots).get(bot) else { return Ok(None) };
                self.bot = Some((bot.to_owned(), number));
                number
            }
        };
        let key = state::key(number, key);
        self.shared.store.read(|snapshot| {
            let entry = snapshot.state.get(key.as_slice())?;
            Ok(entry.and_then(|entry| state::living(entry.value(), state::now()).map(<[u8]>::to_vec)))
        })
    }
}

impl Drop for EmbeddedLink {
    fn drop(&mut self) {
        let _ = self.settle();
        let _ = self.release();
    }
}

fn fingerprint(hop: &Hop) -> u128 {
    let mut hash = Xxh3::new();
    hop.hash(&mut hash);
    hash.digest128()
}
