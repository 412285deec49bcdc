//! The fields of one message, in the order they were added.

use super::idf::{Key, Place};
use super::value::Value;

/// Fields in order, with a quick answer to whether one is there at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    list: Vec<(Key, Value)>,
    /// One bit for each field's number; the last bit stands for all that have none of their own.
    seen: u128,
}

fn bit(id: u16) -> u128 {
    1 << id.min(127)
}

impl Entries {
    pub(super) fn with_capacity(capacity: usize) -> Entries {
        Entries { list: Vec::with_capacity(capacity), seen: 0 }
    }

    /// Adds a field that is not there.
    #[inline]
    pub(super) fn push(&mut self, key: Key, value: Value) {
        self.seen |= bit(key.id);
        self.list.push((key, value));
    }

    /// Has clones share the texts.
    pub(super) fn share(&mut self) {
        for (_, value) in &mut self.list {
            *value = std::mem::replace(value, Value::Null).shared();
        }
    }

    /// Sets a field at its place, or adds it.
    pub(super) fn put(&mut self, key: Key, value: Value) {
        match self.find(key.place()) {
            Some(at) => self.list[at].1 = value,
            None => self.push(key, value),
        }
    }

    #[inline]
    pub(super) fn find(&self, place: Place) -> Option<usize> {
        if self.seen & bit(place.id) == 0 {
            return None;
        }
        self.list.iter().position(|(key, _)| place.is(key))
    }

    pub(super) fn get(&self, place: Place) -> Option<&Value> {
        self.find(place).map(|at| &self.list[at].1)
    }

    /// Tells whether a field is there, or any sub-key of it.
    pub(super) fn has(&self, place: Place) -> bool {
        self.seen & bit(place.id) != 0
            && self.list.iter().any(|(key, _)| key.id == place.id && (place.sub.is_none() || place.is(key)))
    }

    /// Removes a field, or all sub-keys of it; returns whether there was one.
    pub(super) fn remove(&mut self, place: Place) -> bool {
        let before = self.list.len();
        match self.find(place) {
            Some(at) => drop(self.list.remove(at)),
            None if place.sub.is_none() => self.list.retain(|(key, _)| key.id != place.id),
            None => {}
        }
        self.count();
        self.list.len() < before
    }

    /// Keeps only some fields.
    pub(super) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.list.retain(|(key, _)| keep(key));
        self.count();
    }

    fn count(&mut self) {
        self.seen = self.list.iter().fold(0, |seen, (key, _)| seen | bit(key.id));
    }
}

impl std::ops::Deref for Entries {
    type Target = [(Key, Value)];

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}

impl IntoIterator for Entries {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
