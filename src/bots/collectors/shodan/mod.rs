//! Follows Shodan's stream: one report a banner, as it comes.

#[cfg(test)]
mod tests;

use super::feed::Feed;
use super::lines;
use super::stream::{Reading, Stream};
use crate::bots::http::{Follower, PARAMS};
use crate::bots::{Bot, BotSpec, Collector, Context, Failure, Round, Site};
use crate::message::{Message, json};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

const API_KEY: Param = Param::required("api_key", ParamKind::Text, "The key of your Shodan account.");

const URL: Param = Param::new(
    "url",
    ParamKind::Text,
    "\"https://stream.shodan.io\"",
    "Where the stream is. Ours, not IntelMQ's.",
)
.ours();

/// The collector of a stream by countries or by one alert.
pub(super) const STREAM: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.shodan.collector_stream",
        kind: Kind::Collector,
        summary: "Follows Shodan's stream for some countries or one alert; each banner becomes a report.",
        params: &joined::<15>(
            &[
                API_KEY,
                Param::new(
                    "countries",
                    ParamKind::List,
                    "[]",
                    "Countries whose banners are wanted, as a list of two-letter codes or separated by commas.",
                ),
                Param::new(
                    "alert",
                    ParamKind::Text,
                    "null",
                    "The alert whose banners are wanted, instead of countries.",
                ),
                URL,
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make: make_stream,
};

/// The collector of the stream of all alerts.
pub(super) const ALERT: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.shodan.collector_alert",
        kind: Kind::Collector,
        summary: "Follows Shodan's stream for all alerts of an account; each banner becomes a report.",
        params: &joined::<14>(
            &[
                API_KEY,
                URL,
                Param::new("api_url", ParamKind::Text, "null", "Another name of url. Ours, not IntelMQ's.")
                    .ours(),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make: make_alert,
};

struct Shodan {
    url: String,
    follower: Follower,
    feed: Feed,
    stream: Stream,
    /// Whether banners are written anew, as IntelMQ's collector of alerts does.
    rewrite: bool,
}

fn make_stream(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let countries = params.list("countries", true)?.unwrap_or_default();
    let countries: Vec<String> = countries.into_iter().filter(|country| !country.is_empty()).collect();
    let alert = params.text("alert")?.filter(|alert| !alert.is_empty());
    let path = match (alert, countries.is_empty()) {
        (Some(alert), true) => format!("/shodan/alert/{alert}"),
        (None, false) => format!("/shodan/countries/{}", countries.join(",")),
        (Some(_), false) => {
            return Err(Failure::Configuration(
                "countries and alert cannot be used together; take one of them away".to_owned(),
            ));
        }
        (None, true) => {
            return Err(Failure::Configuration(
                "nothing says which banners are wanted; set countries or alert".to_owned(),
            ));
        }
    };
    make(params, site, &path, false)
}

fn make_alert(params: &Params, site: &Site) -> Result<Bot, Failure> {
    make(params, site, "/shodan/alert", true)
}

fn make(params: &Params, site: &Site, path: &str, rewrite: bool) -> Result<Bot, Failure> {
    let key = params.required_text("api_key")?;
    let base = match params.text("api_url")? {
        None => params.text("url")?,
        other => other,
    };
    let base = base.unwrap_or_else(|| "https://stream.shodan.io".to_owned());
    let url = format!("{}{path}", base.trim_end_matches('/'));
    Ok(Bot::Collector(Box::new(Shodan {
        url: crate::bots::http::with_query(&url, &[("key", &key)]).map_err(Failure::Configuration)?,
        follower: Follower::of(params, site)?,
        feed: Feed::of(params, site)?,
        stream: Stream::default(),
        rewrite,
    })))
}

impl Collector for Shodan {
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        let Shodan { url, follower, feed, stream, rewrite } = self;
        let open = || -> Reading {
            let (follower, url) = (follower.clone(), url.clone());
            Box::new(move |sink, _| lines::read(&follower, &url, true, sink))
        };
        stream.collect(context, open, |line, context| {
            let mut report = Message::report(context.idf());
            if *rewrite {
                report.add("raw", rewritten(line))?;
            } else {
                report.add("raw", line)?;
            }
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

/// Writes a banner as Python's `json.dumps` does; one that is no JSON is left as it is, for its parser to refuse.
fn rewritten(line: &[u8]) -> Vec<u8> {
    match json::parse(line) {
        Ok(banner) => json::to_text(&banner, true, false).into_bytes(),
        Err(_) => line.to_vec(),
    }
}
