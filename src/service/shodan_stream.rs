//! Shodan's streaming API: banners as they are found, one a line, and bulk files.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value as Json;

use super::feed::gzip;
use super::http::{Answer, Lines, Request, Response, Site, Web};
use super::{Feed, Kind, Serve, ServiceError, Setup};

pub(super) const KIND: Kind = Kind {
    name: "shodan-stream",
    summary: "Shodan's streaming API under /shodan, and what it publishes as files under /files.",
    scheme: ["http", "https"],
    tls: false,
    publishes: true,
    options: &["key", "alerts", "heartbeat_ms", "tls"],
    faults: &[
        "status",
        "wrong_key",
        "slow",
        "cut_bytes",
        "cut_lines",
        "half_file",
        "expired_certificate",
        "no_answer",
    ],
    writes: &[],
    make,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The API key.
    key: String,
    /// The networks of each alert, by its id.
    #[serde(default)]
    alerts: BTreeMap<String, Vec<String>>,
    /// How often a blank line is sent when there is nothing else.
    #[serde(default = "five_seconds")]
    heartbeat_ms: u64,
    #[serde(default, rename = "tls")]
    _tls: bool,
}

fn five_seconds() -> u64 {
    5000
}

/// What its own paths begin with.
const ROOT: &str = "/shodan/";

struct Streams {
    options: Options,
    alerts: BTreeMap<String, Vec<IpNet>>,
}

fn make(setup: &Setup) -> Result<Arc<dyn Serve>, ServiceError> {
    let options: Options = setup.options()?;
    let mut alerts = BTreeMap::new();
    for (id, networks) in &options.alerts {
        let network = |text: &String| {
            let problem = || format!("alerts: {text:?} is no network; it is like 192.0.2.0/24");
            text.parse().map_err(|_| ServiceError::Options(setup.id.clone(), problem()))
        };
        alerts.insert(id.clone(), networks.iter().map(network).collect::<Result<_, _>>()?);
    }
    Ok(Arc::new(Web(Streams { options, alerts })))
}

impl Site for Streams {
    fn answer(&self, request: &Request, feed: &Feed) -> Answer {
        if request.method != "GET" && request.method != "HEAD" {
            return Answer::Whole(Response::error(405, "only GET"));
        }
        if let Some(name) = request.path.strip_prefix("/files/") {
            return Answer::Whole(bulk(name, feed));
        }
        if request.wrong_key || request.parameter("key") != Some(self.options.key.as_str()) {
            return Answer::Whole(Response::error(401, "Access denied: invalid API key"));
        }
        match self.filter(&request.path) {
            Ok(wants) => Answer::Stream(Lines {
                subscription: request.path.clone(),
                wants: Box::new(move |line| serde_json::from_slice(line).is_ok_and(|banner| wants(&banner))),
                heartbeat: Duration::from_millis(self.options.heartbeat_ms.max(10)),
            }),
            Err(problem) => Answer::Whole(Response::error(404, problem)),
        }
    }
}

type Wants = Box<dyn Fn(&Json) -> bool + Send + Sync>;

impl Streams {
    /// Says which banners a path means.
    fn filter(&self, path: &str) -> Result<Wants, &'static str> {
        let path = path.strip_prefix(ROOT).unwrap_or_default();
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let list = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>();
        Ok(match parts.as_slice() {
            ["banners"] => Box::new(|_| true),
            ["countries", words] => {
                let words = list(words);
                Box::new(move |banner| {
                    let country = banner.pointer("/location/country_code").and_then(Json::as_str);
                    country.is_some_and(|country| words.iter().any(|word| word.eq_ignore_ascii_case(country)))
                })
            }
            ["asn", words] => {
                let words = list(words);
                Box::new(move |banner| {
                    let number = |text: &str| text.trim_start_matches("AS").to_owned();
                    let asn = banner.get("asn").and_then(Json::as_str).map(number);
                    asn.is_some_and(|asn| words.iter().any(|word| number(word) == asn))
                })
            }
            ["ports", words] => {
                let words = list(words);
                Box::new(move |banner| {
                    banner.get("port").is_some_and(|port| words.contains(&port.to_string()))
                })
            }
            ["alert"] => within(self.alerts.values().flatten().copied().collect()),
            ["alert", id] => match self.alerts.get(*id) {
                Some(networks) => within(networks.clone()),
                None => return Err("there is no such alert"),
            },
            _ => return Err("there is no such stream"),
        })
    }
}

/// Wants banners of hosts in some networks.
fn within(networks: Vec<IpNet>) -> Wants {
    Box::new(move |banner| {
        let host = banner.get("ip_str").and_then(Json::as_str).and_then(|text| text.parse::<IpAddr>().ok());
        host.is_some_and(|host| networks.iter().any(|network| network.contains(&host)))
    })
}

/// Gives a published file, or the gzip file of it.
fn bulk(name: &str, feed: &Feed) -> Response {
    let files = feed.files();
    let file = |name: &str| files.iter().find(|file| file.name == name).map(|file| file.bytes.to_vec());
    let packed = || name.strip_suffix(".gz").and_then(file).map(|bytes| gzip(&bytes));
    match file(name).or_else(packed) {
        Some(bytes) => Response::new(200, "application/octet-stream", bytes).into_file(),
        None => Response::error(404, "there is no such file"),
    }
}
