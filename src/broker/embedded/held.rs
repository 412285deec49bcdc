//! What one instance has in hand: deliveries that it has not acknowledged, and perhaps a hop with an unknown end.

use std::collections::VecDeque;

use super::hop::{Effects, Witness};
use super::queue::Segment;
use super::{BrokerError, Failed, Hop, Shared, lock};

/// What an instance has in hand.
#[derive(Default)]
pub(super) struct Held {
    /// The queue it reads.
    pub(super) source: Option<u32>,
    /// What was received and not acknowledged, in order.
    leases: VecDeque<Segment>,
    /// A hop of which nobody knows whether it is in the store, because the disk failed at the wrong moment.
    unsure: Option<(Witness, Effects)>,
}

impl Held {
    /// Returns an empty hand.
    pub(super) fn new(source: Option<u32>) -> Held {
        Held { source, ..Held::default() }
    }

    /// Adds deliveries.
    pub(super) fn push(&mut self, lease: Segment) {
        self.leases.push_back(lease);
    }

    /// Stores a hop.
    pub(super) fn commit(&mut self, shared: &Shared, hop: &Hop) -> Result<(), BrokerError> {
        let gone = self.oldest(shared, hop.acknowledge)?;
        match shared.commit(hop, gone) {
            Ok(effects) => {
                self.forget(&effects);
                Ok(())
            }
            Err(Failed { error, doubt: None }) => Err(error),
            Err(Failed { error, doubt: Some(doubt) }) => {
                self.unsure = Some(doubt);
                match self.settle(shared) {
                    Ok(true) => Ok(()),
                    _ => Err(error),
                }
            }
        }
    }

    /// Finds out what became of a hop with an unknown end, if there is one; tells whether it is stored.
    pub(super) fn settle(&mut self, shared: &Shared) -> Result<bool, BrokerError> {
        let Some((witness, _)) = &self.unsure else { return Ok(false) };
        let stored = witness.ask(&shared.store)?;
        if let Some((_, effects)) = self.unsure.take().filter(|_| stored) {
            shared.publish(&effects);
            self.forget(&effects);
        }
        Ok(stored)
    }

    /// Gives everything back to the front of the queue.
    pub(super) fn release(&mut self, shared: &Shared) {
        let Some(source) = self.source else { return };
        let mut queues = lock(&shared.queues);
        for lease in self.leases.drain(..) {
            queues.get(source).give_back(lease, 0);
        }
    }

    /// Returns the oldest deliveries, for a hop that acknowledges so many.
    fn oldest(&self, shared: &Shared, mut count: usize) -> Result<Vec<(u32, Segment)>, BrokerError> {
        let mut oldest = Vec::new();
        for (source, mut lease) in self.source.into_iter().cycle().zip(self.leases.iter().copied()) {
            if count == 0 {
                break;
            }
            let part = lease.take(count);
            count -= part.len();
            oldest.push((source, part));
        }
        if count > 0 {
            let problem = format!("a hop acknowledges {count} more messages than were received");
            return Err(shared.store.refused(problem));
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
}
