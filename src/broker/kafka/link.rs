//! One bot instance at Kafka.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::message::Message;

use super::bell::deadline;
use super::commit::{Entry, Job};
use super::hanging::{LATE, Partition};
use super::memory::{now, stored};
use super::observer::Scan;
use super::queue::{Lease, Place};
use super::shared::{COUNTED, Queue, Shared, lock};
use super::{BrokerError, Delivery, Hop, Link, Outgoing};

/// How long messages that are known to be there may take to come.
const COMING: Duration = Duration::from_secs(5);

/// How many bytes a message has beside its body, at most.
const OVERHEAD: usize = 1024;

/// The link of one instance.
pub(super) struct KafkaLink {
    shared: Arc<Shared>,
    source: Option<Arc<Queue>>,
    /// What was received and not acknowledged, in order.
    held: VecDeque<Place>,
    interrupts: u64,
    /// Whether everything held is to be given back, which could not be done before.
    gives_back: bool,
}

impl KafkaLink {
    /// Connects an instance to its source.
    pub(super) fn new(shared: Arc<Shared>, source: Option<Arc<Queue>>) -> KafkaLink {
        let interrupts = shared.interrupts.load(Ordering::SeqCst);
        KafkaLink { shared, source, held: VecDeque::new(), interrupts, gives_back: false }
    }

    /// Finds out what became of earlier hops, and forgets what they acknowledged.
    fn settle(&mut self) -> Result<(), BrokerError> {
        self.shared.settle_doubt()?;
        if let Some(source) = &self.source {
            let mut inner = lock(&source.inner);
            self.held.retain(|place| inner.known.is_in_flight(place));
            if std::mem::take(&mut self.gives_back) {
                inner.known.give_back(self.held.drain(..));
                drop(inner);
                source.arrival.ring();
            }
        }
        Ok(())
    }

    /// Waits for messages and takes them into flight.
    fn lease(&mut self, source: &Queue, max: usize, wait: Duration) -> Result<Vec<Lease>, BrokerError> {
        let start = Instant::now();
        let deadline = deadline(wait);
        let mut explored = false;
        let mut late = None;
        let mut ended = false;
        loop {
            let rung = source.arrival.count();
            let interrupts = self.shared.interrupts.load(Ordering::SeqCst);
            let (ready, behind, unknown) = {
                let mut inner = lock(&source.inner);
                inner.drain();
                let known = &mut inner.known;
                let behind = known.coming() > 0;
                let (ready, full) = (known.ready(), known.is_full());
                // Who does not want to wait gets all that is there; others what came first.
                if ready >= max || full || (ready > 0 && !(wait.is_zero() && behind)) {
                    return Ok(known.lease(max));
                }
                (ready, behind, known.unknown() > 0)
            };
            let coming = behind && start.elapsed() < COMING;
            if wait.is_zero() && unknown && !explored {
                self.shared.explore(source, COUNTED)?;
                explored = true;
                continue;
            }
            let interrupted = interrupts != self.interrupts;
            if !coming && (interrupted || Instant::now() >= deadline) {
                self.interrupts = interrupts;
                return Ok(if ready > 0 { lock(&source.inner).known.lease(max) } else { Vec::new() });
            }
            late = late.filter(|_| behind).or_else(|| behind.then(|| Instant::now() + LATE));
            if !ended && late.is_some_and(|late| Instant::now() >= late) {
                self.shared.try_end_hanging(&parts(source), false)?;
                ended = true;
                continue;
            }
            let until = if coming { start + COMING } else { deadline };
            source.arrival.wait(rung, late.filter(|_| !ended).map_or(until, |late| late.min(until)));
        }
    }

    /// Fetches the bodies again that came back without.
    fn fetch_bodies(&self, source: &Queue, leases: &mut [Lease]) -> Result<(), BrokerError> {
        let mut missing: BTreeMap<i32, BTreeMap<i64, &mut Lease>> = BTreeMap::new();
        for lease in leases.iter_mut().filter(|lease| lease.body.is_none()) {
            let (offset, partition) = lease.place;
            missing.entry(partition).or_default().insert(offset, lease);
        }
        for (partition, mut missing) in missing {
            let Some((&from, _)) = missing.first_key_value() else { continue };
            let scan = Scan { topic: &source.topic, partition, from, sent: 0 };
            self.shared.observer.scan(scan, |message| {
                if let Some(lease) = missing.remove(&message.offset()) {
                    lease.body = Some(message.payload().unwrap_or_default().to_vec());
                }
                !missing.is_empty()
            })?;
            if let Some((offset, _)) = missing.first_key_value() {
                let text = format!("the message {offset} of {} is gone", source.topic);
                return Err(self.shared.place.unavailable(text));
            }
        }
        Ok(())
    }

    fn job(&self, hop: Hop) -> Result<Job, BrokerError> {
        let mut job = Job::default();
        let mut last: Option<(Arc<str>, Arc<Queue>, usize)> = None;
        for Outgoing { queue: name, body } in hop.outgoing {
            if body.len() + OVERHEAD > self.shared.largest {
                let text =
                    "a message of {} bytes is too large; kafka_max_message_bytes says how large it may be";
                return Err(self.shared.place.refused(text.replace("{}", &body.len().to_string())));
            }
            if last.as_ref().is_none_or(|(known, ..)| *known != name) {
                let queue = self.shared.make(&[&name])?.remove(0);
                let partitions = lock(&queue.inner).known.parts.len();
                last = Some((name, queue, partitions));
            }
            if let Some((_, queue, partitions)) = &last {
                job.outgoing.push((queue.clone(), queue.next_partition(*partitions), body));
            }
        }
        let now = now();
        for entry in hop.state {
            let mind = self.shared.make_mind(&entry.bot)?;
            let value = entry.value.map(|value| stored(&value, entry.ttl, now));
            job.state.push(Entry { mind, key: entry.key, value });
        }
        if let (Some(source), true) = (&self.source, hop.acknowledge > 0) {
            let places = self.held.iter().take(hop.acknowledge).copied().collect();
            job.acknowledged = Some((source.clone(), places));
        }
        Ok(job)
    }
}

fn parts(queue: &Queue) -> Vec<Partition<'_>> {
    let count = lock(&queue.inner).known.parts.len() as i32;
    (0..count).map(|partition| (&*queue.topic, partition)).collect()
}

impl Link for KafkaLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.settle()?;
        let Some(source) = self.source.clone() else {
            let seen = self.shared.idle.count();
            let interrupts = self.shared.interrupts.load(Ordering::SeqCst);
            if interrupts == self.interrupts && max > 0 {
                self.shared.idle.wait(seen, deadline(wait));
            }
            self.interrupts = self.shared.interrupts.load(Ordering::SeqCst);
            return Ok(Vec::new());
        };
        if max == 0 {
            return Ok(Vec::new());
        }
        self.shared.reader.serve()?;
        let mut leases = self.lease(&source, max, wait)?;
        if let Err(error) = self.fetch_bodies(&source, &mut leases) {
            lock(&source.inner).known.give_back(leases.into_iter().map(|lease| lease.place));
            return Err(error);
        }
        self.held.extend(leases.iter().map(|lease| lease.place));
        let delivery =
            |lease: Lease| Delivery { body: lease.body.unwrap_or_default(), redelivered: lease.redelivered };
        Ok(leases.into_iter().map(delivery).collect())
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        self.settle()?;
        let count = hop.acknowledge;
        if count > self.held.len() {
            let text =
                format!("a hop acknowledges {} more messages than were received", count - self.held.len());
            return Err(self.shared.place.refused(text));
        }
        if hop == Hop::default() {
            return Ok(());
        }
        let job = self.job(hop)?;
        self.shared.store(job)?;
        self.held.drain(..count);
        Ok(())
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        self.gives_back = true;
        self.settle()
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.shared.settle_doubt()?;
        let mind = self.shared.mind(bot)?;
        self.shared.recall(&mind, key)
    }
}

impl Drop for KafkaLink {
    fn drop(&mut self) {
        // What cannot be given back now is fetched again by whoever links next.
        let _ = self.release();
        if let Some(source) = self.source.take() {
            let _linking = lock(&source.linking);
            let is_last = {
                let mut inner = lock(&source.inner);
                inner.links -= 1;
                if inner.links == 0 {
                    inner.known.leave();
                }
                inner.links == 0 && !inner.known.positions().is_empty()
            };
            if is_last && !self.shared.is_ailing.load(Ordering::SeqCst) {
                // So that what was delivered is known to come again.
                let job = Job::only_marks(&source);
                let _ = self.shared.store(job);
            }
        }
    }
}
