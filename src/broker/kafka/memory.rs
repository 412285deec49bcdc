//! What bots remember: a compacted topic each, read into memory when it is first asked for. No input or output.
//!
//! Expired entries are looked for whenever new ones are written, twice as many as those, going round and round in the order of
//! keys. Their keys are then written once more without a value, so that compaction removes them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many bytes of a value are its expiry.
const EXPIRY: usize = 8;
/// What a record's key begins with; so it is never empty.
const KEY: u8 = b'k';

/// Returns the time in milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a value as it is stored: its expiry (milliseconds since 1970, 0 for never), then its bytes.
pub(super) fn stored(value: &[u8], ttl: Option<Duration>, now: u64) -> Vec<u8> {
    let after = |ttl: Duration| now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    [&ttl.map_or(0, after).to_le_bytes(), value].concat()
}

/// Returns the key of a record.
pub(super) fn record_key(key: &[u8]) -> Vec<u8> {
    [&[KEY], key].concat()
}

fn is_expired(entry: &[u8], now: u64) -> bool {
    match entry.first_chunk::<EXPIRY>().map(|expiry| u64::from_le_bytes(*expiry)) {
        Some(0) => false,
        Some(expiry) => expiry <= now,
        None => true,
    }
}

/// What one bot remembers: values as they are stored.
#[derive(Debug, Default)]
pub(super) struct Memory {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Where the search for expired entries goes on.
    at: Vec<u8>,
}

impl Memory {
    /// Takes in a record of the topic.
    pub(super) fn load(&mut self, key: &[u8], value: Option<&[u8]>) {
        if let Some((&KEY, key)) = key.split_first() {
            self.set(key, value.map(<[u8]>::to_vec));
        }
    }

    /// Takes in what was stored for a key.
    pub(super) fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.entries.insert(key.to_vec(), value),
            None => self.entries.remove(key),
        };
    }

    /// Returns the value of a key, unless it has expired.
    pub(super) fn get(&self, key: &[u8], now: u64) -> Option<&[u8]> {
        self.entries.get(key).filter(|entry| !is_expired(entry, now)).map(|entry| &entry[EXPIRY..])
    }

    /// Looks at the next `count` entries; returns the keys of those that have expired.
    pub(super) fn sweep(&mut self, count: usize, now: u64) -> Vec<Vec<u8>> {
        let mut last = None;
        let mut seen = 0;
        let mut expired = Vec::new();
        for (key, value) in self.entries.range(self.at.clone()..).take(count) {
            seen += 1;
            last = Some(key);
            if is_expired(value, now) {
                expired.push(key.clone());
            }
        }
        self.at = match last {
            Some(last) if seen == count => [last, &[0][..]].concat(),
            _ => Vec::new(),
        };
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_entries_are_found_in_time() {
        let mut memory = Memory::default();
        for number in 0..10_u8 {
            let ttl = (number % 2 == 0).then_some(Duration::from_millis(100));
            memory.set(&[number], Some(stored(b"x", ttl, 1000)));
        }
        memory.load(b"kk", Some(&stored(b"", None, 0)));
        assert_eq!(memory.get(b"k", 5), Some(&b""[..]));
        assert_eq!((memory.get(&[2], 1099), memory.get(&[2], 1100)), (Some(&b"x"[..]), None));
        assert!(memory.sweep(12, 1099).is_empty());
        // Eleven entries: the third round comes to the end.
        let rounds: Vec<_> = (0..4).map(|_| memory.sweep(4, 1100)).collect();
        let expected: [&[&[u8]]; 4] = [&[&[0], &[2]], &[&[4], &[6]], &[&[8]], &[&[0], &[2]]];
        assert_eq!(rounds, expected);
        memory.load(b"kk", None);
        assert_eq!(memory.get(b"k", 5), None);
    }
}
