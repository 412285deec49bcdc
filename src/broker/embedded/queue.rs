//! The queues as the process knows them: what waits, what is in flight. No input or output.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Depth;
use super::bell::Bell;
use super::names::Names;

/// Some messages of one chunk, next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The chunk.
    pub(super) chunk: u64,
    /// The first message.
    pub(super) start: u32,
    /// The message after the last.
    pub(super) end: u32,
}

impl Segment {
    /// Returns how many messages it has.
    pub(super) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Cuts off the first messages, at most all.
    pub(super) fn take(&mut self, count: usize) -> Segment {
        let end = self.start + count.min(self.len()) as u32;
        let front = Segment { end, ..*self };
        self.start = end;
        front
    }
}

/// A place in a queue: chunk and message.
pub(super) type Place = (u64, u32);

/// One queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// What nobody has received, in order.
    waiting: VecDeque<Segment>,
    /// What was received, by place; the value is the end.
    in_flight: BTreeMap<Place, u32>,
    depth: Depth,
    /// The end of what was ever received; what waits before it was delivered already.
    pub(super) received: Place,
    /// Rings when messages have come.
    pub(super) arrival: Arc<Bell>,
    /// Rings when messages have gone.
    pub(super) room: Arc<Bell>,
}

impl Queue {
    /// Returns how full it is.
    pub(super) fn depth(&self) -> Depth {
        self.depth
    }

    /// Takes up to `max` messages from the front into flight.
    pub(super) fn lease(&mut self, max: usize) -> Vec<Segment> {
        let mut leased = Vec::new();
        let mut room = max;
        while room > 0
            && let Some(front) = self.waiting.front_mut()
        {
            let segment = front.take(room);
            if front.len() == 0 {
                self.waiting.pop_front();
            }
            room -= segment.len();
            self.in_flight.insert((segment.chunk, segment.start), segment.end);
            leased.push(segment);
        }
        let count = (max - room) as u64;
        self.depth.waiting -= count;
        self.depth.in_flight += count;
        leased
    }

    /// Ends the flight of messages, which are one lease or the front of one.
    pub(super) fn acknowledge(&mut self, segment: Segment) {
        if let Some(end) = self.in_flight.remove(&(segment.chunk, segment.start)) {
            if segment.end < end {
                self.in_flight.insert((segment.chunk, segment.end), end);
            }
            self.depth.in_flight -= segment.len() as u64;
            self.room.ring();
        }
    }

    /// Gives messages in flight back to their old place, all but the first `kept` of a lease; returns those.
    pub(super) fn give_back(&mut self, mut lease: Segment, kept: usize) -> Segment {
        self.acknowledge(lease);
        let kept = lease.take(kept);
        if kept.len() > 0 {
            self.in_flight.insert((kept.chunk, kept.start), kept.end);
            self.depth.in_flight += kept.len() as u64;
        }
        if lease.len() > 0 {
            self.put(lease);
        }
        kept
    }

    /// Takes up to `max` waiting segments out for good.
    pub(super) fn take_waiting(&mut self, max: usize) -> Vec<Segment> {
        let taken: Vec<_> = self.waiting.drain(..max.min(self.waiting.len())).collect();
        self.depth.waiting -= taken.iter().map(|segment| segment.len() as u64).sum::<u64>();
        self.room.ring();
        taken
    }

    /// Puts messages, new or old, to their place.
    pub(super) fn put(&mut self, segment: Segment) {
        let at = self.waiting.partition_point(|other| *other < segment);
        self.depth.waiting += segment.len() as u64;
        self.waiting.insert(at, segment);
        self.arrival.ring();
    }

    /// Returns the first messages: those in flight, then those that wait.
    pub(super) fn first(&self, max: usize) -> Vec<Segment> {
        let in_flight = self.in_flight.iter();
        let in_flight = in_flight.map(|(&(chunk, start), &end)| Segment { chunk, start, end });
        let mut room = max;
        let mut first = Vec::new();
        for mut segment in in_flight.chain(self.waiting.iter().copied()) {
            if room == 0 {
                break;
            }
            let part = segment.take(room);
            room -= part.len();
            first.push(part);
        }
        first
    }
}

/// All queues, by the number they have in the store; and how often everyone was interrupted.
#[derive(Debug, Default)]
pub(super) struct Queues {
    pub(super) names: Names,
    all: BTreeMap<u32, (Arc<str>, Queue)>,
    /// Counts [`super::Broker::interrupt`]: who saw another number before looks whether to stop.
    pub(super) interrupts: u64,
}

impl Queues {
    /// Finds a queue's number; an unknown queue is made.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        let number = self.names.number(name);
        self.all.entry(number).or_insert_with(|| (name.into(), Queue::default()));
        number
    }

    /// Takes over a queue from the store.
    pub(super) fn load(&mut self, name: &str, number: u32) {
        self.names.load(name, number);
        self.number(name);
    }

    /// Lists the numbers of all queues.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.all.keys().copied().collect()
    }

    /// Finds a queue that is known.
    pub(super) fn find(&self, name: &str) -> Option<(u32, &Queue)> {
        let number = self.names.get(name)?;
        Some((number, &self.all.get(&number)?.1))
    }

    /// Returns a queue by its number.
    pub(super) fn get(&mut self, number: u32) -> &mut Queue {
        &mut self.all.entry(number).or_default().1
    }

    /// Lists all queues.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Queue)> {
        self.all.values().map(|(name, queue)| (&**name, queue))
    }
}
