//! The hash that deduplicator, threshold and aggregate share with IntelMQ, and the identity for the journal.

use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

use super::idf::Key;
use super::json::write_value;
use super::python::write_repr;
use super::store::{Message, MessageType};
use super::value::Value;
use super::wire::WIRE;

/// Finds the keys under which bots remember in tables in memory. They are hashes themselves more often than not.
pub type KeyHash = BuildHasherDefault<KeyHasher>;

/// A quick hash of bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Which fields a hash covers; `time.observation` never counts.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    names: Vec<String>,
    keep: bool,
}

impl Filter {
    /// Covers all fields but these; names are exact, so `extra` does not stand for `extra.x`.
    pub fn blacklist<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Filter {
        Filter { names: names.into_iter().map(|name| name.as_ref().to_owned()).collect(), keep: false }
    }

    /// Covers only these fields; names are exact.
    pub fn whitelist<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Filter {
        Filter { keep: true, ..Filter::blacklist(names) }
    }

    fn covers(&self, base: &str, sub: Option<&str>) -> bool {
        let is = |name: &String| match sub {
            None => name == base,
            Some(sub) => {
                name.len() == base.len() + 1 + sub.len()
                    && name.starts_with(base)
                    && name.as_bytes()[base.len()] == b'.'
                    && name.ends_with(sub)
            }
        };
        self.names.iter().any(is) == self.keep
    }
}

impl Message {
    /// Returns the SHA-256 that IntelMQ computes over the fields of a filter.
    pub fn hash(&self, filter: &Filter) -> [u8; 32] {
        let idf = self.idf();
        let observation = idf.place("time.observation");
        let wanted = |key: &Key| {
            !observation.is_some_and(|place| place.is(key))
                && filter.covers(idf.base(key), key.sub.as_deref())
        };
        let mut text = Vec::with_capacity(if filter.keep { 256 } else { 4096 });
        for (key, value) in self.sorted_where(wanted) {
            let base = idf.base(key);
            let sub = key.sub.as_deref();
            text.extend_from_slice(base.as_bytes());
            if let Some(sub) = sub {
                text.push(b'.');
                text.extend_from_slice(sub.as_bytes());
            }
            text.push(0xc0);
            write_repr(&mut text, value);
            text.push(0xc0);
        }
        Sha256::digest(&text).into()
    }

    /// Returns [`Message::hash`] in lower-case hexadecimal.
    pub fn hash_hex(&self, filter: &Filter) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.hash(filter) {
            for nibble in [byte >> 4, byte & 0xf] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        text
    }

    /// Returns a number that equal messages share, whatever the order of their fields; others practically never do.
    pub fn identity(&self) -> u128 {
        self.number(|text, value| write_value(text, value, WIRE))
    }

    /// As [`Message::identity`], but quicker: bytes at hand are taken as they are, so that it also tells the form of a value.
    pub fn fingerprint(&self) -> u128 {
        self.number(|text, value| match value.decoded() {
            Some(bytes) => text.extend_from_slice(&xxh3_128(bytes).to_le_bytes()),
            None => write_value(text, value, WIRE),
        })
    }

    fn number(&self, write: impl Fn(&mut Vec<u8>, &Value)) -> u128 {
        let idf = self.idf();
        let mut text = Vec::with_capacity(4096);
        text.push(u8::from(self.message_type() == MessageType::Event));
        for (key, value) in self.sorted() {
            idf.write_json_key(&mut text, key, true);
            write(&mut text, value);
        }
        xxh3_128(&text)
    }
}
