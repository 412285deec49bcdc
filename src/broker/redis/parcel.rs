//! A hop as the script takes it: queues with how many messages each gets, bodies, and what is remembered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;

use super::server::escaped;
use crate::broker::{Hop, StateEntry};

/// The longest time that something is remembered and not for ever, in milliseconds: some thousand years.
const LONGEST: u128 = 100_000_000_000_000;

/// The messages of a hop by queue, each queue's in their order.
pub(super) struct Parcel {
    queues: Vec<(Arc<str>, Vec<usize>)>,
}

impl Parcel {
    /// Sorts the messages of a hop.
    pub(super) fn new(hop: &Hop) -> Self {
        let mut queues: Vec<(Arc<str>, Vec<usize>)> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (number, outgoing) in hop.outgoing.iter().enumerate() {
            let index = *known.entry(&outgoing.queue).or_insert_with(|| {
                queues.push((outgoing.queue.clone(), Vec::new()));
                queues.len() - 1
            });
            queues[index].1.push(number);
        }
        Parcel { queues }
    }

    /// Writes the arguments of the script.
    pub(super) fn write(&self, hop: &Hop, call: &mut Cmd) {
        call.arg(hop.acknowledge).arg(self.queues.len()).arg(hop.state.len());
        for (name, numbers) in &self.queues {
            call.arg(&**name).arg(numbers.len());
        }
        for number in self.queues.iter().flat_map(|(_, numbers)| numbers) {
            call.arg(hop.outgoing[*number].body.as_slice());
        }
        for entry in &hop.state {
            let key = [escaped(&entry.bot).as_bytes(), b":", &entry.key].concat();
            call.arg(key).arg(milliseconds(entry)).arg(entry.value.as_deref().unwrap_or_default());
        }
    }
}

/// Returns how long something is remembered: 0 for ever, -1 not at all.
fn milliseconds(entry: &StateEntry) -> i64 {
    match (&entry.value, entry.ttl) {
        (None, _) | (Some(_), Some(Duration::ZERO)) => -1,
        (Some(_), None) => 0,
        (Some(_), Some(ttl)) => i64::try_from(ttl.as_millis().clamp(1, LONGEST)).unwrap_or(i64::MAX),
    }
}
