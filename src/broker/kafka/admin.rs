//! Topics: made with the right settings, and cut off where everything is done.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::bell::Bell;
use super::client::{PATIENCE, Place, Said};
use super::observer::{TICK, is_passing};
use super::{BrokerError, KafkaOptions};

/// The size of a topic's segments: what is done is deleted by the segment. No message can be larger.
const SEGMENT: &str = "134217728";

/// What a topic is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Messages, which stay until they are acknowledged.
    Queue,
    /// What a bot remembers: the last value of each key.
    State,
}

/// Makes and cuts topics.
pub(super) struct Admin {
    place: Arc<Place>,
    client: Mutex<Option<Arc<AdminClient<Said>>>>,
    partitions: i32,
    replication: i32,
    largest: String,
}

impl Admin {
    pub(super) fn new(place: Arc<Place>, options: &KafkaOptions) -> Admin {
        let (partitions, replication) = (options.partitions, options.replication);
        Admin {
            place,
            client: Mutex::default(),
            partitions,
            replication,
            largest: options.largest.to_string(),
        }
    }

    fn client(&self) -> Result<Arc<AdminClient<Said>>, BrokerError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if client.is_none() {
            let mut config = self.place.config();
            config.set("isolation.level", "read_uncommitted");
            let made = AdminClient::from_config_and_context(&config, self.place.context());
            *client = Some(Arc::new(made.map_err(|error| self.place.trouble(&error))?));
        }
        client.clone().ok_or_else(|| self.place.unavailable("no client"))
    }

    /// Makes topics; one that is there already stays as it is.
    pub(super) fn create(&self, topics: &[&str], purpose: Purpose) -> Result<(), BrokerError> {
        if topics.is_empty() {
            return Ok(());
        }
        let (partitions, policy) = match purpose {
            Purpose::Queue => (self.partitions, "delete"),
            Purpose::State => (1, "compact"),
        };
        let new = |topic| {
            NewTopic::new(topic, partitions, TopicReplication::Fixed(self.replication))
                .set("cleanup.policy", policy)
                .set("retention.ms", "-1")
                .set("retention.bytes", "-1")
                .set("segment.bytes", SEGMENT)
                .set("max.message.bytes", &self.largest)
        };
        let new: Vec<NewTopic<'_>> = topics.iter().copied().map(new).collect();
        let client = self.client()?;
        let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        let made = wait(client.create_topics(&new, &options)).unwrap_or(Err(timed_out()));
        for made in made.map_err(|error| self.place.trouble(&error))? {
            match made {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(self.not_made(&topic, code)),
            }
        }
        Ok(())
    }

    fn not_made(&self, topic: &str, code: RDKafkaErrorCode) -> BrokerError {
        use RDKafkaErrorCode::{BrokerNotAvailable, NotController, OperationTimedOut, RequestTimedOut};
        let text = format!("cannot make the topic {topic}: {code}");
        match code {
            BrokerNotAvailable | NotController | OperationTimedOut | RequestTimedOut => {
                self.place.unavailable(text)
            }
            _ => self.place.refused(text),
        }
    }

    /// Returns where a partition ends, with what is not committed.
    pub(super) fn end(&self, topic: &str, partition: i32) -> Result<i64, BrokerError> {
        let client = self.client()?;
        let deadline = Instant::now() + PATIENCE;
        let tick = Bell::default();
        loop {
            match client.inner().fetch_watermarks(topic, partition, PATIENCE) {
                Ok((_, end)) => return Ok(end),
                Err(error) if is_passing(&error) && Instant::now() < deadline => {
                    tick.wait(0, Instant::now() + TICK);
                }
                Err(error) => return Err(self.place.trouble(&error)),
            }
        }
    }

    /// Asks the server to delete what lies before these offsets, without waiting for it.
    pub(super) fn trim(&self, topic: &str, offsets: &[(i32, i64)]) {
        // What is not deleted now is deleted the next time.
        if let Ok(client) = self.client() {
            drop(client.delete_records(&list(topic, offsets), &AdminOptions::new()));
        }
    }

    /// Deletes what lies before these offsets.
    pub(super) fn cut(&self, topic: &str, offsets: &[(i32, i64)]) -> Result<(), BrokerError> {
        let client = self.client()?;
        let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        let cut = wait(client.delete_records(&list(topic, offsets), &options)).unwrap_or(Err(timed_out()));
        let cut = cut.map_err(|error| self.place.trouble(&error))?;
        let failed = cut.elements().into_iter().find_map(|element| element.error().err());
        failed.map_or(Ok(()), |error| Err(self.place.trouble(&error)))
    }
}

fn list(topic: &str, offsets: &[(i32, i64)]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        // Fails for negative offsets alone.
        let _ = list.add_partition_offset(topic, *partition, Offset::Offset(*offset));
    }
    list
}

fn timed_out() -> KafkaError {
    KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut)
}

/// Wakes a thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for the client's answer on this thread; `None` if it takes far too long.
fn wait<T>(future: impl Future<Output = T>) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let deadline = Instant::now() + PATIENCE * 2;
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Some(answer);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}
