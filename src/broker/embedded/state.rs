//! What bots remember: entries with an expiry, and the sweep that removes the expired.
//!
//! There is no index by time: it would double the cost of every entry. Instead whenever expiring entries are folded into
//! the tree twice as many old ones are looked at, going round and round in the order of keys, and the expired are removed.
//! The table stays within about twice its living entries, and neighbours are removed together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redb::{ReadableTable, Table, WriteTransaction};

use super::store::ABOUT;

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

/// Where the sweep is.
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

    /// Notes in the store where the sweep is, now and then.
    pub(super) fn note(&mut self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        if self.visited >= NOTE {
            self.visited = 0;
            transaction.open_table(ABOUT)?.insert(PLACE, self.at.as_slice())?;
        }
        Ok(())
    }

    /// Looks at some entries and removes the expired; starts again at the front when it comes to the end.
    pub(super) fn pass(&mut self, table: &mut StateTable, count: usize) -> Result<(), redb::Error> {
        if count == 0 {
            return Ok(());
        }
        let now = now();
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

/// Returns a value as it is stored: its expiry (milliseconds since 1970, 0 for never), then its bytes.
pub(super) fn stored(value: &[u8], ttl: Option<Duration>, now: u64) -> Vec<u8> {
    let after = |ttl: Duration| now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    [&ttl.map_or(0, after).to_le_bytes(), value].concat()
}

/// Tells whether a stored value expires some day.
pub(super) fn expires(entry: &[u8]) -> bool {
    entry.first_chunk() != Some(&[0; EXPIRY])
}
