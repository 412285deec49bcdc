//! One queue as this process knows it: what was fetched, what is in flight, how far it is done. No input or output.

use std::collections::{BTreeMap, BTreeSet};

use super::part::{Part, Position};
use super::{Depth, Member};

/// How many fetched messages wait in memory.
const FETCHED: usize = 2000;
/// How many bytes they have, give or take the last.
const FETCHED_BYTES: usize = 4 << 20;
/// How many bytes one receive returns, give or take the last message.
const BATCH_BYTES: usize = 4 << 20;

/// Where a message is: offset and partition, so that the oldest come first.
pub(super) type Place = (i64, i32);

/// A message that was taken into flight; its body has to be fetched again if it came back.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) place: Place,
    pub(super) body: Option<Vec<u8>>,
    pub(super) redelivered: bool,
}

/// What is known of a queue.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Its partitions by number.
    pub(super) parts: Vec<Part>,
    /// Who reads it here, if others read a part of it.
    reader: Option<Member>,
    waiting: BTreeMap<Place, Option<Vec<u8>>>,
    bytes: usize,
    in_flight: BTreeSet<Place>,
    /// What the transaction acknowledges that is being written.
    settling: BTreeSet<Place>,
}

impl Known {
    /// Returns what is known of a queue at first.
    pub(super) fn new(partitions: usize) -> Known {
        Known { parts: vec![Part::default(); partitions], ..Known::default() }
    }

    /// Notes who reads it here.
    pub(super) fn share(&mut self, reader: &Member) {
        self.reader = Some(reader.clone()).filter(|reader| reader.of > 1);
    }

    /// Notes that nobody reads it here any more.
    pub(super) fn leave(&mut self) {
        self.reader = None;
    }

    /// Returns the partitions that are read here, and all of them where nobody reads a part.
    pub(super) fn own(&self) -> impl Iterator<Item = (i32, &Part)> {
        let is_own = |number: &i32| {
            self.reader.as_ref().is_none_or(|reader| *number as usize % reader.of == reader.number)
        };
        (0..).zip(&self.parts).filter(move |(number, _)| is_own(number))
    }

    /// Tells whether no more has to be fetched now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= FETCHED || self.bytes >= FETCHED_BYTES
    }

    /// Returns how many messages can be received at once.
    pub(super) fn ready(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many messages are known to be there and not fetched.
    pub(super) fn coming(&self) -> u64 {
        self.own().map(|(_, part)| part.coming()).sum()
    }

    /// Returns how many more there may be.
    pub(super) fn unknown(&self) -> u64 {
        self.own().map(|(_, part)| part.unknown()).sum()
    }

    /// Returns how full it is, and at most how full where that is not known.
    pub(super) fn depth(&self) -> Depth {
        let waiting = self.waiting.len() as u64 + self.coming() + self.unknown();
        Depth { waiting, in_flight: self.in_flight.len() as u64 }
    }

    /// Takes in a message that was fetched.
    pub(super) fn fetched(&mut self, partition: i32, offset: i64, body: &[u8]) {
        let Some(part) = self.parts.get_mut(partition as usize) else { return };
        if part.fetched(offset) {
            self.bytes += body.len();
            self.waiting.insert((offset, partition), Some(body.to_vec()));
        }
    }

    /// Takes up to `max` messages from the front into flight.
    pub(super) fn lease(&mut self, max: usize) -> Vec<Lease> {
        let mut leases = Vec::new();
        let mut room = BATCH_BYTES;
        while leases.len() < max
            && room > 0
            && let Some((place, body)) = self.waiting.pop_first()
        {
            let length = body.as_ref().map_or(0, Vec::len);
            self.bytes -= length;
            room = room.saturating_sub(length.max(1));
            let received = &mut self.parts[place.1 as usize].position.received;
            let redelivered = place.0 < *received;
            *received = place.0.max(*received - 1) + 1;
            self.in_flight.insert(place);
            leases.push(Lease { place, body, redelivered });
        }
        leases
    }

    /// Gives messages in flight back to their old place.
    pub(super) fn give_back(&mut self, places: impl IntoIterator<Item = Place>) {
        for place in places {
            if self.in_flight.remove(&place) {
                self.waiting.insert(place, None);
            }
        }
    }

    /// Tells whether a message is in flight.
    pub(super) fn is_in_flight(&self, place: &Place) -> bool {
        self.in_flight.contains(place)
    }

    /// Begins to acknowledge messages in flight.
    pub(super) fn begin(&mut self, places: &[Place]) {
        self.settling.extend(places);
    }

    /// Returns the positions to store, of partitions whose position is another than the stored one.
    pub(super) fn positions(&self) -> Vec<(i32, Position)> {
        let parts = (0..).zip(&self.parts);
        let positions = parts.map(|(number, part)| (number, self.position(number, part)));
        positions.filter(|(number, position)| *position != self.parts[*number as usize].stored).collect()
    }

    /// Returns the positions at which all is acknowledged that is not in flight now, and lies before what is not known.
    pub(super) fn cleared(&self) -> Vec<(i32, Position)> {
        let cleared = |(number, part): (i32, &Part)| {
            let end = &part.unexplored().start;
            let mut position = part.position.clone();
            let mut start = position.next;
            for (offset, _) in self.in_flight.iter().filter(|place| place.1 == number && place.0 < *end) {
                position.done.insert(start, *offset);
                start = offset + 1;
            }
            position.done.insert(start, *end);
            let first = self.in_flight.iter().find(|place| place.1 == number).map_or(*end, |place| place.0);
            (number, advance(position, first.min(*end)))
        };
        self.own().map(cleared).collect()
    }

    /// Ends the transaction that acknowledged, or would have; notes what is stored now.
    pub(super) fn end(&mut self, stored: Option<Vec<(i32, Position)>>) {
        let settling = std::mem::take(&mut self.settling);
        let Some(stored) = stored else { return };
        self.in_flight.retain(|place| !settling.contains(place));
        for (number, mut position) in stored {
            let part = &mut self.parts[number as usize];
            let received = part.position.received;
            part.settle(position.clone());
            position.received = position.received.max(received);
            part.position = position;
        }
    }

    /// Takes over what is stored, because it is not known here; what that acknowledges is here no more.
    pub(super) fn resume(&mut self, stored: Vec<(i32, Position)>) {
        self.end(Some(stored));
        let parts = &self.parts;
        let is_there = |place: &Place| {
            let position = &parts[place.1 as usize].position;
            place.0 >= position.next && !position.done.contains(place.0)
        };
        self.in_flight.retain(is_there);
        self.waiting.retain(|place, _| is_there(place));
        self.bytes = self.waiting.values().flatten().map(Vec::len).sum();
    }

    /// Forgets what was fetched and begins anew at stored positions.
    pub(super) fn restart(&mut self, stored: Vec<(i32, Position)>) {
        (self.waiting, self.bytes) = (BTreeMap::new(), 0);
        self.in_flight.clear();
        self.settling.clear();
        for (number, position) in stored {
            self.parts[number as usize].begin(position);
        }
    }

    /// Returns the last message of a partition that is in flight.
    pub(super) fn last_in_flight(&self, partition: i32) -> Option<i64> {
        self.in_flight.iter().rev().find(|place| place.1 == partition).map(|place| place.0)
    }

    /// Returns up to where partitions can be deleted, if that is worth it, and notes that they are.
    pub(super) fn trim(&mut self, least: i64) -> Vec<(i32, i64)> {
        let mut trim = Vec::new();
        for (number, part) in (0..).zip(&mut self.parts) {
            if part.stored.next - part.trimmed >= least {
                part.trimmed = part.stored.next;
                trim.push((number, part.trimmed));
            }
        }
        trim
    }

    /// Returns how far a partition is done once the transaction is written.
    fn position(&self, number: i32, part: &Part) -> Position {
        let mut position = part.position.clone();
        let mut covered = position.next;
        for &(offset, _) in self.settling.iter().filter(|place| place.1 == number) {
            if offset >= covered {
                // Between two messages that are not done there are only such that are, and ends of transactions.
                let start = self.before(offset, number).map_or(position.next, |before| before + 1);
                let end = self.after(offset, number).map_or(part.seen, |after| after.min(part.seen));
                position.done.insert(start.max(position.next), end);
                covered = end;
            }
        }
        let first = self.after(position.next - 1, number).map_or(part.seen, |first| first.min(part.seen));
        advance(position, first)
    }

    fn is_open(&self, place: &Place) -> bool {
        !self.settling.contains(place)
    }

    /// Finds the last message before an offset that is not done.
    fn before(&self, offset: i64, number: i32) -> Option<i64> {
        let end = (offset, i32::MIN);
        let waiting = self.waiting.range(..end).rev().map(|(place, _)| place).find(|place| place.1 == number);
        let in_flight =
            self.in_flight.range(..end).rev().find(|place| place.1 == number && self.is_open(place));
        waiting.max(in_flight).map(|place| place.0)
    }

    /// Finds the first message after an offset that is not done.
    fn after(&self, offset: i64, number: i32) -> Option<i64> {
        let start = (offset + 1, i32::MIN);
        let waiting = self.waiting.range(start..).map(|(place, _)| place).find(|place| place.1 == number);
        let in_flight = self.in_flight.range(start..).find(|place| place.1 == number && self.is_open(place));
        [waiting, in_flight].into_iter().flatten().min().map(|place| place.0)
    }
}

/// Moves a position to the first offset that is not done.
fn advance(mut position: Position, first: i64) -> Position {
    position.next = position.next.max(first);
    while let Some(end) = position.done.end_of(position.next) {
        position.next = end;
    }
    position.done.drop_below(position.next);
    position.received = position.received.max(position.next);
    position
}
