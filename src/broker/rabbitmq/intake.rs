//! What the server sends of one queue: one consumer, shared by all instances of this process that read it.
//!
//! The server sends ahead, so that nobody waits for it. What was sent ahead and not received waits here, in the queue's
//! order; what an instance gives back returns to its place. So instances share a queue message by message, as at a broker
//! within the process, and the server only hears what is finished.

mod inner;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use lapin::options::{BasicCancelOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};

use super::settled::{Id, Settled};
use super::wait::{Signal, answer, deadline};
use super::wire::{ANSWER, Wire};
use super::{BrokerError, Delivery, Shared, lock};

/// How many bytes one receive returns, give or take the last message.
const BATCH_BYTES: usize = 4 << 20;
/// How long a look at what is there waits for messages that the server is about to send.
const ABOUT: Duration = Duration::from_secs(1);
/// How long it waits before it asks again.
const AGAIN: Duration = Duration::from_millis(5);

/// The messages of one queue, as far as they are here.
pub(super) struct Intake {
    queue: String,
    name: ShortString,
    /// Rung when something arrives.
    pub(super) signal: Arc<Signal>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    feed: Option<Feed>,
    /// Counts the feeds: deliveries of an earlier one mean nothing to the server any more.
    generation: u64,
    /// Why the last feed ended.
    reason: String,
    /// What was sent ahead, in order.
    waiting: VecDeque<Parcel>,
    /// What instances have received and not acknowledged, by its tag.
    held: BTreeMap<u64, Parcel>,
    /// How many messages have arrived.
    arrived: u64,
    settled: Settled,
    /// The numbers of the instances.
    slots: BTreeSet<usize>,
}

/// The server's side of it.
struct Feed {
    channel: Channel,
    consumer: Consumer,
    /// How many messages may be here unacknowledged.
    window: usize,
    /// The last tag that came before this window was opened: what is older does not count.
    opened: u64,
    /// The last tag that came.
    last: u64,
}

/// A message that is here.
struct Parcel {
    tag: u64,
    id: Option<Id>,
    body: Vec<u8>,
    redelivered: bool,
}

/// What an instance has in hand.
#[derive(Debug, Default)]
pub(super) struct Hand {
    /// The instance's number at this queue.
    pub(super) slot: usize,
    generation: u64,
    /// The tags of what it has received, in order.
    tags: VecDeque<u64>,
}

impl Hand {
    /// Returns how many messages it holds.
    pub(super) fn len(&self) -> usize {
        self.tags.len()
    }
}

impl Intake {
    /// Makes an intake to which nothing comes yet; `settled` is known to be finished.
    pub(super) fn new(queue: &str, name: ShortString, settled: impl IntoIterator<Item = Id>) -> Intake {
        let mut inner = Inner::default();
        inner.settled.add(settled);
        Intake { queue: queue.to_owned(), name, signal: Arc::default(), inner: Mutex::new(inner) }
    }

    /// Takes part.
    pub(super) fn join(&self) -> Hand {
        let mut inner = lock(&self.inner);
        let slot = (0..=inner.slots.len()).find(|slot| !inner.slots.contains(slot)).unwrap_or_default();
        inner.slots.insert(slot);
        Hand { slot, generation: inner.generation, tags: VecDeque::new() }
    }

    /// Takes part no longer; when nobody does, everything goes back to the server.
    pub(super) fn leave(&self, hand: &mut Hand) {
        self.give_back(hand);
        let mut inner = lock(&self.inner);
        inner.slots.remove(&hand.slot);
        if inner.slots.is_empty()
            && let Some(feed) = inner.lose("nobody reads it")
        {
            drop(inner);
            // Once that is answered everything is back in the queue.
            let _ = answer(feed.channel.close(200, "done".into()), deadline(ANSWER));
        }
    }

    /// Gives everything in hand back to its place.
    pub(super) fn give_back(&self, hand: &mut Hand) {
        let mut inner = lock(&self.inner);
        if hand.generation == inner.generation {
            for tag in hand.tags.drain(..) {
                if let Some(parcel) = inner.held.remove(&tag) {
                    let at = inner.waiting.partition_point(|other| other.tag < tag);
                    inner.waiting.insert(at, Parcel { redelivered: true, ..parcel });
                }
            }
        }
        *hand = Hand { slot: hand.slot, generation: inner.generation, tags: VecDeque::new() };
        drop(inner);
        self.signal.ring();
    }

    /// Complains if what is in hand was lost with the connection.
    pub(super) fn check(&self, wire: &Wire, hand: &mut Hand) -> Result<(), BrokerError> {
        self.look(wire).check(wire, hand)
    }

    /// Receives up to `max` messages; all that are there, if `thorough`, else what has come.
    pub(super) fn receive(
        &self,
        shared: &Shared,
        hand: &mut Hand,
        max: usize,
        thorough: bool,
    ) -> Result<Vec<Delivery>, BrokerError> {
        let wire = &shared.incoming;
        let mut inner = self.look(wire);
        inner.check(wire, hand)?;
        if max == 0 {
            return Ok(Vec::new());
        }
        if inner.waiting.len() < max {
            inner = self.open(inner, shared, max)?;
            if thorough {
                drop(inner);
                self.fetch(wire, max)?;
                inner = self.look(wire);
                inner.check(wire, hand)?;
            }
        }
        hand.generation = inner.generation;
        let mut room = BATCH_BYTES;
        let mut deliveries = Vec::new();
        while deliveries.len() < max && room > 0 {
            let Some(parcel) = inner.waiting.pop_front() else { break };
            room = room.saturating_sub(parcel.body.len().max(1));
            deliveries.push(Delivery { body: parcel.body.clone(), redelivered: parcel.redelivered });
            hand.tags.push_back(parcel.tag);
            inner.held.insert(parcel.tag, parcel);
        }
        Ok(deliveries)
    }

    /// Returns the numbers of the oldest messages in hand, as far as they have some.
    pub(super) fn oldest(&self, hand: &Hand, count: usize) -> Vec<Id> {
        let inner = lock(&self.inner);
        hand.tags.iter().take(count).filter_map(|tag| inner.held.get(tag)?.id).collect()
    }

    /// Acknowledges the oldest messages in hand. It cannot fail: what the server does not hear is known to be finished.
    pub(super) fn acknowledge(&self, hand: &mut Hand, count: usize) {
        if count == 0 {
            return;
        }
        let mut inner = lock(&self.inner);
        let tags: Vec<u64> = hand.tags.drain(..count.min(hand.tags.len())).collect();
        if hand.generation != inner.generation {
            return;
        }
        let done: Vec<Parcel> = tags.iter().filter_map(|tag| inner.held.remove(tag)).collect();
        inner.settled.add(done.iter().filter_map(|parcel| parcel.id));
        inner.confirm(&tags);
    }

    /// Counts what waits here and what is in flight, after everything that the server has sent has come; `None` if nobody
    /// reads here. The first number is what still lies at the server.
    pub(super) fn count(&self, wire: &Wire) -> Result<Option<[u64; 3]>, BrokerError> {
        let mut before = None;
        for _ in 0..3 {
            let inner = self.look(wire);
            let (Some(feed), arrived) = (&inner.feed, inner.arrived) else { return Ok(None) };
            let channel = feed.channel.clone();
            drop(inner);
            let ready = ask(wire, &channel, &self.name)?;
            let again = ask(wire, &channel, &self.name)?;
            let inner = self.look(wire);
            let now = [u64::from(again), inner.waiting.len() as u64, inner.held.len() as u64];
            // What came meanwhile may have been counted at the server, too.
            if (ready == again && inner.arrived == arrived) || before == Some(now) {
                return Ok(inner.feed.is_some().then_some(now));
            }
            before = Some(now);
        }
        Ok(before)
    }

    /// Returns the bodies of what is here, in flight first.
    pub(super) fn bodies(&self, max: usize) -> Vec<Vec<u8>> {
        let inner = lock(&self.inner);
        inner.held.values().chain(&inner.waiting).take(max).map(|parcel| parcel.body.clone()).collect()
    }

    /// Removes what waits here, after everything that the server has sent has come; returns how many there were.
    pub(super) fn clear(&self, wire: &Wire) -> Result<u64, BrokerError> {
        if self.count(wire)?.is_none() {
            return Ok(0);
        }
        let mut inner = lock(&self.inner);
        let tags: Vec<u64> = inner.waiting.drain(..).map(|parcel| parcel.tag).collect();
        inner.confirm(&tags);
        Ok(tags.len() as u64)
    }

    /// Takes in what has come.
    fn look(&self, wire: &Wire) -> MutexGuard<'_, Inner> {
        let mut inner = lock(&self.inner);
        inner.take_in(wire, &Waker::from(Arc::clone(&self.signal)));
        inner
    }

    /// Makes the server send, and enough of it.
    fn open<'a>(
        &'a self,
        mut inner: MutexGuard<'a, Inner>,
        shared: &Shared,
        max: usize,
    ) -> Result<MutexGuard<'a, Inner>, BrokerError> {
        let (wire, most) = (&shared.incoming, usize::from(shared.address.prefetch));
        let (taken, more) = (inner.taken(), max.saturating_sub(inner.waiting.len()));
        if inner.feed.as_ref().is_some_and(|feed| taken + more <= feed.window) {
            return Ok(inner);
        }
        let window = taken.saturating_add(max.saturating_mul(2)).min(most);
        if let Some(feed) = inner.feed.as_ref().filter(|feed| feed.window < window) {
            let (channel, tag) = (feed.channel.clone(), feed.consumer.tag());
            wire.ask(channel.basic_cancel(tag, BasicCancelOptions::default()))?;
            // Its last messages come before the answer; its end is not the queue's.
            inner.drain();
            inner.consume(wire, channel, &self.name, window)?;
        } else if inner.feed.is_none() {
            // It may have been deleted since it was made, also while the connection was lost.
            shared.declare(&self.queue)?;
            inner.consume(wire, wire.channel()?, &self.name, window)?;
        }
        inner.take_in(wire, &Waker::from(Arc::clone(&self.signal)));
        Ok(inner)
    }

    /// Waits until what the server can send now has come, at least `max` messages or all.
    fn fetch(&self, wire: &Wire, max: usize) -> Result<(), BrokerError> {
        let end = Instant::now() + ABOUT;
        loop {
            let seen = self.signal.count();
            let inner = self.look(wire);
            let Some(feed) = &inner.feed else { return Ok(()) };
            let (channel, window, taken) = (feed.channel.clone(), feed.window, inner.taken());
            if inner.waiting.len() >= max || taken >= window {
                return Ok(());
            }
            drop(inner);
            // What was sent before the first answer has come with the second.
            ask(wire, &channel, &self.name)?;
            if ask(wire, &channel, &self.name)? == 0 || Instant::now() >= end {
                return Ok(());
            }
            self.signal.wait(seen, deadline(AGAIN));
        }
    }
}

/// Asks how many messages lie at the server.
fn ask(wire: &Wire, channel: &Channel, name: &ShortString) -> Result<u32, BrokerError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let queue = wire.ask(channel.queue_declare(name.clone(), options, FieldTable::default()))?;
    Ok(queue.message_count())
}
