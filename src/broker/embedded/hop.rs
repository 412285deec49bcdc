//! A hop on its way into the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};

use super::chunk::{self, Row};
use super::names::Names;
use super::queue::{Queues, Segment};
use super::recent::{Entry, Recent};
use super::state::{self, Sweep};
use super::store::{BODIES, NAMES, PIECES, ROWS, Store, chunk_key};
use super::{BrokerError, Outgoing, StateEntry};

/// Messages for one queue that make one chunk.
struct Parcel<'a> {
    key: [u8; 12],
    messages: Vec<&'a [u8]>,
    size: usize,
}

/// What one transaction changes.
#[derive(Default)]
pub(super) struct Change<'a> {
    parcels: Vec<Parcel<'a>>,
    /// What bots remember of it.
    pub(super) state: Vec<Entry>,
    pub(super) effects: Effects,
}

/// What everyone has to know of a change once it is stored.
#[derive(Default)]
pub(super) struct Effects {
    /// Messages that are new.
    pub(super) pushed: Vec<(u32, Segment)>,
    /// Messages that go.
    pub(super) gone: Vec<(u32, Segment)>,
    pub(super) queue_names: Vec<(Arc<str>, u32)>,
    pub(super) bot_names: Vec<(Arc<str>, u32)>,
}

/// How to see whether a change is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Witness {
    /// This chunk is there.
    There([u8; 12]),
    /// These messages are not there.
    Gone([u8; 12], Segment),
    /// It can be made again without harm.
    None,
}

impl<'a> Change<'a> {
    /// Packs messages into chunks, numbered from `next` on, in the order in which the queues come first.
    pub(super) fn pack(&mut self, outgoing: &'a [Outgoing], queues: &mut Queues, next: &mut u64) {
        let mut by_queue: Vec<(u32, Vec<&[u8]>)> = Vec::new();
        let mut at: BTreeMap<&str, usize> = BTreeMap::new();
        for message in outgoing {
            let index = *at.entry(&message.queue).or_insert_with(|| {
                by_queue.push((queues.number(&message.queue), Vec::new()));
                by_queue.len() - 1
            });
            by_queue[index].1.push(&message.body);
        }
        for (queue, messages) in by_queue {
            let mut rest = messages.as_slice();
            while !rest.is_empty() {
                let (count, size) = chunk::fit(rest.iter().map(|body| body.len()));
                let (messages, after) = rest.split_at(count);
                self.effects.pushed.push((queue, Segment { chunk: *next, start: 0, end: count as u32 }));
                self.parcels.push(Parcel { key: chunk_key(queue, *next), messages: messages.to_vec(), size });
                *next += 1;
                rest = after;
            }
        }
        self.effects.queue_names = queues.names.unstored();
    }

    /// Adds state entries.
    pub(super) fn remember(&mut self, entries: &[StateEntry], bots: &mut Names) {
        let now = state::now();
        self.state.extend(entries.iter().map(|entry| {
            let value = entry.value.as_deref().map(|value| state::stored(value, entry.ttl, now));
            (state::key(bots.number(&entry.bot), &entry.key), value)
        }));
        self.effects.bot_names = bots.unstored();
    }

    /// Makes the change.
    pub(super) fn apply(
        &self,
        transaction: &WriteTransaction,
        recent: &Recent,
        sweep: &mut Sweep,
    ) -> Result<(), redb::Error> {
        self.apply_names(transaction)?;
        if !self.parcels.is_empty() || !self.effects.gone.is_empty() {
            let mut rows = transaction.open_table(ROWS)?;
            let mut bodies = transaction.open_table(BODIES)?;
            for (queue, segment) in &self.effects.gone {
                let key = chunk_key(*queue, segment.chunk);
                let row = rows.get(&key)?.map(|row| Row::read(row.value()));
                let Some(row) = row else { continue };
                let mut row = row.ok_or_else(|| damaged(segment.chunk))?;
                row.remove(&(segment.start..segment.end));
                if row.is_empty() {
                    rows.remove(&key)?;
                    if bodies.remove(&key)?.is_none() {
                        let mut pieces = transaction.open_table(PIECES)?;
                        pieces.retain_in((&key, 0)..=(&key, u32::MAX), |_, _| false)?;
                    }
                } else {
                    rows.insert(&key, row.bytes().as_slice())?;
                }
            }
            for parcel in &self.parcels {
                let key = parcel.key;
                rows.insert(&key, Row::new(parcel.messages.len() as u32).bytes().as_slice())?;
                match parcel.messages[..] {
                    // In one piece it would lie in a page of the next power of two, written twice.
                    [message] if parcel.size > chunk::FULL => {
                        let mut pieces = transaction.open_table(PIECES)?;
                        for (number, piece) in (0..).zip(message.chunks(chunk::FULL)) {
                            pieces.insert((&key, number), piece)?;
                        }
                    }
                    _ => chunk::write(&parcel.messages, bodies.insert_reserve(&key, parcel.size)?.as_mut()),
                }
            }
        }
        recent.store(transaction, sweep, &self.state)
    }

    fn apply_names(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let kinds = [("queue", &self.effects.queue_names), ("bot", &self.effects.bot_names)];
        for (kind, names) in kinds {
            for (name, number) in names {
                transaction.open_table(NAMES)?.insert(format!("{kind}/{name}").as_str(), number)?;
            }
        }
        Ok(())
    }

    /// Returns what tells whether the change was made.
    pub(super) fn witness(&self) -> Witness {
        match (self.parcels.first(), self.effects.gone.first()) {
            (Some(parcel), _) => Witness::There(parcel.key),
            (None, Some((queue, segment))) => Witness::Gone(chunk_key(*queue, segment.chunk), *segment),
            (None, None) => Witness::None,
        }
    }
}

impl Witness {
    /// Tells whether the change is in the store.
    pub(super) fn ask(self, store: &Store) -> Result<bool, BrokerError> {
        store.read(|snapshot| match self {
            Witness::There(key) => Ok(snapshot.rows()?.get(&key)?.is_some()),
            Witness::Gone(key, segment) => Ok(match snapshot.rows()?.get(&key)? {
                Some(row) => {
                    let row = Row::read(row.value()).ok_or_else(|| damaged(segment.chunk))?;
                    !row.holds(&(segment.start..segment.end))
                }
                None => true,
            }),
            Witness::None => Ok(false),
        })
    }
}

/// Makes the error for a chunk that cannot be read.
pub(super) fn damaged(chunk: u64) -> redb::Error {
    redb::Error::Corrupted(format!("chunk {chunk} cannot be read"))
}

/// Makes the error for memory that cannot be read.
pub(super) fn damaged_memory() -> redb::Error {
    redb::Error::Corrupted("what bots remember cannot be read".to_owned())
}
