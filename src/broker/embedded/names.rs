//! Numbers for names, so that keys in the store are short.

use std::collections::HashMap;
use std::sync::Arc;

/// The numbers of one kind of name.
///
/// A number is given in memory at once and stored with the next commit; until that has worked, later ones store it again.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    unstored: Vec<(Arc<str>, u32)>,
    next: u32,
}

impl Names {
    /// Takes over a name from the store.
    pub(super) fn load(&mut self, name: &str, number: u32) {
        self.numbers.insert(name.into(), number);
        self.next = self.next.max(number + 1);
    }

    /// Returns a name's number, if it has one.
    pub(super) fn get(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Returns a name's number, and gives it one.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.get(name) {
            return number;
        }
        let (name, number): (Arc<str>, _) = (name.into(), self.next);
        self.next += 1;
        self.unstored.push((name.clone(), number));
        self.numbers.insert(name, number);
        number
    }

    /// Returns the names that are not known to be in the store.
    pub(super) fn unstored(&self) -> Vec<(Arc<str>, u32)> {
        self.unstored.clone()
    }

    /// Notes that names are in the store.
    pub(super) fn stored(&mut self, names: &[(Arc<str>, u32)]) {
        if !names.is_empty() {
            self.unstored.retain(|name| !names.contains(name));
        }
    }
}
