//! A Kafka for examples: the mock that its client has built in, with topics that an example fills and shows.

use std::time::Duration;

use intelmq_lab::docgen::Example;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{Offset, TopicPartitionList};

/// How long anything may take.
const ENOUGH: Duration = Duration::from_secs(20);

/// A Kafka that ends with the example.
pub(super) struct Kafka(MockCluster<'static, DefaultProducerContext>);

impl Kafka {
    /// Starts one if examples name a topic: `text topic NAME` gives it a message a line, `text messages NAME` shows what is in it.
    pub(super) fn start<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Option<Kafka> {
        let blocks = examples.into_iter().flat_map(|example| example.given.iter().chain(&example.made));
        let mut topics: Vec<&str> = blocks
            .filter(|block| ["topic", "messages"].contains(&&*block.role))
            .map(|block| &*block.name)
            .collect();
        topics.sort_unstable();
        topics.dedup();
        if topics.is_empty() {
            return None;
        }
        let cluster = MockCluster::new(1).unwrap();
        for topic in topics {
            cluster.create_topic(topic, 1, 1).unwrap();
        }
        Some(Kafka(cluster))
    }

    /// Returns where it is, as `bootstrap_servers` says it.
    pub(super) fn servers(&self) -> String {
        self.0.bootstrap_servers()
    }

    /// Puts the messages that an example gives into their topics.
    pub(super) fn fill(&self, example: &Example) {
        let producer: BaseProducer = self.config().create().unwrap();
        for block in example.given.iter().filter(|block| block.role == "topic") {
            for line in block.text.lines() {
                producer.send(BaseRecord::<(), str>::to(&block.name).payload(line)).unwrap();
            }
        }
        producer.flush(ENOUGH).unwrap();
    }

    /// Returns the messages of a topic: key and headers, then the body.
    pub(super) fn messages(&self, topic: &str) -> String {
        let consumer: BaseConsumer = self.config().set("group.id", "example").create().unwrap();
        let (low, high) = consumer.fetch_watermarks(topic, 0, ENOUGH).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let messages = (low..high).map(|_| told(&consumer.poll(ENOUGH).unwrap().unwrap()));
        messages.collect::<Vec<_>>().join("\n")
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.servers());
        config
    }
}

fn told(message: &BorrowedMessage<'_>) -> String {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message.headers().map(Headers::iter).into_iter().flatten();
    let mut lines = vec![format!("key: {}", text(message.key()))];
    lines.extend(headers.map(|header| format!("{}: {}", header.key, text(header.value))));
    lines.extend([String::new(), text(message.payload())]);
    lines.join("\n") + "\n"
}
