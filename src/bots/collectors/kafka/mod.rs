//! Follows a topic of Kafka: one report a message, each once, as what is read is remembered together with its report.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use super::feed::Feed;
use super::job::Sink;
use super::stream::{Come, Reading, Stream};
use crate::bots::kafka::{Options, PARAMS, Positions, Reader};
use crate::bots::{Bot, BotSpec, Collector, Context, Failure, Round, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// How long one look for a message lasts before it is looked what is stored.
const LOOK: Duration = Duration::from_millis(100);

/// The Kafka collector.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.kafka.collector",
        kind: Kind::Collector,
        summary: "Follows a topic of Kafka; each message becomes a report, exactly once.",
        params: &joined::<11>(&[
            Param::required("topic", ParamKind::Text, "The topic; all of its partitions are read."),
            Param::new(
                "group_id",
                ParamKind::Text,
                "null",
                "The group under whose name Kafka shows how far the topic is read; the bot's id if it is not set. With \
                 another name the topic is read from its beginning. Ours, not IntelMQ's.",
            ).ours(),
        ], &PARAMS),
        stateful: true,
        paths: &[],
    },
    make,
};

struct Kafka {
    options: Options,
    topic: String,
    group: String,
    feed: Feed,
    stream: Stream,
    /// The key under which is remembered how far the topic was read.
    key: String,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let topic = params.required_text("topic")?;
    let group = params.text("group_id")?.filter(|group| !group.is_empty());
    let group = group.unwrap_or_else(|| site.bot.clone());
    Ok(Bot::Collector(Box::new(Kafka {
        options: Options::of(params, site)?,
        key: format!("{group} {topic}"),
        topic,
        group,
        feed: Feed::of(params, site)?,
        stream: Stream::default(),
    })))
}

impl Collector for Kafka {
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        let known = match self.stream.mark() {
            None if self.stream.is_running() => None,
            _ => context.recall(self.key.as_bytes())?,
        };
        // What was sent before may be stored although that was not heard.
        if known.is_some() && known.as_deref() == self.stream.mark().map(str::as_bytes) {
            self.stored();
        }
        let Kafka { options, topic, group, feed, stream, key } = self;
        let open = || -> Reading {
            let (options, topic, group) = (options.clone(), topic.clone(), group.clone());
            let known = known.as_deref().map(String::from_utf8_lossy);
            let positions = known.and_then(|text| Positions::read(&text)).unwrap_or_default();
            Box::new(move |sink, stored| follow(&options, &topic, &group, positions, sink, stored))
        };
        let round = stream.collect(context, open, |body, context| {
            let mut report = Message::report(context.idf());
            report.add("raw", body)?;
            feed.send(report, context)
        })?;
        if let Some(mark) = stream.mark() {
            context.remember(key.as_bytes(), mark.as_bytes(), None);
        }
        Ok(round)
    }

    fn sends_again(&self) -> bool {
        true
    }

    fn stored(&mut self) {
        self.stream.stored();
    }
}

/// Reads the topic and hands over what comes, until that fails or nobody wants it any more.
fn follow(
    options: &Options,
    topic: &str,
    group: &str,
    mut positions: Positions,
    sink: &Sink<Come>,
    stored: &Receiver<String>,
) -> Result<(), Failure> {
    let mut reader = Reader::open(options, topic, group, &positions)?;
    let begun = format!("Connected to {}, reading the topic {topic:?}.", options.servers);
    let mut there = sink.put(Come::Open(begun));
    while there {
        // Else the collector is gone, or has another reader.
        there = hear(stored, &reader);
        let Some(record) = reader.next(LOOK)? else { continue };
        positions.advance(&record);
        there &= record.body.is_empty() || sink.put(Come::Data(record.body, Some(positions.to_string())));
    }
    hear(stored, &reader);
    Ok(())
}

/// Passes on what is stored; tells whether there is somebody who may say more.
fn hear(stored: &Receiver<String>, reader: &Reader) -> bool {
    let mut last = None;
    let there = loop {
        match stored.try_recv() {
            Ok(mark) => last = Some(mark),
            Err(ended) => break ended == TryRecvError::Empty,
        }
    };
    if let Some(positions) = last.as_deref().and_then(Positions::read) {
        reader.commit(&positions);
    }
    there
}
