//! Transactions: messages, memory and the consumer's positions, all of them or nothing.
//!
//! Two producers take turns. A transaction's end is written to each partition only after the commit has returned, and the same
//! producer could not begin the next before that. The name under which they work is their process's: a newer process with
//! that name ends what the older left open, and the older is refused from then on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{PATIENCE, Place, Said};
use super::part::Position;
use super::{BrokerError, KafkaOptions};

/// How long the client gathers messages before it sends them, in milliseconds.
const LINGER: &str = "0.2";
/// How long the first producer has to get its name from the server, each further one twice as long. The client itself asks a
/// server that is not ready only every half a second, and a new one is four times not ready.
const FIRST: Duration = Duration::from_millis(100);
const STEP: Duration = Duration::from_millis(1);
/// The key of a record in a queue's topic that is no message; messages have none.
pub(super) const VOID: &[u8] = b"void";

/// Something to write.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) key: Option<Vec<u8>>,
    pub(super) body: Option<&'a [u8]>,
}

/// How far a consumer's group is to be with a partition.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) position: Position,
}

/// What became of a transaction that failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing of it is stored.
    Nothing(BrokerError),
    /// Nobody knows, until [`Writer::recover`].
    Unsure(BrokerError),
}

/// Hears where messages went.
struct Listener {
    said: Said,
    delivered: Mutex<Delivered>,
}

#[derive(Debug, Default)]
struct Delivered {
    offsets: Vec<i64>,
    error: Option<KafkaError>,
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.said.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.said.error(error, reason);
    }
}

impl ProducerContext for Listener {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(message) => {
                if let Some(offset) = delivered.offsets.get_mut(index) {
                    *offset = message.offset();
                }
            }
            Err((error, _)) => delivered.error = Some(error.clone()),
        }
    }
}

/// Writes transactions, one after the other.
pub(super) struct Writer {
    place: Arc<Place>,
    name: String,
    largest: usize,
    timeout: Duration,
    producers: [Option<BaseProducer<Listener>>; Writer::PRODUCERS],
    turn: usize,
    fenced: bool,
}

impl Writer {
    /// How many producers take turns.
    pub(super) const PRODUCERS: usize = 2;

    pub(super) fn new(place: Arc<Place>, options: &KafkaOptions, name: String) -> Writer {
        let (largest, timeout) = (options.largest, options.transaction);
        Writer { place, name, largest, timeout, producers: Default::default(), turn: 0, fenced: false }
    }

    /// Makes the producers that are missing; what earlier ones of this name left open has an end then.
    pub(super) fn recover(&mut self) -> Result<(), BrokerError> {
        if self.fenced {
            return Err(self.fenced());
        }
        for number in 0..Self::PRODUCERS {
            if self.producers[number].is_none() {
                let made = self.place.ask(|| self.make(number))?;
                self.producers[number] = Some(made);
            }
        }
        Ok(())
    }

    fn make(&self, number: usize) -> Result<BaseProducer<Listener>, BrokerError> {
        let timeout = self.timeout.as_millis().to_string();
        let mut config = self.place.config();
        config
            .set("transactional.id", format!("{}.{number}", self.name))
            .set("transaction.timeout.ms", &timeout)
            .set("message.timeout.ms", &timeout)
            .set("message.max.bytes", self.largest.to_string())
            .set("linger.ms", LINGER);
        let deadline = Instant::now() + PATIENCE;
        let mut wait = FIRST;
        loop {
            let listener = Listener { said: self.place.context(), delivered: Mutex::default() };
            let made = BaseProducer::from_config_and_context(&config, listener);
            let producer: BaseProducer<Listener> = made.map_err(|error| self.place.trouble(&error))?;
            let Err(error) = producer.init_transactions(wait) else { return Ok(producer) };
            // The client says only to who asks why it does not get through.
            producer.poll(STEP);
            let may_pass = matches!(&error, KafkaError::Transaction(inner) if inner.is_retriable());
            if !may_pass || self.place.is_refusing() || Instant::now() >= deadline {
                return Err(self.place.trouble(&error));
            }
            wait *= 2;
        }
    }

    /// Makes both producers know a topic that has just been made, so that the first message need not wait for that.
    pub(super) fn meet(&self, topic: &str) {
        for producer in self.producers.iter().flatten() {
            // If this fails they ask again when there is something to send.
            let _ = producer.client().fetch_metadata(Some(topic), PATIENCE);
        }
    }

    /// Writes a transaction; returns the offset of each record.
    pub(super) fn write(
        &mut self,
        records: &[Record<'_>],
        marks: &[Mark],
        group: Option<&ConsumerGroupMetadata>,
    ) -> Result<Vec<i64>, Failed> {
        self.recover().map_err(Failed::Nothing)?;
        self.turn = (self.turn + 1) % Self::PRODUCERS;
        let Some(producer) = &self.producers[self.turn] else {
            return Err(Failed::Nothing(self.place.unavailable("no producer")));
        };
        let begun = Instant::now();
        let Broken { error, unsure } = match self.transact(producer, records, marks, group) {
            Ok(offsets) => return Ok(offsets),
            Err(broken) => broken,
        };
        // The server takes the name away from a transaction that lasted too long, too.
        self.fenced |= is_fenced(&error) && begun.elapsed() < self.timeout / 5 * 4;
        let trouble = if self.fenced { self.fenced() } else { self.place.passing(&error) };
        if !unsure && !self.fenced && producer.abort_transaction(PATIENCE).is_ok() {
            return Err(Failed::Nothing(trouble));
        }
        self.producers[self.turn] = None;
        Err(Failed::Unsure(trouble))
    }

    fn fenced(&self) -> BrokerError {
        let text = "a newer process took over under the name";
        self.place.refused(format!("{text} {:?}; one process runs a bot at a time", self.name))
    }

    fn transact(
        &self,
        producer: &BaseProducer<Listener>,
        records: &[Record<'_>],
        marks: &[Mark],
        group: Option<&ConsumerGroupMetadata>,
    ) -> Result<Vec<i64>, Broken> {
        let delivered = &producer.context().delivered;
        let lock = || delivered.lock().unwrap_or_else(PoisonError::into_inner);
        *lock() = Delivered { offsets: vec![-1; records.len()], error: None };
        producer.begin_transaction()?;
        let deadline = Instant::now() + self.timeout;
        for (index, record) in records.iter().enumerate() {
            send(producer, record, index, deadline)?;
        }
        while producer.in_flight_count() > 0 && Instant::now() < deadline {
            producer.poll(STEP);
        }
        let Delivered { offsets, error } = std::mem::take(&mut *lock());
        if let Some(error) = error {
            return Err(error.into());
        }
        if offsets.contains(&-1) {
            return Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut).into());
        }
        if let (Some(group), false) = (group, marks.is_empty()) {
            producer.send_offsets_to_transaction(&list(marks)?, group, PATIENCE)?;
        }
        producer.commit_transaction(self.timeout).map_err(|error| {
            let unsure = !matches!(&error, KafkaError::Transaction(inner) if inner.txn_requires_abort());
            Broken { error, unsure }
        })?;
        Ok(offsets)
    }
}

/// Why a transaction failed, and whether it may be stored all the same.
struct Broken {
    error: KafkaError,
    unsure: bool,
}

impl From<KafkaError> for Broken {
    fn from(error: KafkaError) -> Self {
        Broken { error, unsure: false }
    }
}

fn is_fenced(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
    let code = match error {
        KafkaError::Transaction(inner) => Some(inner.code()),
        other => other.rdkafka_error_code(),
    };
    matches!(code, Some(Fenced | ProducerFenced | InvalidProducerEpoch))
}

/// Hands a record to the client, waiting while that has too many.
fn send(
    producer: &BaseProducer<Listener>,
    record: &Record<'_>,
    index: usize,
    deadline: Instant,
) -> Result<(), KafkaError> {
    loop {
        let mut next = BaseRecord::<Vec<u8>, [u8], usize>::with_opaque_to(record.topic, index)
            .partition(record.partition);
        next.key = record.key.as_ref();
        next.payload = record.body;
        match producer.send(next) {
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _))
                if Instant::now() < deadline =>
            {
                producer.poll(STEP);
            }
            sent => return sent.map_err(|(error, _)| error),
        }
    }
}

fn list(marks: &[Mark]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(marks.len());
    for Mark { topic, partition, position } in marks {
        let mut element = list.add_partition(topic, *partition);
        element.set_offset(Offset::Offset(position.next))?;
        element.set_metadata(position.metadata());
    }
    Ok(list)
}
