//! The broker Kafka: a topic for each queue, a compacted one for each bot's memory, and a transaction for each hop.
//!
//! A hop's messages, the consumer's positions and what bots remember are one transaction (`docs/decisions/005-kafka.md`).
//! What is known of a queue is in memory; offsets alone do not tell how many messages there are.

mod admin;
mod bell;
mod client;
mod commit;
mod hanging;
mod kind;
mod link;
mod memory;
mod mind;
mod names;
mod observer;
mod part;
mod queue;
mod ranges;
mod reader;
mod shared;
mod standalone;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::message::Message;

pub(super) use self::kind::KIND;
use self::link::KafkaLink;
use self::observer::Scan;
use self::shared::{COUNTED, Queue, Shared, lock};
pub use self::standalone::{JAVA_OPTIONS, META, META_FILE, SERVER_CLASS, Standalone, USER};
use super::{Broker, BrokerError, Delivery, Depth, Hop, Link, Member, Outgoing, Wiring};

/// How long a queue that is read elsewhere is believed to be full before it is looked at again.
const LOOK: Duration = Duration::from_millis(200);

/// Where Kafka is and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaOptions {
    /// Hosts and ports, with commas between.
    pub servers: String,
    /// What the names of topics, groups and transactions begin with; botnets on one server differ by it.
    pub prefix: String,
    /// This process among those of the botnet: a newer one of the same name and number ends the older one's work. Of several
    /// that share a queue each reads its share of the partitions.
    pub identity: Member,
    /// How many partitions a new queue gets; with more than one the order of its messages is not kept.
    pub partitions: i32,
    /// How many servers keep each new topic; -1 is what the server's administrator chose.
    pub replication: i32,
    /// The size of the largest message, in bytes.
    pub largest: usize,
    /// How long a transaction may take; what a process left open when it died holds up others for as long.
    pub transaction: Duration,
    /// Properties of librdkafka, for example `security.protocol`.
    pub properties: BTreeMap<String, String>,
}

impl KafkaOptions {
    /// Returns what is used unless somebody says otherwise.
    pub fn new(servers: &str, prefix: &str, identity: &Member) -> KafkaOptions {
        KafkaOptions {
            servers: servers.to_owned(),
            prefix: prefix.to_owned(),
            identity: identity.clone(),
            partitions: 1,
            replication: -1,
            largest: 96 << 20,
            transaction: Duration::from_secs(15),
            properties: BTreeMap::new(),
        }
    }
}

/// Queues at a Kafka server.
pub struct Kafka(Arc<Shared>);

impl Kafka {
    /// Makes a broker; the server is asked when it is first needed.
    pub fn new(options: &KafkaOptions) -> Kafka {
        Kafka(Arc::new(Shared::new(options)))
    }

    /// Makes a queue one that is read here.
    fn attach(&self, queue: &Arc<Queue>) -> Result<(), BrokerError> {
        let _linking = lock(&queue.linking);
        self.0.surface(queue)?;
        self.0.look(queue)?;
        let offsets: Vec<(i32, i64)> = {
            let mut inner = lock(&queue.inner);
            let attached = inner.links > 0 || !inner.fetched.is_empty();
            inner.known.share(&self.0.member);
            let own: Vec<_> = inner.known.own().map(|(number, part)| (number, part.seen)).collect();
            let offsets = if attached { Vec::new() } else { own };
            if attached || offsets.is_empty() {
                inner.links += 1;
            }
            offsets
        };
        if !offsets.is_empty() {
            let fetched = self.0.reader.attach(&queue.topic, &offsets, &queue.arrival)?;
            let mut inner = lock(&queue.inner);
            inner.fetched = offsets.iter().map(|(number, _)| *number).zip(fetched).collect();
            inner.links += 1;
        }
        Ok(())
    }

    /// Removes what waits in a queue that is read here.
    fn clear_linked(&self, queue: &Arc<Queue>) -> Result<u64, BrokerError> {
        let mut writer = lock(&self.0.writer);
        self.0.measure(queue)?;
        self.0.explore(queue, u64::MAX)?;
        let (cleared, marks) = {
            let inner = lock(&queue.inner);
            (inner.known.depth().waiting, inner.known.cleared())
        };
        self.0.write_marks(&mut writer, queue, marks)?;
        Ok(cleared)
    }

    /// Removes what waits in a queue that nobody reads here.
    fn clear_unlinked(&self, queue: &Queue) -> Result<u64, BrokerError> {
        self.0.explore(queue, u64::MAX)?;
        let (cleared, ends) = {
            let inner = lock(&queue.inner);
            let ends = (0..).zip(&inner.known.parts).map(|(number, part)| (number, part.unexplored().start));
            (inner.known.depth().total(), ends.collect::<Vec<_>>())
        };
        if cleared > 0 {
            self.0.admin.cut(&queue.topic, &ends)?;
            lock(&queue.inner).cut(&ends);
            queue.room.ring();
        }
        Ok(cleared)
    }
}

impl Broker for Kafka {
    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        // Ends what an earlier process of this name left open, so that all that follows sees one state.
        lock(&self.0.writer).recover()?;
        self.0.settle_doubt()?;
        let source = wiring.source.as_deref();
        let names: Vec<&str> =
            source.into_iter().chain(wiring.destinations.iter().map(String::as_str)).collect();
        let queues = self.0.make(&names)?;
        let source = source.and_then(|_| queues.into_iter().next());
        if let Some(queue) = &source {
            self.attach(queue)?;
        }
        Ok(Box::new(KafkaLink::new(self.0.clone(), source)))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.0.settle_doubt()?;
        let Some(queue) = self.0.find(queue)? else { return Ok(Depth::default()) };
        self.0.look(&queue)?;
        self.0.explore(&queue, COUNTED)?;
        let depth = lock(&queue.inner).known.depth();
        Ok(depth)
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        self.0.settle_doubt()?;
        let Some(queue) = self.0.find(queue)?.filter(|_| max > 0) else { return Ok(Vec::new()) };
        self.0.look(&queue)?;
        let parts = lock(&queue.inner).known.parts.clone();
        let mut found = Vec::new();
        for (partition, part) in (0..).zip(&parts) {
            let last = lock(&queue.inner).known.last_in_flight(partition).unwrap_or(-1);
            let before = found.len();
            let position = &part.position;
            let scan = Scan { topic: &queue.topic, partition, from: position.next, sent: part.sent };
            self.0.scan(scan, |message| {
                let offset = message.offset();
                if message.key().is_none() && !position.done.contains(offset) {
                    found.push(((offset, partition), message.payload().unwrap_or_default().to_vec()));
                }
                found.len() - before < max || offset < last
            })?;
        }
        let inner = lock(&queue.inner);
        found.sort_by_key(|(place, _)| (!inner.known.is_in_flight(place), *place));
        found.truncate(max);
        Ok(found.into_iter().map(|(_, body)| body).collect())
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        self.0.settle_doubt()?;
        let Some(queue) = self.0.find(queue)? else { return Ok(0) };
        let _linking = lock(&queue.linking);
        self.0.look(&queue)?;
        let links = lock(&queue.inner).links;
        if links > 0 { self.clear_linked(&queue) } else { self.clear_unlinked(&queue) }
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let topics = self.0.observer.topics()?;
        let mut full = Vec::new();
        for name in topics.keys().filter_map(|topic| self.0.names.queue_of(topic)) {
            if self.depth(&name)?.total() > 0 {
                full.push(name);
            }
        }
        full.sort_unstable();
        Ok(full)
    }

    fn interrupt(&self) {
        self.0.interrupts.fetch_add(1, Ordering::SeqCst);
        for queue in self.0.known_queues() {
            queue.arrival.ring();
            queue.room.ring();
        }
        self.0.idle.ring();
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        let deadline = bell::deadline(wait);
        let interrupts = self.0.interrupts.load(Ordering::SeqCst);
        let Some(queue) = self.0.find(queue)? else { return Ok(limit > 0) };
        loop {
            let rung = queue.room.count();
            let is_below = || lock(&queue.inner).known.depth().total() < limit;
            let is_loaded = lock(&queue.inner).is_loaded;
            // What is not known is counted as full, so that only a queue that seems full has to be looked at.
            if is_loaded && is_below() {
                return Ok(true);
            }
            self.0.settle_doubt()?;
            self.0.look(&queue)?;
            self.0.explore(&queue, COUNTED.max(limit))?;
            if is_below() {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= deadline || self.0.interrupts.load(Ordering::SeqCst) != interrupts {
                return Ok(false);
            }
            let is_read_here = lock(&queue.inner).links > 0;
            queue.room.wait(rung, if is_read_here { deadline } else { deadline.min(now + LOOK) });
        }
    }
}
