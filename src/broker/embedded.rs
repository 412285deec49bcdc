//! The broker without a server: queues and memory in one file, in the lab's folder.
//!
//! A hop is one transaction of the store beneath (`docs/decisions/001-embedded-store.md`). What waits and what is in flight
//! is also known in memory, so that depths and waiting cost no input or output.

mod backend;
mod bell;
mod chunk;
#[cfg(test)]
mod faults;
mod held;
mod hop;
mod kind;
mod link;
mod marks;
mod names;
mod queue;
mod recent;
mod state;
mod store;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use self::bell::Bell;
use self::chunk::Row;
use self::held::Held;
use self::hop::{Change, Effects, Witness, damaged};
pub(super) use self::kind::KIND;
use self::link::EmbeddedLink;
use self::marks::Marks;
use self::names::Names;
use self::queue::{Queues, Segment};
use self::recent::{Answer, Recent};
use self::state::Sweep;
use self::store::{Store, WriteError, chunk_key};
use super::{Broker, BrokerError, Delivery, Depth, Hop, Link, Outgoing, StateEntry, Wiring};

/// How many pieces of a queue one transaction of [`Broker::clear`] removes.
const CLEAR: usize = 10_000;

/// Whether commits wait for the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// A commit is with the kernel: safe when the process dies, not when the power does.
    #[default]
    Never,
    /// A commit is on the disk.
    Always,
}

/// How the embedded broker works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether commits wait for the disk.
    pub sync: SyncMode,
}

/// Queues in a folder, for the bots of one process.
#[derive(Clone)]
pub struct Embedded(Arc<Shared>);

struct Shared {
    store: Store,
    marks: Marks,
    queues: Mutex<Queues>,
    bots: Mutex<Names>,
    /// Held while a change is made and shown, so that what is shown is in the order of the store.
    writer: Mutex<Writer>,
    /// What bots remember of late; changed by writers alone.
    recent: RwLock<Recent>,
    /// What dropped links had in hand while the disk failed.
    left: Mutex<Vec<Held>>,
    /// Where links without a source wait.
    idle: Arc<Bell>,
}

struct Writer {
    next_chunk: u64,
    sweep: Sweep,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Embedded {
    /// Opens the broker of a folder, and makes it if it is missing.
    ///
    /// Refuses a folder that another process has open, a store of another format, and one that is damaged. After a reboot
    /// the whole store is checked first.
    pub fn open(folder: &Path, options: Options) -> Result<Embedded, BrokerError> {
        let store = Store::open(folder, options.sync)?;
        let marks = Marks::open(&store.file("received")).map_err(|error| store.trouble(error.into()))?;
        let (queues, bots) = load_names(&store)?;
        let mut shared = Shared {
            store,
            marks,
            queues: Mutex::new(queues),
            bots: Mutex::new(bots),
            writer: Mutex::new(Writer { next_chunk: 1, sweep: Sweep::default() }),
            recent: RwLock::default(),
            left: Mutex::default(),
            idle: Arc::default(),
        };
        shared.load()?;
        Ok(Embedded(Arc::new(shared)))
    }
}

fn load_names(store: &Store) -> Result<(Queues, Names), BrokerError> {
    let (mut queues, mut bots) = (Queues::default(), Names::default());
    for (name, number) in store.names()? {
        if let Some(name) = name.strip_prefix("queue/") {
            queues.load(name, number);
        } else if let Some(name) = name.strip_prefix("bot/") {
            bots.load(name, number);
        }
    }
    Ok((queues, bots))
}

impl Shared {
    /// Learns what waits, from the rows alone.
    fn load(&mut self) -> Result<(), BrokerError> {
        let queues = self.queues.get_mut().unwrap_or_else(PoisonError::into_inner);
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut last = 0;
        for number in queues.numbers() {
            let queue = queues.get(number);
            queue.received = self.marks.read(number);
            last = last.max(queue.received.0);
        }
        self.store.read(|snapshot| {
            for entry in snapshot.rows()?.range::<&[u8; 12]>(..)? {
                let (key, row) = entry?;
                let (queue, chunk) = store::chunk_of(key.value());
                let Row(ranges) = Row::read(row.value()).ok_or_else(|| damaged(chunk))?;
                for range in ranges {
                    queues.get(queue).put(Segment { chunk, start: range.start, end: range.end });
                }
                last = last.max(chunk);
            }
            writer.sweep = Sweep::load(&snapshot.about()?)?;
            self.recent = RwLock::new(Recent::load(snapshot)?);
            Ok(())
        })?;
        writer.next_chunk = last + 1;
        Ok(())
    }

    /// Stores a hop and shows it to the others.
    fn commit(&self, hop: &Hop, gone: Vec<(u32, Segment)>) -> Result<Effects, Failed> {
        if hop.outgoing.is_empty() && hop.state.is_empty() && gone.is_empty() {
            return Ok(Effects::default());
        }
        let mut writer = lock(&self.writer);
        let Writer { next_chunk, sweep } = &mut *writer;
        let mut change = Change::default();
        change.pack(&hop.outgoing, &mut lock(&self.queues), next_chunk);
        change.remember(&hop.state, &mut lock(&self.bots));
        change.effects.gone = gone;
        let recent = self.recent().map_err(|error| Failed { error, doubt: None })?;
        let written = self.store.write(|transaction| change.apply(transaction, &recent, sweep));
        drop(recent);
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        match written {
            Ok(()) => {
                recent.stored(std::mem::take(&mut change.state));
                drop(recent);
                self.publish(&change.effects);
                Ok(change.effects)
            }
            Err(WriteError::Nothing(error)) => Err(Failed { error, doubt: None }),
            Err(WriteError::Unsure(error)) => {
                recent.doubt();
                let doubt = Some((change.witness(), change.effects));
                Err(Failed { error, doubt })
            }
        }
    }

    /// Returns what bots remember of late, read anew if the last commit is in doubt.
    fn recent(&self) -> Result<RwLockReadGuard<'_, Recent>, BrokerError> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        if !recent.is_stale() {
            return Ok(recent);
        }
        drop(recent);
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        if recent.is_stale() {
            *recent = self.store.read(Recent::load)?;
        }
        drop(recent);
        Ok(self.recent.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks up what a bot remembers.
    fn recall(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        let living = |entry: &[u8]| state::living(entry, state::now()).map(<[u8]>::to_vec);
        match self.recent()?.get(key) {
            Answer::Stored(entry) => return Ok(living(entry)),
            Answer::Forgotten => return Ok(None),
            Answer::AskTree => {}
        }
        // Looked up after that: what was folded in meanwhile is in the tree.
        self.store.read(|snapshot| Ok(snapshot.state()?.get(key)?.and_then(|entry| living(entry.value()))))
    }

    /// Shows everyone what is in the store now.
    fn publish(&self, effects: &Effects) {
        let mut queues = lock(&self.queues);
        queues.names.stored(&effects.queue_names);
        for (queue, segment) in &effects.pushed {
            queues.get(*queue).put(*segment);
        }
        for (queue, segment) in &effects.gone {
            queues.get(*queue).acknowledge(*segment);
        }
        drop(queues);
        lock(&self.bots).stored(&effects.bot_names);
    }

    /// Takes back what a link had in hand.
    fn part(&self, mut held: Held) {
        match held.settle(self) {
            Ok(_) => held.release(self),
            Err(_) => lock(&self.left).push(held),
        }
    }

    /// Takes back what could not be taken back before.
    fn tidy(&self) -> Result<(), BrokerError> {
        let mut left = lock(&self.left);
        while let Some(held) = left.last_mut() {
            held.settle(self)?;
            held.release(self);
            left.pop();
        }
        Ok(())
    }

    /// Reads messages until they have `room` bytes, at least one; `None` if they are not in the store any more.
    fn read(
        &self,
        queue: u32,
        segment: Segment,
        mut room: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, BrokerError> {
        let key = chunk_key(queue, segment.chunk);
        self.store.read(|snapshot| {
            let Some(chunk) = snapshot.bodies()?.get(&key)? else {
                return match (snapshot.rows()?.get(&key)?, snapshot.large(&key)?) {
                    (Some(_), Some(body)) => Ok(Some(vec![body])),
                    (Some(_), None) => Err(damaged(segment.chunk)),
                    (None, _) => Ok(None),
                };
            };
            let mut bodies = Vec::with_capacity(segment.len());
            for index in segment.start..segment.end {
                let body = chunk::message(chunk.value(), index).ok_or_else(|| damaged(segment.chunk))?;
                bodies.push(body.to_vec());
                room = room.saturating_sub(body.len());
                if room == 0 {
                    break;
                }
            }
            Ok(Some(bodies))
        })
    }

    /// Keeps the first messages of a lease in flight, gives the others back, and notes how far the queue was received.
    fn keep(&self, queue: u32, lease: Segment, count: usize) -> Segment {
        let mut queues = lock(&self.queues);
        let (number, queue) = (queue, queues.get(queue));
        let kept = queue.give_back(lease, count);
        let end = (kept.chunk, kept.end);
        if kept.len() > 0 && end > queue.received {
            queue.received = end;
            self.marks.write(number, end);
        }
        kept
    }
}

/// Why a commit failed, and how to find out what became of it if that is not clear.
struct Failed {
    error: BrokerError,
    doubt: Option<(Witness, Effects)>,
}

impl Broker for Embedded {
    fn syncs(&self) -> bool {
        self.0.store.syncs()
    }

    fn packs(&self) -> bool {
        true
    }

    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        self.0.tidy()?;
        let mut queues = lock(&self.0.queues);
        let source = wiring.source.as_ref().map(|name| queues.number(name));
        let interrupts = queues.interrupts;
        Ok(Box::new(EmbeddedLink::new(self.0.clone(), source, interrupts)))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        Ok(lock(&self.0.queues).find(queue).map(|(_, queue)| queue.depth()).unwrap_or_default())
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        let first = lock(&self.0.queues).find(queue).map(|(number, queue)| (number, queue.first(max)));
        let (number, segments) = first.unwrap_or_default();
        let mut bodies = Vec::new();
        for segment in segments {
            bodies.extend(self.0.read(number, segment, usize::MAX)?.unwrap_or_default());
        }
        Ok(bodies)
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        let Some(number) = lock(&self.0.queues).names.get(queue) else { return Ok(0) };
        let mut cleared = 0;
        loop {
            let taken = lock(&self.0.queues).get(number).take_waiting(CLEAR);
            if taken.is_empty() {
                return Ok(cleared);
            }
            let gone = taken.iter().map(|segment| (number, *segment)).collect();
            if let Err(failed) = self.0.commit(&Hop::default(), gone) {
                // What was removed after all is missing when it is read, and then forgotten.
                let mut queues = lock(&self.0.queues);
                for segment in taken {
                    queues.get(number).put(segment);
                }
                return Err(failed.error);
            }
            cleared += taken.iter().map(|segment| segment.len() as u64).sum::<u64>();
        }
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let queues = lock(&self.0.queues);
        let full = queues.iter().filter(|(_, queue)| queue.depth().total() > 0);
        let mut names: Vec<_> = full.map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn interrupt(&self) {
        let mut queues = lock(&self.0.queues);
        queues.interrupts += 1;
        for (_, queue) in queues.iter() {
            queue.arrival.ring();
            queue.room.ring();
        }
        self.0.idle.ring();
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        let deadline = bell::deadline(wait);
        let mut queues = lock(&self.0.queues);
        let number = queues.number(queue);
        let interrupts = queues.interrupts;
        loop {
            let queue = queues.get(number);
            let room = queue.depth().total() < limit;
            let bell = queue.room.clone();
            let left = deadline.saturating_duration_since(Instant::now());
            if room || queues.interrupts != interrupts || left.is_zero() {
                return Ok(room);
            }
            queues = bell.wait(queues, left);
        }
    }
}
