//! Hops become transactions: those that wait while one is written are written together in the next.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rdkafka::consumer::ConsumerGroupMetadata;

use super::BrokerError;
use super::hanging::Partition;
use super::memory::record_key;
use super::mind::Mind;
use super::part::Position;
use super::queue::Place;
use super::shared::{Queue, Shared, lock};
use super::writer::{Failed, Mark, Record, Writer};

/// After how many offsets that are done the server is asked to delete them.
const TRIM: i64 = 5000;

/// One thing that a bot remembers: its key, and its value as it is stored.
pub(super) struct Entry {
    pub(super) mind: Arc<Mind>,
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
}

/// A hop that is to be written.
#[derive(Default)]
pub(super) struct Job {
    /// Messages with the partitions for them.
    pub(super) outgoing: Vec<(Arc<Queue>, i32, Vec<u8>)>,
    /// What is acknowledged of which queue.
    pub(super) acknowledged: Option<(Arc<Queue>, Vec<Place>)>,
    /// What bots remember from now on.
    pub(super) state: Vec<Entry>,
    result: Mutex<Option<Result<(), BrokerError>>>,
}

impl Job {
    /// Makes a hop that stores how far a queue is done, and nothing else.
    pub(super) fn only_marks(queue: &Arc<Queue>) -> Job {
        Job { acknowledged: Some((queue.clone(), Vec::new())), ..Job::default() }
    }

    /// Lists the partitions that it writes to.
    fn partitions(&self) -> impl Iterator<Item = Partition<'_>> {
        let outgoing = self.outgoing.iter().map(|(queue, partition, _)| (&*queue.topic, *partition));
        outgoing.chain(self.state.iter().map(|entry| (&*entry.mind.topic, 0)))
    }

    fn end(&self, result: Result<(), BrokerError>) {
        *lock(&self.result) = Some(result);
    }
}

/// What may be stored or not, because a transaction ended in silence.
#[derive(Default)]
pub(super) struct Doubt {
    is_there: AtomicBool,
    jobs: Mutex<Vec<Arc<Job>>>,
}

/// What a transaction is made of.
struct Whole<'j> {
    records: Vec<Record<'j>>,
    /// What bots have forgotten because it expired; these records come first.
    expired: Vec<(&'j Arc<Mind>, Vec<u8>)>,
    marks: Vec<Mark>,
    /// The queues of the marks.
    sources: Vec<&'j Arc<Queue>>,
}

impl Shared {
    /// Stores a hop, together with others that came meanwhile.
    pub(super) fn store(&self, job: Job) -> Result<(), BrokerError> {
        let job = Arc::new(job);
        lock(&self.pending).push(job.clone());
        let mut writer = lock(&self.writer);
        // Whoever had the writer before may have written this one too.
        if let Some(result) = lock(&job.result).take() {
            return result;
        }
        let jobs = std::mem::take(&mut *lock(&self.pending));
        self.write_all(&mut writer, &jobs);
        drop(writer);
        lock(&job.result).take().unwrap_or_else(|| Err(self.place.unavailable("the hop was not written")))
    }

    fn write_all(&self, writer: &mut Writer, jobs: &[Arc<Job>]) {
        match self.write(writer, jobs) {
            // One that cannot be written must not hold up the others.
            Err(Failed::Nothing(BrokerError::Refused { .. })) if jobs.len() > 1 => {
                for job in jobs {
                    self.end(std::slice::from_ref(job), self.write(writer, std::slice::from_ref(job)));
                }
            }
            result => self.end(jobs, result),
        }
    }

    fn end(&self, jobs: &[Arc<Job>], result: Result<(), Failed>) {
        if let Err(Failed::Unsure(_)) = &result {
            lock(&self.doubt.jobs).extend(jobs.iter().cloned());
            self.doubt.is_there.store(true, Ordering::SeqCst);
        }
        let result = result.map_err(|(Failed::Nothing(error) | Failed::Unsure(error))| error);
        self.is_ailing.store(result.is_err(), Ordering::SeqCst);
        if result.is_err() {
            self.forget(jobs.iter().flat_map(|job| &job.outgoing).map(|(queue, ..)| queue));
        }
        for job in jobs {
            job.end(result.clone());
        }
    }

    fn write(&self, writer: &mut Writer, jobs: &[Arc<Job>]) -> Result<(), Failed> {
        let group = jobs.iter().any(|job| job.acknowledged.is_some()).then(|| self.reader.group());
        let group: Option<ConsumerGroupMetadata> = group.transpose().map_err(Failed::Nothing)?;
        let whole = assemble(jobs);
        let written = writer.write(&whole.records, &whole.marks, group.as_ref());
        let Whole { expired, marks, sources, .. } = whole;
        let offsets = match written {
            Ok(offsets) => offsets,
            Err(failed) => {
                for queue in sources {
                    lock(&queue.inner).known.end(None);
                }
                return Err(failed);
            }
        };
        let (first, offsets) = offsets.split_at(expired.len());
        for ((mind, key), offset) in expired.into_iter().zip(first) {
            mind.stored(&key, None, *offset);
        }
        publish(jobs, offsets);
        for queue in sources {
            self.settle_queue(queue, &marks);
        }
        Ok(())
    }

    /// Takes over that a queue's new positions are stored.
    fn settle_queue(&self, queue: &Queue, marks: &[Mark]) {
        let marks = marks.iter().filter(|mark| mark.topic == queue.topic);
        let positions: Vec<_> = marks.map(|mark| (mark.partition, mark.position.clone())).collect();
        let mut inner = lock(&queue.inner);
        inner.version += 1;
        inner.known.end(Some(positions));
        let trim = inner.known.trim(TRIM);
        drop(inner);
        queue.room.ring();
        if !trim.is_empty() {
            self.admin.trim(&queue.topic, &trim);
        }
    }

    /// Stores positions of a queue, and takes over what they acknowledge.
    pub(super) fn write_marks(
        &self,
        writer: &mut Writer,
        queue: &Arc<Queue>,
        positions: Vec<(i32, Position)>,
    ) -> Result<(), BrokerError> {
        let group = self.reader.group()?;
        let mark = |(partition, position)| Mark { topic: queue.topic.clone(), partition, position };
        let marks: Vec<Mark> = positions.iter().cloned().map(mark).collect();
        let result = writer.write(&[], &marks, Some(&group)).map(drop);
        if result.is_ok() {
            let mut inner = lock(&queue.inner);
            inner.version += 1;
            inner.known.resume(positions);
            drop(inner);
            queue.room.ring();
        }
        let job = Arc::new(Job::only_marks(queue));
        self.end(std::slice::from_ref(&job), result);
        lock(&job.result).take().unwrap_or(Ok(()))
    }

    /// Finds out what became of transactions that ended in silence.
    pub(super) fn settle_doubt(&self) -> Result<(), BrokerError> {
        if !self.doubt.is_there.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut writer = lock(&self.writer);
        writer.recover()?;
        let jobs = lock(&self.doubt.jobs).clone();
        let partitions: BTreeSet<Partition<'_>> = jobs.iter().flat_map(|job| job.partitions()).collect();
        let also_group = jobs.iter().any(|job| job.acknowledged.is_some());
        self.end_hanging(&mut writer, &partitions.into_iter().collect::<Vec<_>>(), also_group)?;
        for job in &jobs {
            for entry in &job.state {
                entry.mind.doubt();
            }
            let outgoing = job.outgoing.iter().map(|(queue, ..)| queue);
            for queue in outgoing.chain(job.acknowledged.as_ref().map(|(queue, _)| queue)) {
                self.measure(queue)?;
            }
            if let Some((queue, _)) = &job.acknowledged {
                let positions = self.stable_positions(queue)?;
                let mut inner = lock(&queue.inner);
                inner.version += 1;
                inner.known.resume(positions);
                drop(inner);
                queue.room.ring();
            }
        }
        lock(&self.doubt.jobs).clear();
        self.doubt.is_there.store(false, Ordering::SeqCst);
        Ok(())
    }
}

/// Puts together what is to be written.
fn assemble(jobs: &[Arc<Job>]) -> Whole<'_> {
    let expired = expired(jobs);
    let forgotten = expired.iter().map(|(mind, key)| Record {
        topic: &mind.topic,
        partition: 0,
        key: Some(record_key(key)),
        body: None,
    });
    let mut records: Vec<Record<'_>> = forgotten.collect();
    for job in jobs {
        records.extend(job.outgoing.iter().map(|(queue, partition, body)| Record {
            topic: &queue.topic,
            partition: *partition,
            key: None,
            body: Some(body),
        }));
        records.extend(job.state.iter().map(|entry| Record {
            topic: &entry.mind.topic,
            partition: 0,
            key: Some(record_key(&entry.key)),
            body: entry.value.as_deref(),
        }));
    }
    let mut sources: Vec<&Arc<Queue>> = Vec::new();
    for (queue, places) in jobs.iter().filter_map(|job| job.acknowledged.as_ref()) {
        lock(&queue.inner).known.begin(places);
        if !sources.iter().any(|other| Arc::ptr_eq(other, queue)) {
            sources.push(queue);
        }
    }
    let marks = sources.iter().flat_map(|queue| {
        let positions = lock(&queue.inner).known.positions();
        let mark = |(partition, position)| Mark { topic: queue.topic.clone(), partition, position };
        positions.into_iter().map(mark).collect::<Vec<_>>()
    });
    let marks = marks.collect();
    Whole { records, expired, marks, sources }
}

/// Looks for what has expired in the memories that are written to.
fn expired(jobs: &[Arc<Job>]) -> Vec<(&Arc<Mind>, Vec<u8>)> {
    let entries = || jobs.iter().flat_map(|job| &job.state);
    let written: HashSet<(&str, &[u8])> = entries().map(|entry| (&*entry.mind.topic, &*entry.key)).collect();
    let mut minds: Vec<(&Arc<Mind>, usize)> = Vec::new();
    for entry in entries() {
        match minds.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &entry.mind)) {
            Some((_, count)) => *count += 1,
            None => minds.push((&entry.mind, 1)),
        }
    }
    let mut expired = Vec::new();
    for (mind, count) in minds {
        let keys = mind.sweep(2 * count).into_iter();
        let keys = keys.filter(|key| !written.contains(&(&*mind.topic, &**key)));
        expired.extend(keys.map(|key| (mind, key)));
    }
    expired
}

/// Shows everyone what was written where.
fn publish(jobs: &[Arc<Job>], offsets: &[i64]) {
    let mut offsets = offsets.iter().copied();
    for job in jobs {
        for ((queue, partition, _), offset) in job.outgoing.iter().zip(&mut offsets) {
            if let Some(part) = lock(&queue.inner).known.parts.get_mut(*partition as usize) {
                part.send(offset, offset + 1);
            }
        }
        for (entry, offset) in job.state.iter().zip(&mut offsets) {
            entry.mind.stored(&entry.key, entry.value.clone(), offset);
        }
    }
}
