//! Follows an answer over HTTP that does not end: one report a line.

use super::super::feed::Feed;
use super::super::lines;
use super::super::stream::{Reading, Stream};
use crate::bots::http::{Follower, PARAMS};
use crate::bots::{Bot, BotSpec, Collector, Context, Failure, Round, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The HTTP stream collector.
pub(in crate::bots::collectors) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.http.collector_http_stream",
        kind: Kind::Collector,
        summary: "Follows an answer over HTTP that does not end; each line becomes a report.",
        params: &joined::<14>(
            &[
                Param::required("http_url", ParamKind::Text, "The address."),
                Param::new(
                    "strip_lines",
                    ParamKind::Bool,
                    "true",
                    "Takes blanks off both ends of each line.",
                ),
                Param::new(
                    "rate_limit",
                    ParamKind::Float,
                    "3600",
                    "Seconds to rest after the stream ended; what comes is never held back.",
                ),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make,
};

struct HttpStream {
    url: String,
    strip: bool,
    follower: Follower,
    feed: Feed,
    stream: Stream,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    Ok(Bot::Collector(Box::new(HttpStream {
        url: params.required_text("http_url")?,
        strip: params.get("strip_lines").is_none() || params.flag("strip_lines"),
        follower: Follower::of(params, site)?,
        feed: Feed::of(params, site)?,
        stream: Stream::default(),
    })))
}

impl Collector for HttpStream {
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        let HttpStream { url, strip, follower, feed, stream } = self;
        let open = || -> Reading {
            let (follower, url, strip) = (follower.clone(), url.clone(), *strip);
            Box::new(move |sink, _| lines::read(&follower, &url, strip, sink))
        };
        stream.collect(context, open, |line, context| {
            let mut report = Message::report(context.idf());
            report.add("feed.url", url.as_str())?;
            report.add("raw", line)?;
            feed.send(report, context)
        })
    }

    fn sends_again(&self) -> bool {
        true
    }

    fn stored(&mut self) {
        self.stream.stored();
    }

    fn close(&mut self) -> bool {
        self.stream.close()
    }
}
