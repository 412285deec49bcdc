//! Follows a destination of a STOMP server, such as n6's stream: one report a message, acknowledged once it is stored.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use super::feed::Feed;
use super::job::Sink;
use super::stream::{Come, Reading, Stream};
use crate::bots::stomp::{Connection, Options, PARAMS};
use crate::bots::{Bot, BotSpec, Collector, Context, Failure, Round, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};
use crate::stomp::{Frame, Version};

/// The STOMP collector.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.stomp.collector",
        kind: Kind::Collector,
        summary: "Follows a destination of a STOMP server over TLS, such as n6's stream; each message becomes a report.",
        params: &joined::<11>(&[
            Param::new("server", ParamKind::Text, "\"n6stream.cert.pl\"", "The server's name."),
            Param::new("port", ParamKind::Int, "61614", "The server's port."),
            Param::new(
                "exchange",
                ParamKind::Text,
                "\"\"",
                "The destination, such as `/exchange/ORG/*.*.*.*`.",
            ),
            Param::new("heartbeat", ParamKind::Int, "6000", "Milliseconds between heartbeats; 0 is none."),
            Param::new(
                "ack",
                ParamKind::Choice(&["client", "auto"]),
                "\"client\"",
                "`client` acknowledges messages once their reports are stored, so that a crash loses none; `auto` leaves \
                 it to the server, as IntelMQ does. Ours, not IntelMQ's.",
            ).ours(),
        ], &PARAMS),
        stateful: false,
        paths: &[],
    },
    make,
};

struct Stomp {
    options: Options,
    exchange: String,
    ack: bool,
    url: String,
    feed: Feed,
    stream: Stream,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let options = Options::of(params, site)?;
    let exchange = params.text("exchange")?.unwrap_or_default();
    Ok(Bot::Collector(Box::new(Stomp {
        url: options.url(&exchange),
        options,
        exchange,
        ack: params.text("ack")?.as_deref() != Some("auto"),
        feed: Feed::of(params, site)?,
        stream: Stream::default(),
    })))
}

impl Collector for Stomp {
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        let Stomp { options, exchange, ack, url, feed, stream } = self;
        let open = || -> Reading {
            let (options, exchange, ack) = (options.clone(), exchange.clone(), *ack);
            Box::new(move |sink, stored| follow(&options, &exchange, ack, sink, stored))
        };
        stream.collect(context, open, |body, context| {
            let mut report = Message::report(context.idf());
            report.add("feed.url", url.as_str())?;
            report.add("raw", body)?;
            feed.send(report, context)
        })
    }

    fn sends_again(&self) -> bool {
        true
    }

    fn stored(&mut self) {
        self.stream.stored();
    }
}

/// Subscribes and hands over what comes, until the connection breaks or nobody wants it any more.
fn follow(
    options: &Options,
    exchange: &str,
    ack: bool,
    sink: &Sink<Come>,
    stored: &Receiver<String>,
) -> Result<(), Failure> {
    let mut connection = Connection::open(options)?;
    let mode = if ack { "client" } else { "auto" };
    let subscribe = Frame::new("SUBSCRIBE").with("id", "1").with("destination", exchange).with("ack", mode);
    connection.send(&subscribe)?;
    let subscribed = format!("Connected to {}:{}, subscribed to {exchange:?}.", options.host, options.port);
    let mut there = sink.put(Come::Open(subscribed));
    while there {
        match stored.try_recv() {
            Ok(mark) => {
                connection.send(&acknowledgement(connection.version(), mark))?;
                continue;
            }
            // The collector is gone, or has another connection.
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {}
        }
        let Some(frame) = connection.receive(Instant::now())? else { continue };
        if frame.command != "MESSAGE" {
            continue;
        }
        let mark = match connection.version() {
            Version::V1_2 => frame.header("ack"),
            _ => frame.header("message-id"),
        };
        let mark = mark.filter(|_| ack).map(str::to_owned);
        let body = frame.body.trim_ascii_end();
        // What has no body becomes no report; the next acknowledgement is for it as well.
        there = body.is_empty() || sink.put(Come::Data(body.to_vec(), mark));
    }
    // What was stored in the last moment need not come again.
    for mark in stored.try_iter() {
        connection.send(&acknowledgement(connection.version(), mark))?;
    }
    connection.close();
    Ok(())
}

/// Acknowledges a message and all before it.
fn acknowledgement(version: Version, mark: String) -> Frame {
    let frame = Frame::new("ACK");
    match version {
        Version::V1_2 => frame.with("id", mark),
        Version::V1_1 => frame.with("message-id", mark).with("subscription", "1"),
        Version::V1_0 => frame.with("message-id", mark),
    }
}
