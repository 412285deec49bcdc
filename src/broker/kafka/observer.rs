//! Looks at topics without taking part: how far they reach, how far groups are, and what lies where.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::BrokerError;
use super::bell::Bell;
use super::client::{PATIENCE, Place, Said};
use super::part::Position;

/// How long the server lets a fetch wait that found nothing; it is how long the end of a topic takes to be seen.
const FETCH_WAIT: &str = "5";
/// How long one step of a scan waits for a message.
const STEP: Duration = Duration::from_millis(100);
/// How many complaints of the client are listened to after an error.
const COMPLAINTS: usize = 16;
/// How long to wait before it is asked again how far a topic reaches.
pub(super) const TICK: Duration = Duration::from_millis(2);

/// A consumer that is assigned what is to be looked at, one thing after the other.
pub(super) struct Observer {
    place: Arc<Place>,
    group: String,
    consumer: Mutex<Option<BaseConsumer<Said>>>,
}

/// Which messages a scan reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) from: i64,
    /// Where what this process has sent ends; the scan waits until all before can be read.
    pub(super) sent: i64,
}

impl Observer {
    pub(super) fn new(place: Arc<Place>, group: String) -> Observer {
        Observer { place, group, consumer: Mutex::default() }
    }

    /// Returns the consumer, made if need be.
    fn open(&self) -> Result<MutexGuard<'_, Option<BaseConsumer<Said>>>, BrokerError> {
        let mut consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner);
        if consumer.is_none() {
            let mut config = self.place.config();
            config
                .set("group.id", &self.group)
                .set("enable.auto.commit", "false")
                .set("enable.auto.offset.store", "false")
                .set("enable.partition.eof", "true")
                .set("isolation.level", "read_committed")
                .set("auto.offset.reset", "earliest")
                .set("fetch.wait.max.ms", FETCH_WAIT)
                .set("fetch.queue.backoff.ms", "10");
            let made = BaseConsumer::from_config_and_context(&config, self.place.context());
            *consumer = Some(made.map_err(|error| self.place.trouble(&error))?);
        }
        Ok(consumer)
    }

    /// Asks the server, again and again while it is about to know the answer.
    fn ask<T>(&self, ask: impl Fn(&BaseConsumer<Said>) -> Result<T, KafkaError>) -> Result<T, BrokerError> {
        let deadline = Instant::now() + PATIENCE;
        let tick = Bell::default();
        loop {
            let consumer = self.open()?;
            let Some(consumer) = consumer.as_ref() else { return Err(self.place.unavailable("no client")) };
            match ask(consumer) {
                Err(error) if is_passing(&error) && Instant::now() < deadline => {
                    tick.wait(0, Instant::now() + TICK);
                }
                Err(error) => {
                    // The client says only to who asks why it does not get through.
                    for _ in 0..COMPLAINTS {
                        consumer.poll(Duration::ZERO);
                    }
                    return Err(self.place.trouble(&error));
                }
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// Returns how many partitions a topic has; `None` if there is no such topic.
    pub(super) fn partitions(&self, topic: &str) -> Result<Option<usize>, BrokerError> {
        let found = self.ask(|consumer| consumer.fetch_metadata(Some(topic), PATIENCE))?;
        let topic = found.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        Ok(topic.map(|topic| topic.partitions().len()).filter(|count| *count > 0))
    }

    /// Lists all topics with their numbers of partitions.
    pub(super) fn topics(&self) -> Result<HashMap<String, usize>, BrokerError> {
        let found = self.ask(|consumer| consumer.fetch_metadata(None, PATIENCE))?;
        let topics = found.topics().iter().filter(|topic| topic.error().is_none());
        Ok(topics.map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect())
    }

    /// Returns from where to where a partition can be read.
    pub(super) fn reach(&self, topic: &str, partition: i32) -> Result<(i64, i64), BrokerError> {
        self.ask(|consumer| consumer.fetch_watermarks(topic, partition, PATIENCE))
    }

    /// Returns how far the group is with a topic; `None` while a transaction is about to change that.
    pub(super) fn positions(
        &self,
        topic: &str,
        partitions: usize,
    ) -> Result<Option<Vec<(i32, Position)>>, BrokerError> {
        let mut list = TopicPartitionList::with_capacity(partitions);
        list.add_partition_range(topic, 0, partitions as i32 - 1);
        let found = self.ask(|consumer| consumer.committed_offsets(list.clone(), PATIENCE))?;
        let mut positions = Vec::with_capacity(partitions);
        for element in found.elements() {
            match element.error() {
                Ok(()) => {}
                Err(KafkaError::OffsetFetch(RDKafkaErrorCode::UnstableOffsetCommit)) => return Ok(None),
                Err(error) => return Err(self.place.trouble(&error)),
            }
            let position = match element.offset() {
                Offset::Offset(offset) => Position::read(offset, element.metadata()),
                _ => Position { next: self.reach(topic, element.partition())?.0, ..Position::default() },
            };
            positions.push((element.partition(), position));
        }
        Ok(Some(positions))
    }

    /// Reads committed messages in order until `visit` has enough or the end is reached; returns where that was.
    pub(super) fn scan(
        &self,
        scan: Scan<'_>,
        mut visit: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<i64, BrokerError> {
        let Scan { topic, partition, sent, .. } = scan;
        let (low, goal) = self.reach_beyond(scan, PATIENCE)?;
        if goal < sent {
            let text = format!("{topic} cannot be read beyond {goal}; a transaction is open");
            return Err(self.place.unavailable(text));
        }
        let from = scan.from.max(low);
        if from >= goal {
            return Ok(goal);
        }
        let consumer = self.open()?;
        let Some(consumer) = consumer.as_ref() else { return Err(self.place.unavailable("no client")) };
        let mut list = TopicPartitionList::with_capacity(1);
        let begun = list
            .add_partition_offset(topic, partition, Offset::Offset(from))
            .and_then(|()| consumer.incremental_assign(&list));
        begun.map_err(|error| self.place.trouble(&error))?;
        let read = self.read(consumer, (topic, partition), from..goal, &mut visit);
        let ended = consumer.incremental_unassign(&list);
        // Nothing of this scan may be left for the next.
        while consumer.poll(Duration::ZERO).is_some() {}
        read.and_then(|at| ended.map(|()| at).map_err(|error| self.place.trouble(&error)))
    }

    /// Waits until what this process has sent can be read, at most so long; returns whether it can.
    pub(super) fn reaches(&self, scan: Scan<'_>, wait: Duration) -> Result<bool, BrokerError> {
        let reach = self.reach_beyond(scan, wait)?;
        Ok(reach.1 >= scan.sent)
    }

    /// Returns from where to where a partition can be read, once that is all that was sent or the time is over.
    fn reach_beyond(&self, scan: Scan<'_>, wait: Duration) -> Result<(i64, i64), BrokerError> {
        let deadline = Instant::now() + wait;
        let tick = Bell::default();
        loop {
            let reach = self.reach(scan.topic, scan.partition)?;
            if reach.1 >= scan.sent || Instant::now() >= deadline {
                return Ok(reach);
            }
            tick.wait(0, Instant::now() + TICK);
        }
    }

    fn read(
        &self,
        consumer: &BaseConsumer<Said>,
        (topic, partition): (&str, i32),
        offsets: Range<i64>,
        visit: &mut dyn FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<i64, BrokerError> {
        let mut deadline = Instant::now() + PATIENCE;
        let mut at = offsets.start;
        while at < offsets.end {
            match consumer.poll(STEP) {
                Some(Ok(message)) if message.topic() != topic || message.partition() != partition => {}
                Some(Ok(message)) => {
                    at = message.offset() + 1;
                    deadline = Instant::now() + PATIENCE;
                    if !visit(&message) {
                        return Ok(at);
                    }
                }
                // The rest are ends of transactions.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(offsets.end),
                Some(Err(KafkaError::MessageConsumption(_))) | None if Instant::now() < deadline => {}
                Some(Err(KafkaError::MessageConsumption(_))) | None => {
                    return Err(self.place.unavailable(format!("{topic} cannot be read beyond {at}")));
                }
                Some(Err(error)) => return Err(self.place.trouble(&error)),
            }
        }
        Ok(at)
    }
}

/// Tells whether a topic was made just now, or a server begins to serve it.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::UnknownTopicOrPartition
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
        )
    )
}
