//! What bots remember: the server keeps no such thing, so it is kept in a store of this process.
//!
//! The store is that of the embedded broker, of which only the memory is used.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use super::settled::{self, Id};
use super::{BrokerError, Embedded, Hop, Link, Options, StateEntry, SyncMode, Wiring, lock};
use crate::broker::Broker as _;

/// No bot has this name: what is kept under it is the broker's own.
const OWN: &str = "";
const QUEUES: &[u8] = b"queues";
/// How many instances of a bot the finished messages are kept of.
const SLOTS: usize = 64;

/// The store, opened when it is first used: whoever only looks at queues needs none.
pub(super) struct Memory {
    folder: PathBuf,
    sync: SyncMode,
    open: Mutex<Option<Box<dyn Link>>>,
    /// The queues that were used, once that is known.
    queues: Mutex<Option<Vec<String>>>,
}

impl Memory {
    /// Keeps everything in a folder.
    pub(super) fn new(folder: PathBuf, sync: SyncMode) -> Memory {
        Memory { folder, sync, open: Mutex::default(), queues: Mutex::default() }
    }

    /// Tells whether it waits for the disk.
    pub(super) fn syncs(&self) -> bool {
        self.sync == SyncMode::Always
    }

    /// Returns what a bot remembers.
    pub(super) fn recall(&self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.with(|link| link.recall(bot, key))
    }

    /// Remembers.
    pub(super) fn store(&self, state: Vec<StateEntry>) -> Result<(), BrokerError> {
        self.with(|link| link.commit(Hop { state, ..Hop::default() }))
    }

    fn with<T>(&self, work: impl FnOnce(&mut dyn Link) -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        let mut open = lock(&self.open);
        self.ready(&mut open)?;
        match &mut *open {
            Some(link) => work(link.as_mut()),
            None => Err(BrokerError::Unavailable {
                broker: self.folder.display().to_string(),
                problem: "the store is closed".to_owned(),
            }),
        }
    }

    fn ready(&self, open: &mut MutexGuard<'_, Option<Box<dyn Link>>>) -> Result<(), BrokerError> {
        if open.is_none() {
            let store = Embedded::open(&self.folder, Options { sync: self.sync })?;
            let wiring = Wiring { bot: OWN.to_owned(), source: None, destinations: Vec::new() };
            **open = Some(store.link(&wiring)?);
        }
        Ok(())
    }

    /// Makes the entry that says which messages of a queue an instance has finished with its last hops.
    pub(super) fn finished(queue: &str, slot: usize, ids: &[Id]) -> StateEntry {
        let value = Some(settled::stored(ids));
        StateEntry { bot: OWN.into(), key: finished_key(queue, slot), value, ttl: None }
    }

    /// Returns the messages of a queue of which is known that they are finished.
    pub(super) fn all_finished(&self, queue: &str) -> Result<Vec<Id>, BrokerError> {
        let mut ids = Vec::new();
        for slot in 0..SLOTS {
            let stored = self.recall(OWN, &finished_key(queue, slot))?;
            ids.extend(settled::load(&stored.unwrap_or_default()));
        }
        Ok(ids)
    }

    /// Returns the queues that were used, sorted.
    pub(super) fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let mut known = lock(&self.queues);
        if known.is_none() {
            let stored = self.recall(OWN, QUEUES)?;
            // What cannot be read is written anew.
            *known = Some(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default());
        }
        Ok(known.clone().unwrap_or_default())
    }

    /// Notes a queue that is used.
    pub(super) fn note_queue(&self, queue: &str) -> Result<(), BrokerError> {
        let mut queues = self.queues()?;
        let Err(at) = queues.binary_search_by(|known| known.as_str().cmp(queue)) else { return Ok(()) };
        queues.insert(at, queue.to_owned());
        let value = serde_json::to_vec(&queues).ok();
        self.store(vec![StateEntry { bot: OWN.into(), key: QUEUES.to_vec(), value, ttl: None }])?;
        *lock(&self.queues) = Some(queues);
        Ok(())
    }
}

fn finished_key(queue: &str, slot: usize) -> Vec<u8> {
    format!("finished:{slot}:{queue}").into_bytes()
}
