//! Kafka's client: a reader that is told what is stored, and a writer that waits until the servers have what it wrote.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::{Options, Outgoing, Positions, Record};
use crate::bots::Failure;

/// How long the servers may take to answer, and to store what was written.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it is waited for an answer before it is looked whether the servers refuse.
const ANSWER: Duration = Duration::from_secs(2);
/// How long one wait for the client is.
const STEP: Duration = Duration::from_millis(5);
/// How many complaints of the client are listened to after an error.
const COMPLAINTS: usize = 16;
/// How often it is looked whether the topic has more partitions.
const GROWTH: Duration = Duration::from_secs(60);
/// How long a topic that is not there may take to appear, in milliseconds.
const APPEARING: &str = "3000";

/// What a client complained of, and what became of messages.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Complaints>>);

#[derive(Debug, Default)]
struct Complaints {
    last: Option<String>,
    /// Whether the servers do not let one in.
    refused: bool,
    undelivered: Option<KafkaError>,
}

impl Heard {
    fn with<T>(&self, work: impl FnOnce(&mut Complaints) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_refused(&self) -> bool {
        self.with(|complaints| complaints.refused)
    }
}

impl ClientContext for Heard {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let refused = error.rdkafka_error_code().is_some_and(is_refusal);
        self.with(|complaints| {
            // What follows from a refusal, as that no server is left, says less.
            if refused || !complaints.refused {
                let text = reason.split_once("]: ").map_or(reason, |(_, text)| text);
                complaints.last = Some(text.to_owned());
                complaints.refused |= refused;
            }
        });
    }
}

impl ConsumerContext for Heard {}

impl ProducerContext for Heard {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.with(|complaints| complaints.undelivered = Some(error.clone()));
        }
    }
}

/// Who is spoken to, and what was heard.
struct Peer {
    servers: String,
    heard: Heard,
}

impl Peer {
    fn new(options: &Options) -> Peer {
        Peer { servers: options.servers.clone(), heard: Heard::default() }
    }

    /// Makes the failure of a call.
    fn failure(&self, error: &KafkaError) -> Failure {
        if let KafkaError::ClientConfig(_, what, key, value) = error {
            let hint = if what.contains("OpenSSL") || what.contains("not available") {
                "; TLS for Kafka needs a build with the feature `kafka-tls`, as the releases are"
            } else {
                ""
            };
            return Failure::Configuration(format!("Kafka: {key}={value}: {what}{hint}"));
        }
        let text = match self.heard.with(|complaints| (complaints.refused, complaints.last.take())) {
            (true, last) => {
                format!("it does not let us in, is the password right? ({})", last.unwrap_or_default())
            }
            (false, Some(last)) => format!("{error}: {last}"),
            (false, None) => error.to_string(),
        };
        Failure::Other(format!("Kafka at {}: {text}", self.servers))
    }

    fn says(&self, problem: &str) -> Failure {
        Failure::Other(format!("Kafka at {}: {problem}", self.servers))
    }
}

fn config(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.servers).set("client.id", "intelmq-lab");
    for (name, value) in &options.properties {
        config.set(*name, value);
    }
    config
}

/// Tells whether the servers will never let one in like this.
fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism)
}

/// Tells whether the client does not get over an error by itself.
fn ends_reading(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let ends = |code| {
        is_refusal(code)
            || matches!(
                code,
                Code::AllBrokersDown
                    | Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::UnknownTopic
                    | Code::UnknownTopicOrPartition
                    | Code::UnknownPartition
                    | Code::Fatal
            )
    };
    error.rdkafka_error_code().is_some_and(ends)
}

/// Reads a topic, all of its partitions.
pub(crate) struct Reader {
    peer: Peer,
    consumer: BaseConsumer<Heard>,
    topic: String,
    positions: Positions,
    partitions: i32,
    looked: Instant,
}

impl Reader {
    /// Begins at positions; where there is none, at what the group has committed, else at the first message that is there.
    pub(crate) fn open(
        options: &Options,
        topic: &str,
        group: &str,
        positions: &Positions,
    ) -> Result<Reader, Failure> {
        let peer = Peer::new(options);
        let mut config = config(options);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest");
        let made = BaseConsumer::from_config_and_context(&config, peer.heard.clone());
        let consumer = made.map_err(|error| peer.failure(&error))?;
        let (topic, positions) = (topic.to_owned(), positions.clone());
        let mut reader = Reader { peer, consumer, topic, positions, partitions: 0, looked: Instant::now() };
        reader.grow()?;
        Ok(reader)
    }

    /// Begins to read the partitions that are new.
    fn grow(&mut self) -> Result<(), Failure> {
        let count = self.count()?;
        if count > self.partitions {
            let mut list = TopicPartitionList::new();
            list.add_partition_range(&self.topic, self.partitions, count - 1);
            let committed = self.consumer.committed_offsets(list, PATIENCE);
            let committed = committed.map_err(|error| self.failure(&error))?;
            let mut list = TopicPartitionList::new();
            for element in committed.elements() {
                let known = self.positions.next(element.partition()).map(Offset::Offset);
                let stored = Some(element.offset()).filter(|offset| matches!(offset, Offset::Offset(_)));
                let offset = known.or(stored).unwrap_or(Offset::Beginning);
                let added = list.add_partition_offset(&self.topic, element.partition(), offset);
                added.map_err(|error| self.failure(&error))?;
            }
            self.consumer.incremental_assign(&list).map_err(|error| self.failure(&error))?;
            self.partitions = count;
        }
        self.looked = Instant::now();
        Ok(())
    }

    fn count(&self) -> Result<i32, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let found = loop {
            match self.consumer.fetch_metadata(Some(&self.topic), ANSWER) {
                Ok(found) => break found,
                Err(error) => {
                    let failure = self.failure(&error);
                    if self.peer.heard.is_refused() || Instant::now() >= deadline {
                        return Err(failure);
                    }
                }
            }
        };
        let topic = found.topics().iter().find(|topic| topic.name() == self.topic && topic.error().is_none());
        let count = topic.map_or(0, |topic| topic.partitions().len() as i32);
        if count == 0 {
            return Err(self.peer.says(&format!("there is no topic {:?}", self.topic)));
        }
        Ok(count)
    }

    /// Makes the failure of a call, which the client explains only to who asks.
    fn failure(&self, error: &KafkaError) -> Failure {
        for _ in 0..COMPLAINTS {
            self.consumer.poll(Duration::ZERO);
        }
        self.peer.failure(error)
    }

    /// Waits for the next message.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Option<Record>, Failure> {
        if self.looked.elapsed() > GROWTH {
            self.grow()?;
        }
        match self.consumer.poll(wait) {
            Some(Ok(message)) => Ok(Some(Record {
                body: message.payload().unwrap_or_default().to_vec(),
                partition: message.partition(),
                offset: message.offset(),
            })),
            Some(Err(error)) if ends_reading(&error) => Err(self.peer.failure(&error)),
            // The client tries again by itself.
            Some(Err(_)) | None => Ok(None),
        }
    }

    /// Tells the servers how far the group is. What they do not hear now they hear the next time.
    pub(crate) fn commit(&self, positions: &Positions) {
        let mut list = TopicPartitionList::new();
        for (partition, next) in positions.iter() {
            // Fails for negative offsets alone.
            let _ = list.add_partition_offset(&self.topic, partition, Offset::Offset(next));
        }
        let _ = self.consumer.commit(&list, CommitMode::Sync);
    }
}

/// Writes to a topic.
pub(crate) struct Writer {
    peer: Peer,
    producer: BaseProducer<Heard>,
    topic: String,
}

impl Writer {
    /// Makes a writer; the servers are asked when there is something to write.
    pub(crate) fn open(options: &Options, topic: &str) -> Result<Writer, Failure> {
        let peer = Peer::new(options);
        let mut config = config(options);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("message.timeout.ms", PATIENCE.as_millis().to_string())
            .set("topic.metadata.propagation.max.ms", APPEARING);
        let made = BaseProducer::from_config_and_context(&config, peer.heard.clone());
        let producer = made.map_err(|error| peer.failure(&error))?;
        Ok(Writer { peer, producer, topic: topic.to_owned() })
    }

    /// Hands a message to the client, waiting while that has too many.
    pub(crate) fn put(&mut self, message: &Outgoing<'_>) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut record = BaseRecord::<str, [u8]>::to(&self.topic).payload(message.body);
            record.key = message.key;
            if !message.headers.is_empty() {
                let all = OwnedHeaders::new_with_capacity(message.headers.len());
                let add = |all: OwnedHeaders, (key, value): &(&str, String)| {
                    all.insert(Header { key, value: Some(value) })
                };
                record = record.headers(message.headers.iter().fold(all, add));
            }
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _))
                    if Instant::now() < deadline =>
                {
                    self.producer.poll(STEP);
                }
                Err((error, _)) => return Err(self.peer.failure(&error)),
            }
        }
    }

    /// Waits until the servers have all that was put.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE * 2;
        let refused = || self.peer.heard.is_refused();
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline && !refused() {
            self.producer.poll(STEP);
        }
        let lost = self.peer.heard.with(|complaints| complaints.undelivered.take());
        let timed_out = || KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
        let lost = lost.or_else(|| (self.producer.in_flight_count() > 0).then(timed_out));
        lost.map_or(Ok(()), |error| Err(self.peer.failure(&error)))
    }
}
