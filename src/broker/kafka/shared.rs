//! What the links of one process share: its queues, and what is asked of the server about them.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message};

use super::admin::{Admin, Purpose};
use super::bell::Bell;
use super::client::{PATIENCE, Place};
use super::commit::{Doubt, Job};
use super::hanging::LATE;
use super::mind::Mind;
use super::names::Names;
use super::observer::{Observer, Scan};
use super::part::Position;
use super::queue::Known;
use super::ranges::Ranges;
use super::reader::{Fetched, Reader};
use super::writer::Writer;
use super::{BrokerError, KafkaOptions, Member};

/// How many offsets are read to count the messages among them, when somebody asks for a depth.
pub(super) const COUNTED: u64 = 20_000;
/// How long a depth is believed without asking the server, where somebody reads.
const ASKED: Duration = Duration::from_millis(200);
/// How long to wait before a position is asked for again that a transaction is about to change.
const UNSTABLE: Duration = Duration::from_millis(5);

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the links of one process share.
pub(super) struct Shared {
    pub(super) place: Arc<Place>,
    pub(super) names: Names,
    pub(super) admin: Admin,
    pub(super) observer: Observer,
    pub(super) reader: Reader,
    pub(super) writer: Mutex<Writer>,
    /// Hops that wait for the transaction before theirs to end.
    pub(super) pending: Mutex<Vec<Arc<Job>>>,
    pub(super) doubt: Doubt,
    /// Whether the last transaction failed.
    pub(super) is_ailing: AtomicBool,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
    pub(super) minds: Mutex<HashMap<String, Arc<Mind>>>,
    /// Counts how often everyone was interrupted.
    pub(super) interrupts: AtomicU64,
    /// Where links without a source wait.
    pub(super) idle: Bell,
    pub(super) largest: usize,
    /// This process among those that are the same bot.
    pub(super) member: Member,
}

/// One queue.
pub(super) struct Queue {
    pub(super) topic: Arc<str>,
    /// Rings when something came, or everyone is interrupted.
    pub(super) arrival: Arc<Bell>,
    /// Rings when something is gone, or everyone is interrupted.
    pub(super) room: Bell,
    /// The partition of the next message.
    turn: AtomicUsize,
    /// Held while a link comes or goes.
    pub(super) linking: Mutex<()>,
    pub(super) inner: Mutex<Inner>,
}

/// What changes of a queue.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) known: Known,
    /// Where its partitions are fetched into; none if they are not.
    pub(super) fetched: Vec<(i32, Fetched)>,
    pub(super) links: usize,
    /// Whether the stored positions were read.
    pub(super) is_loaded: bool,
    /// Counts what this process has stored of the positions.
    pub(super) version: u64,
    /// When the server was last asked for a depth, while somebody reads here.
    asked: Option<Instant>,
}

impl Queue {
    fn new(topic: &str, partitions: usize) -> Queue {
        let known = Known::new(partitions);
        Queue {
            topic: topic.into(),
            arrival: Arc::default(),
            room: Bell::default(),
            turn: AtomicUsize::new(0),
            linking: Mutex::default(),
            inner: Mutex::new(Inner { known, ..Inner::default() }),
        }
    }

    /// Returns the partition for the next message.
    pub(super) fn next_partition(&self, partitions: usize) -> i32 {
        (self.turn.fetch_add(1, Ordering::Relaxed) % partitions.max(1)) as i32
    }
}

impl Inner {
    /// Takes in what was fetched, as long as there is room.
    pub(super) fn drain(&mut self) {
        for (partition, fetched) in &self.fetched {
            while !self.known.is_full() {
                match fetched.poll(Duration::ZERO) {
                    Some(Ok(message)) if message.key().is_some() => {}
                    Some(Ok(message)) => {
                        let body = message.payload().unwrap_or_default();
                        self.known.fetched(*partition, message.offset(), body);
                    }
                    // The client tries again by itself.
                    Some(Err(_)) => {}
                    None => break,
                }
            }
        }
    }

    /// Notes that what lay before these offsets was deleted, and nothing is in flight.
    pub(super) fn cut(&mut self, ends: &[(i32, i64)]) {
        let stored = (0..).zip(&self.known.parts).map(|(number, part)| (number, part.stored.clone()));
        self.restart(stored.collect());
        for (number, end) in ends {
            self.known.parts[*number as usize].reaches(*end, *end);
        }
    }

    fn restart(&mut self, stored: Vec<(i32, Position)>) {
        self.fetched.clear();
        self.known.restart(stored);
        self.is_loaded = true;
    }
}

impl Shared {
    pub(super) fn new(options: &KafkaOptions) -> Shared {
        let place = Arc::new(Place::new(options));
        let names = Names::new(&options.prefix);
        let group = format!("{}intelmq-lab", names.prefix());
        let name = format!("{}{}", names.prefix(), options.identity);
        Shared {
            admin: Admin::new(place.clone(), options),
            observer: Observer::new(place.clone(), group.clone()),
            reader: Reader::new(place.clone(), group),
            writer: Mutex::new(Writer::new(place.clone(), options, name)),
            place,
            names,
            pending: Mutex::default(),
            doubt: Doubt::default(),
            is_ailing: AtomicBool::new(false),
            queues: Mutex::default(),
            minds: Mutex::default(),
            interrupts: AtomicU64::new(0),
            idle: Bell::default(),
            largest: options.largest,
            member: options.identity.clone(),
        }
    }

    fn topic(&self, queue: &str) -> Result<String, BrokerError> {
        let long = || self.place.refused(format!("the queue's name {queue:?} is too long for a topic"));
        self.names.queue(queue).ok_or_else(long)
    }

    /// Finds a queue; `None` if there is no such topic.
    pub(super) fn find(&self, name: &str) -> Result<Option<Arc<Queue>>, BrokerError> {
        if let Some(queue) = lock(&self.queues).get(name) {
            return Ok(Some(queue.clone()));
        }
        let topic = self.topic(name)?;
        let Some(partitions) = self.observer.partitions(&topic)? else { return Ok(None) };
        let mut queues = lock(&self.queues);
        let queue = queues.entry(name.to_owned()).or_insert_with(|| Arc::new(Queue::new(&topic, partitions)));
        Ok(Some(queue.clone()))
    }

    /// Finds queues, and makes the topics that are missing.
    pub(super) fn make(&self, names: &[&str]) -> Result<Vec<Arc<Queue>>, BrokerError> {
        let mut missing = BTreeSet::new();
        for name in names {
            if self.find(name)?.is_none() {
                missing.insert(self.topic(name)?);
            }
        }
        let topics: Vec<&str> = missing.iter().map(String::as_str).collect();
        self.create(&topics, Purpose::Queue)?;
        let gone = || self.place.unavailable("a topic that was just made is not there");
        names.iter().map(|name| self.find(name)?.ok_or_else(gone)).collect()
    }

    /// Makes topics and waits until they can be used.
    pub(super) fn create(&self, topics: &[&str], purpose: Purpose) -> Result<(), BrokerError> {
        self.admin.create(topics, purpose)?;
        let deadline = Instant::now() + PATIENCE;
        let tick = Bell::default();
        for topic in topics {
            while self.observer.partitions(topic)?.is_none() {
                if Instant::now() >= deadline {
                    return Err(self
                        .place
                        .unavailable(format!("the topic {topic} was made and does not appear")));
                }
                tick.wait(0, Instant::now() + UNSTABLE);
            }
            lock(&self.writer).meet(topic);
        }
        Ok(())
    }

    /// Forgets queues that nobody reads here, so that their topics are looked for when they are next needed.
    pub(super) fn forget<'a>(&self, queues: impl Iterator<Item = &'a Arc<Queue>>) {
        let gone: Vec<_> =
            queues.filter(|queue| lock(&queue.inner).links == 0).map(|queue| &queue.topic).collect();
        lock(&self.queues).retain(|_, queue| !gone.contains(&&queue.topic));
    }

    /// Lists the queues that are known here.
    pub(super) fn known_queues(&self) -> Vec<Arc<Queue>> {
        lock(&self.queues).values().cloned().collect()
    }

    /// Reads the stored positions of a queue, once no transaction is about to change them.
    pub(super) fn stable_positions(&self, queue: &Queue) -> Result<Vec<(i32, Position)>, BrokerError> {
        let partitions = lock(&queue.inner).known.parts.len();
        let deadline = Instant::now() + PATIENCE;
        let mut hangs = Some(Instant::now() + LATE);
        let tick = Bell::default();
        loop {
            if let Some(positions) = self.observer.positions(&queue.topic, partitions)? {
                return Ok(positions);
            }
            if hangs.take_if(|late| Instant::now() >= *late).is_some() {
                self.try_end_hanging(&[], true)?;
            }
            if Instant::now() >= deadline {
                let text = format!("somebody's open transaction has to do with {}", queue.topic);
                return Err(self.place.unavailable(text));
            }
            tick.wait(0, Instant::now() + UNSTABLE);
        }
    }

    /// Learns how far a queue reaches; and how far it is done, if nobody reads it here.
    pub(super) fn look(&self, queue: &Queue) -> Result<(), BrokerError> {
        let (partitions, links, is_loaded, version) = {
            let inner = lock(&queue.inner);
            (inner.known.parts.len(), inner.links, inner.is_loaded, inner.version)
        };
        if links > 0 {
            return self.ask_now_and_then(queue);
        }
        let positions = if is_loaded {
            self.observer.positions(&queue.topic, partitions)?
        } else {
            Some(self.stable_positions(queue)?)
        };
        self.measure(queue)?;
        let mut inner = lock(&queue.inner);
        if let Some(positions) = positions.filter(|_| inner.links == 0 && inner.version == version) {
            let parts = &inner.known.parts;
            let same = positions.iter().all(|(number, position)| parts[*number as usize].stored == *position);
            if !(inner.is_loaded && same) {
                inner.restart(positions);
                drop(inner);
                self.measure(queue)?;
            }
        }
        Ok(())
    }

    /// What is in memory is right while the server is there: so it is asked now and then whether it is.
    fn ask_now_and_then(&self, queue: &Queue) -> Result<(), BrokerError> {
        let asked = lock(&queue.inner).asked;
        if asked.is_none_or(|asked| asked.elapsed() > ASKED) {
            self.measure(queue)?;
            lock(&queue.inner).asked = Some(Instant::now());
        }
        Ok(())
    }

    /// Learns from where to where the partitions of a queue reach.
    pub(super) fn measure(&self, queue: &Queue) -> Result<(), BrokerError> {
        let partitions = lock(&queue.inner).known.parts.len();
        for number in 0..partitions {
            let (low, high) = self.observer.reach(&queue.topic, number as i32)?;
            lock(&queue.inner).known.parts[number].reaches(low, high);
        }
        Ok(())
    }

    /// Reads committed messages, as [`Observer::scan`] does.
    pub(super) fn scan(
        &self,
        scan: Scan<'_>,
        visit: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<i64, BrokerError> {
        self.appears(scan)?;
        self.observer.scan(scan, visit)
    }

    /// Finds out which offsets of a queue are messages, if no more than `most` are unclear.
    pub(super) fn explore(&self, queue: &Queue, most: u64) -> Result<(), BrokerError> {
        let unclear: Vec<(i32, i64, i64)> = {
            let inner = lock(&queue.inner);
            let parts = inner.known.own().filter(|(_, part)| (1..=most).contains(&part.unknown()));
            parts.map(|(number, part)| (number, part.unexplored().start, part.sent)).collect()
        };
        for (number, from, sent) in unclear {
            let mut found = Ranges::default();
            let scan = Scan { topic: &queue.topic, partition: number, from, sent };
            let end = self.scan(scan, |message| {
                if message.key().is_none() {
                    found.insert(message.offset(), message.offset() + 1);
                }
                true
            })?;
            lock(&queue.inner).known.parts[number as usize].explore(from, end, found);
        }
        Ok(())
    }
}
