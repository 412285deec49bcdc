//! One bot instance at RabbitMQ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::intake::{Hand, Intake};
use super::memory::Memory;
use super::publisher::Publisher;
use super::settled::Id;
use super::wait::deadline;
use super::{BrokerError, Delivery, Hop, Link, Shared};

/// The link of one instance.
pub(super) struct RabbitLink {
    shared: Arc<Shared>,
    /// The queue it reads, its name, and what it has of it.
    source: Option<(Arc<Intake>, String, Hand)>,
    publisher: Publisher,
    interrupts: u64,
    /// What the last hop with memory finished.
    finished: Vec<Id>,
}

impl RabbitLink {
    /// Connects an instance to its source.
    pub(super) fn new(shared: Arc<Shared>, source: Option<(Arc<Intake>, String)>) -> RabbitLink {
        let source = source.map(|(intake, name)| {
            let hand = intake.join();
            (intake, name, hand)
        });
        let interrupts = shared.interrupts();
        RabbitLink { shared, source, publisher: Publisher::default(), interrupts, finished: Vec::new() }
    }

    /// Tells whether somebody has interrupted since it was asked last.
    fn heard(&mut self) -> bool {
        let interrupts = self.shared.interrupts();
        std::mem::replace(&mut self.interrupts, interrupts) != interrupts
    }

    /// Refuses a hop that cannot be stored, before anything of it is.
    fn check(&mut self, acknowledge: usize) -> Result<(), BrokerError> {
        let held = match &mut self.source {
            Some((intake, _, hand)) => {
                intake.check(&self.shared.incoming, hand)?;
                hand.len()
            }
            None => 0,
        };
        if acknowledge > held {
            let more = acknowledge - held;
            let problem = format!("a hop acknowledges {more} more messages than were received");
            return Err(self.shared.incoming.refused(problem));
        }
        Ok(())
    }
}

impl Link for RabbitLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let deadline = deadline(wait);
        loop {
            let interrupted = self.heard();
            let shared = &self.shared;
            let (signal, seen, got) = match &mut self.source {
                Some((intake, _, hand)) => {
                    let seen = intake.signal.count();
                    let got = intake.receive(shared, hand, max, wait.is_zero())?;
                    (&intake.signal, seen, got)
                }
                None => (&shared.idle, shared.idle.count(), Vec::new()),
            };
            if !got.is_empty() || interrupted || max == 0 || Instant::now() >= deadline {
                return Ok(got);
            }
            // Who interrupts counts first and rings then: one of both is seen.
            if shared.interrupts() == self.interrupts {
                signal.wait(seen, deadline);
            }
        }
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        self.check(hop.acknowledge)?;
        self.publisher.publish(&self.shared, &hop.outgoing)?;
        let mut state = hop.state;
        if let Some((intake, queue, hand)) = &mut self.source
            && hop.acknowledge > 0
            && !state.is_empty()
        {
            // Should this process die before it has acknowledged, what comes again is known to be finished. That of the hop
            // before may be on its way still.
            let now = intake.oldest(hand, hop.acknowledge);
            let before = std::mem::replace(&mut self.finished, now.clone());
            state.push(Memory::finished(queue, hand.slot, &[before, now].concat()));
        }
        if !state.is_empty() {
            self.shared.memory.store(state)?;
        }
        if let Some((intake, _, hand)) = &mut self.source {
            intake.acknowledge(hand, hop.acknowledge);
        }
        self.shared.room.ring();
        Ok(())
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        if let Some((intake, _, hand)) = &mut self.source {
            intake.give_back(hand);
        }
        Ok(())
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.shared.memory.recall(bot, key)
    }
}

impl Drop for RabbitLink {
    fn drop(&mut self) {
        if let Some((intake, _, hand)) = &mut self.source {
            intake.leave(hand);
        }
        self.shared.room.ring();
    }
}
