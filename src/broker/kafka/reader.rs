//! The consumer that fetches for the queues that are read here: each partition into a queue of its own, so that a full one
//! stops nobody else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::BrokerError;
use super::bell::Bell;
use super::client::{PATIENCE, Place, Said};

/// How long the server lets a fetch wait that found nothing; a queue that is linked meanwhile waits as long.
const FETCH_WAIT: &str = "100";
/// How much of a partition the client fetches ahead, in KiB.
const AHEAD: &str = "4096";

/// The messages of one partition that were fetched.
pub(super) type Fetched = PartitionQueue<Said>;

/// Fetches for queues.
pub(super) struct Reader {
    place: Arc<Place>,
    group: String,
    consumer: Mutex<Option<Arc<BaseConsumer<Said>>>>,
}

impl Reader {
    pub(super) fn new(place: Arc<Place>, group: String) -> Reader {
        Reader { place, group, consumer: Mutex::default() }
    }

    fn open(&self) -> Result<Arc<BaseConsumer<Said>>, BrokerError> {
        let mut consumer = self.consumer.lock().unwrap_or_else(PoisonError::into_inner);
        if consumer.is_none() {
            let mut config = self.place.config();
            config
                .set("group.id", &self.group)
                .set("enable.auto.commit", "false")
                .set("enable.auto.offset.store", "false")
                .set("isolation.level", "read_committed")
                .set("auto.offset.reset", "earliest")
                .set("fetch.wait.max.ms", FETCH_WAIT)
                .set("fetch.queue.backoff.ms", "10")
                .set("queued.min.messages", "5000")
                .set("queued.max.messages.kbytes", AHEAD);
            let made = BaseConsumer::from_config_and_context(&config, self.place.context());
            *consumer = Some(Arc::new(made.map_err(|error| self.place.trouble(&error))?));
        }
        consumer.clone().ok_or_else(|| self.place.unavailable("no client"))
    }

    /// Begins to fetch partitions from their offsets; the bell rings when something comes.
    pub(super) fn attach(
        &self,
        topic: &str,
        offsets: &[(i32, i64)],
        bell: &Arc<Bell>,
    ) -> Result<Vec<Fetched>, BrokerError> {
        let consumer = self.open()?;
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let added = list.add_partition_offset(topic, *partition, Offset::Offset(*offset));
            added.map_err(|error| self.place.trouble(&error))?;
        }
        // Fails unless it is assigned.
        let _ = consumer.incremental_unassign(&list);
        let met = consumer.fetch_metadata(Some(topic), PATIENCE);
        met.map_err(|error| self.place.trouble(&error))?;
        // Before the assignment, so that nothing is fetched into the common queue.
        let split = |(partition, _): &(i32, i64)| {
            let mut queue = consumer.split_partition_queue(topic, *partition)?;
            let bell = bell.clone();
            queue.set_nonempty_callback(move || bell.ring());
            Some(queue)
        };
        let queues: Option<Vec<Fetched>> = offsets.iter().map(split).collect();
        let queues = queues.ok_or_else(|| self.place.unavailable(format!("{topic} cannot be read")))?;
        consumer.incremental_assign(&list).map_err(|error| self.place.trouble(&error))?;
        Ok(queues)
    }

    /// Serves what the client has to say beside the messages, which would pile up.
    pub(super) fn serve(&self) -> Result<(), BrokerError> {
        let consumer = self.open()?;
        while let Some(event) = consumer.poll(Duration::ZERO) {
            if let Ok(message) = event {
                let text = format!("{} {} came outside its queue", message.topic(), message.offset());
                return Err(self.place.refused(text + "; this is a bug, the message is still there"));
            }
        }
        Ok(())
    }

    /// Returns the group in whose name positions are stored.
    pub(super) fn group(&self) -> Result<ConsumerGroupMetadata, BrokerError> {
        self.open()?.group_metadata().ok_or_else(|| self.place.unavailable("no consumer group"))
    }
}
