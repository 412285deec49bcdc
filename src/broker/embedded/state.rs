//! What bots remember: entries with an expiry, and the sweep that removes the expired.
//!
//! There is no index by time: it would double the cost of every entry. Instead each commit that adds expiring entries
//! looks at twice as many old ones, going round and round in the order of keys, and removes those that have expired.
//! The table stays within about twice its living entries, and neighbours are removed together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redb::{ReadableTable, Table, WriteTransaction};

use super::StateEntry;
use super::store::{ABOUT, STATE};

/// How many bytes of a value are its expiry.
const EXPIRY: usize = 8;
/// How many entries the sweep visits before it notes in the store where it is.
const NOTE: usize = 1000;
const PLACE: &str = "sweep";

type StateTable<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// Returns the time in milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Makes the key of a bot's entry.
pub(super) fn key(bot: u32, key: &[u8]) -> Vec<u8> {
    [&bot.to_be_bytes(), key].concat()
}

/// Returns the value of a stored entry, unless it has expired.
pub(super) fn living(entry: &[u8], now: u64) -> Option<&[u8]> {
    let (expiry, value) = entry.split_at_checked(EXPIRY)?;
    (!expired(expiry, now)).then_some(value)
}

fn expired(entry: &[u8], now: u64) -> bool {
    match entry.first_chunk().map(|expiry| u64::from_le_bytes(*expiry)) {
        Some(0) => false,
        Some(expiry) => expiry <= now,
        None => true,
    }
}

/// Entries to store, and where the sweep is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    at: Vec<u8>,
    visited: usize,
}

impl Sweep {
    /// Goes on where the last process stopped.
    pub(super) fn load(
        about: &impl ReadableTable<&'static str, &'static [u8]>,
    ) -> Result<Sweep, redb::Error> {
        let at = about.get(PLACE)?.map(|place| place.value().to_vec());
        Ok(Sweep { at: at.unwrap_or_default(), visited: 0 })
    }

    /// Stores entries in the order of their keys, the last of equal keys, and sweeps a little.
    pub(super) fn store(
        &mut self,
        transaction: &WriteTransaction,
        entries: &[(Vec<u8>, &StateEntry)],
    ) -> Result<(), redb::Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let now = now();
        let mut table = transaction.open_table(STATE)?;
        let mut value = Vec::new();
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        for (index, (key, entry)) in sorted.iter().enumerate() {
            if sorted.get(index + 1).is_some_and(|next| next.0 == *key) {
                continue;
            }
            match &entry.value {
                Some(bytes) => {
                    value.clear();
                    value.extend_from_slice(&expiry(entry.ttl, now).to_le_bytes());
                    value.extend_from_slice(bytes);
                    table.insert(key.as_slice(), value.as_slice())?;
                }
                None => {
                    table.remove(key.as_slice())?;
                }
            }
        }
        let expiring =
            entries.iter().filter(|(_, entry)| entry.value.is_some() && entry.ttl.is_some()).count();
        self.sweep(&mut table, 2 * expiring, now)?;
        if self.visited >= NOTE {
            self.visited = 0;
            transaction.open_table(ABOUT)?.insert(PLACE, self.at.as_slice())?;
        }
        Ok(())
    }

    /// Looks at some entries and removes the expired; starts again at the front when it comes to the end.
    fn sweep(&mut self, table: &mut StateTable, count: usize, now: u64) -> Result<(), redb::Error> {
        if count == 0 {
            return Ok(());
        }
        let mut gone = Vec::new();
        let mut last = None;
        let mut seen = 0;
        for entry in table.range(self.at.as_slice()..)?.take(count) {
            let (key, value) = entry?;
            if expired(value.value(), now) {
                gone.push(key.value().to_vec());
            }
            seen += 1;
            if seen == count {
                last = Some([key.value(), &[0]].concat());
            }
        }
        for key in gone {
            table.remove(key.as_slice())?;
        }
        self.at = last.unwrap_or_default();
        self.visited += seen;
        Ok(())
    }
}

fn expiry(ttl: Option<Duration>, now: u64) -> u64 {
    let after = |ttl: Duration| now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    ttl.map_or(0, after)
}
