//! What was remembered of late: each commit is one row in the store, and all rows together are in memory.
//!
//! Keys of a bot are hashes more often than not. In a tree of many of them each lies in a page of its own, and to write one
//! entry is to write its page. So entries gather here, and are folded into the tree when there are many, in the order of
//! its keys.

use std::collections::HashMap;

use redb::{ReadableTable, WriteTransaction};

use super::hop::damaged_memory;
use super::state::{self, Sweep};
use super::store::{RECENT, STATE, Snapshot};
use crate::message::KeyHash;

/// How many bytes are gathered before they are folded in; they are also in memory, in about twice the room.
#[cfg(not(test))]
const BYTES: usize = 2 << 20;
/// How many commits are gathered.
#[cfg(not(test))]
const ROWS: u64 = 2000;
#[cfg(test)]
const BYTES: usize = 32 << 10;
#[cfg(test)]
const ROWS: u64 = 20;

/// What a length is when the entry forgets its key.
const FORGOTTEN: u32 = u32::MAX;

/// A key with its bot, and what the store has for it (see [`state::stored`]), or nothing to forget it.
pub(super) type Entry = (Vec<u8>, Option<Vec<u8>>);

/// What is known of a key.
pub(super) enum Answer<'a> {
    /// This is stored for it.
    Stored(&'a [u8]),
    /// It was forgotten.
    Forgotten,
    /// Nothing was written of late: the tree knows.
    AskTree,
}

/// The entries that are not in the tree.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: HashMap<Vec<u8>, Option<Vec<u8>>, KeyHash>,
    /// The number of the next row; numbers start anew after folding.
    next: u64,
    bytes: usize,
    /// Whether what is in memory may differ from what is in the store.
    stale: bool,
}

impl Recent {
    /// Reads all rows.
    pub(super) fn load(snapshot: &Snapshot) -> Result<Recent, redb::Error> {
        let mut recent = Recent::default();
        for row in snapshot.recent()?.iter()? {
            let (number, row) = row?;
            recent.next = number.value() + 1;
            recent.bytes += row.value().len();
            let mut rest = row.value();
            while !rest.is_empty() {
                let (key, value) = read(&mut rest).ok_or_else(damaged_memory)?;
                recent.entries.insert(key, value);
            }
        }
        Ok(recent)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Notes that nobody knows whether the last commit is in the store.
    pub(super) fn doubt(&mut self) {
        self.stale = true;
    }

    /// Looks a key up.
    pub(super) fn get(&self, key: &[u8]) -> Answer<'_> {
        match self.entries.get(key) {
            Some(Some(value)) => Answer::Stored(value),
            Some(None) => Answer::Forgotten,
            None => Answer::AskTree,
        }
    }

    /// Tells whether the next commit folds everything into the tree.
    fn is_full(&self) -> bool {
        self.bytes >= BYTES || self.next >= ROWS
    }

    /// Stores the entries of a commit: as a row, or in the tree with all that was gathered.
    pub(super) fn store(
        &self,
        transaction: &WriteTransaction,
        sweep: &mut Sweep,
        entries: &[Entry],
    ) -> Result<(), redb::Error> {
        if entries.is_empty() {
            return Ok(());
        }
        if !self.is_full() {
            let row = row(entries);
            transaction.open_table(RECENT)?.insert(self.next, row.as_slice())?;
            return Ok(());
        }
        transaction.delete_table(RECENT)?;
        transaction.open_table(RECENT)?;
        let mut all: HashMap<&[u8], Option<&[u8]>, KeyHash> =
            self.entries.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
        all.extend(entries.iter().map(|(key, value)| (key.as_slice(), value.as_deref())));
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_unstable();
        let mut table = transaction.open_table(STATE)?;
        for (key, value) in &all {
            match value {
                Some(value) => drop(table.insert(key, value)?),
                None => drop(table.remove(key)?),
            }
        }
        let expiring = all.iter().filter(|(_, value)| value.is_some_and(state::expires)).count();
        sweep.pass(&mut table, 2 * expiring)?;
        drop(table);
        sweep.note(transaction)
    }

    /// Takes over what is stored.
    pub(super) fn stored(&mut self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        if self.is_full() {
            *self = Recent::default();
            return;
        }
        self.next += 1;
        self.bytes += length(&entries);
        self.entries.extend(entries);
    }
}

fn length(entries: &[Entry]) -> usize {
    entries.iter().map(|(key, value)| 8 + key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}

/// Writes a row: for each entry the two lengths (u32, little endian), key and value.
fn row(entries: &[Entry]) -> Vec<u8> {
    let mut row = Vec::with_capacity(length(entries));
    for (key, value) in entries {
        row.extend_from_slice(&(key.len() as u32).to_le_bytes());
        row.extend_from_slice(&value.as_ref().map_or(FORGOTTEN, |value| value.len() as u32).to_le_bytes());
        row.extend_from_slice(key);
        row.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    row
}

/// Reads the next entry of a row; `None` if it is damaged.
fn read(rest: &mut &[u8]) -> Option<Entry> {
    let (head, bytes) = rest.split_at_checked(8)?;
    let (key, value) = head.split_at(4);
    let key = u32::from_le_bytes(key.try_into().ok()?) as usize;
    let value = u32::from_le_bytes(value.try_into().ok()?);
    let (key, bytes) = bytes.split_at_checked(key)?;
    let (value, bytes) = match value {
        FORGOTTEN => (None, bytes),
        length => {
            let (value, bytes) = bytes.split_at_checked(length as usize)?;
            (Some(value.to_vec()), bytes)
        }
    };
    *rest = bytes;
    Some((key.to_vec(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_and_a_damaged_one_is_refused() {
        let entries: Vec<Entry> =
            vec![(b"a".to_vec(), Some(b"value".to_vec())), (vec![], None), (b"b".to_vec(), Some(vec![]))];
        let row = row(&entries);
        let all = |mut rest: &[u8]| {
            let mut found = Vec::new();
            while !rest.is_empty() {
                found.push(read(&mut rest)?);
            }
            Some(found)
        };
        assert_eq!(all(&row), Some(entries));
        assert_eq!(row.len(), 1 + 5 + 1 + 3 * 8);
        assert!((1..row.len()).all(|cut| all(&row[..cut]).is_none_or(|found| found.len() < 3)));
    }
}
