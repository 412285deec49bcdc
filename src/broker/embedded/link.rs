//! One bot instance at the embedded broker.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bell::deadline;
use super::held::Held;
use super::queue::{Place, Segment};
use super::{BrokerError, Delivery, Hop, Link, Shared, lock, state};

/// How many bytes one receive returns, give or take the last message.
const BATCH_BYTES: usize = 4 << 20;

/// The link of one instance.
pub(super) struct EmbeddedLink {
    shared: Arc<Shared>,
    held: Held,
    interrupts: u64,
    /// The bot that was asked for last, and its number.
    bot: Option<(String, u32)>,
}

impl EmbeddedLink {
    /// Connects an instance to its source.
    pub(super) fn new(shared: Arc<Shared>, source: Option<u32>, interrupts: u64) -> EmbeddedLink {
        EmbeddedLink { shared, held: Held::new(source), interrupts, bot: None }
    }

    /// Waits for messages and takes them; also returns the place from which on they were never received before.
    fn lease(&mut self, max: usize, wait: Duration) -> (Vec<Segment>, Place) {
        let deadline = deadline(wait);
        let mut queues = lock(&self.shared.queues);
        loop {
            let (leased, new, bell) = match self.held.source {
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
                self.held.push(kept);
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
}

impl Link for EmbeddedLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.held.settle(&self.shared)?;
        let (leased, new) = self.lease(max, wait);
        match self.held.source {
            Some(source) if !leased.is_empty() => self.collect(source, leased, new),
            _ => Ok(Vec::new()),
        }
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        self.held.settle(&self.shared)?;
        self.held.commit(&self.shared, &hop)
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        self.held.settle(&self.shared)?;
        self.held.release(&self.shared);
        Ok(())
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.held.settle(&self.shared)?;
        let number = match &self.bot {
            Some((name, number)) if name == bot => *number,
            _ => {
                let Some(number) = lock(&self.shared.bots).get(bot) else { return Ok(None) };
                self.bot = Some((bot.to_owned(), number));
                number
            }
        };
        self.shared.recall(&state::key(number, key))
    }
}

impl Drop for EmbeddedLink {
    fn drop(&mut self) {
        self.shared.part(mem::take(&mut self.held));
    }
}
