//! A broker whose commits fail when a test wants it: before anything is stored, or after all of it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::broker::{Broker, BrokerError, Delivery, Depth, Embedded, Hop, Link, Wiring};

/// What becomes of a hop whose commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Lost,
    Stored,
}

/// Which commits fail: so many, after so many that worked, of those that the test means.
struct Fault {
    means: Box<dyn Fn(&Hop) -> bool + Send>,
    after: usize,
    times: usize,
    end: End,
}

#[derive(Clone)]
pub(super) struct Faulty {
    inner: Arc<Embedded>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<Embedded>) -> Self {
        Faulty { inner, fault: Arc::default() }
    }

    pub(super) fn fail(
        &self,
        (after, times): (usize, usize),
        end: End,
        means: impl Fn(&Hop) -> bool + Send + 'static,
    ) {
        *self.lock() = Some(Fault { means: Box::new(means), after, times, end });
    }

    /// Tells how many commits are still to fail.
    pub(super) fn left(&self) -> usize {
        self.lock().as_ref().map_or(0, |fault| fault.times)
    }

    pub(super) fn heal(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self, hop: &Hop) -> Option<End> {
        match &mut *self.lock() {
            Some(fault) if (fault.means)(hop) => match fault {
                Fault { after: 1.., .. } => {
                    fault.after -= 1;
                    None
                }
                Fault { times: 1.., .. } => {
                    fault.times -= 1;
                    Some(fault.end)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

impl Broker for Faulty {
    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        Ok(Box::new(FaultyLink { link: self.inner.link(wiring)?, faulty: self.clone() }))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.inner.depth(queue)
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        self.inner.peek(queue, max)
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        self.inner.clear(queue)
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        self.inner.queues()
    }

    fn interrupt(&self) {
        self.inner.interrupt();
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        self.inner.wait_for_room(queue, limit, wait)
    }
}

struct FaultyLink {
    link: Box<dyn Link>,
    faulty: Faulty,
}

impl Link for FaultyLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.link.receive(max, wait)
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        let error = || BrokerError::Unavailable { broker: "test".into(), problem: "asked to fail".into() };
        match self.faulty.fate(&hop) {
            Some(End::Lost) => Err(error()),
            Some(End::Stored) => self.link.commit(hop).and_then(|()| Err(error())),
            None => self.link.commit(hop),
        }
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        self.link.release()
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.link.recall(bot, key)
    }
}
