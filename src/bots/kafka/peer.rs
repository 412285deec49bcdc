//! A real Kafka for tests of bots: the one that the tests of the broker share.
#![cfg(feature = "kafka")]

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value as Json, json};

use crate::broker::kafka::{KafkaOptions, tests::server};

/// How long anything may take.
const ENOUGH: Duration = Duration::from_secs(60);

/// A topic of one test's own.
pub(crate) struct Peer {
    options: KafkaOptions,
    topic: String,
    partitions: i32,
}

impl Peer {
    /// Makes the topic; `None` if there is no Kafka.
    pub(crate) fn new(topic: &str, partitions: i32) -> Option<Peer> {
        let options = server::options(&server::shared()?, "", server::PASSWORD);
        let peer = Peer { options, topic: topic.to_owned(), partitions };
        let admin: AdminClient<DefaultClientContext> = peer.config().create().unwrap();
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let made = runtime.block_on(admin.create_topics([&new], &AdminOptions::new())).unwrap();
        assert_eq!(made, [Ok(topic.to_owned())]);
        Some(peer)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.options.servers).set("group.id", "peer");
        for (name, value) in &self.options.properties {
            config.set(name, value);
        }
        config
    }

    /// Returns the parameters of a bot for it, and further ones.
    pub(crate) fn params(&self, further: &Json) -> Json {
        let mut params = json!({
            "bootstrap_servers": self.options.servers, "topic": self.topic, "sasl_plain_username": "lab",
            "sasl_plain_password": server::PASSWORD,
        });
        params.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        params
    }

    /// Sends messages to partition 0.
    pub(crate) fn send(&self, bodies: &[&str]) {
        let producer: BaseProducer = self.config().create().unwrap();
        for body in bodies {
            producer.send(BaseRecord::<(), str>::to(&self.topic).partition(0).payload(*body)).unwrap();
        }
        producer.flush(ENOUGH).unwrap();
    }

    /// Reads the first messages of all partitions.
    pub(crate) fn messages(&self, count: usize) -> Vec<OwnedMessage> {
        let consumer: BaseConsumer = self.config().create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.push(consumer.poll(ENOUGH).unwrap().unwrap().detach());
        }
        messages
    }

    /// Waits until a group has committed an offset of partition 0.
    pub(crate) fn wait_for(&self, group: &str, offset: i64) {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().unwrap();
        let begin = Instant::now();
        loop {
            let mut list = TopicPartitionList::new();
            list.add_partition(&self.topic, 0);
            let found = consumer.committed_offsets(list, ENOUGH).unwrap().elements()[0].offset();
            if found == Offset::Offset(offset) {
                return;
            }
            assert!(begin.elapsed() < ENOUGH, "the group {group} is at {found:?}");
        }
    }
}
