//! n6's REST API: events as JSON, as JSON lines and as CSV.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::http::{Answer, Request, Response, Site, Web};
use super::{Feed, Kind, Serve, ServiceError, Setup};

pub(super) const KIND: Kind = Kind {
    name: "n6-api",
    summary: "n6's REST API: GET /search/events, /report/inside and /report/threats as .json, .sjson and .csv.",
    scheme: ["http", "https"],
    tls: false,
    publishes: true,
    options: &["key", "resources", "tls"],
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

/// What there is to be asked for.
const RESOURCES: &[&str] = &["search/events", "report/inside", "report/threats"];

/// Parameters that take one value.
const SINGLE: &[&str] = &[
    "time.min",
    "time.max",
    "time.until",
    "modified.min",
    "modified.max",
    "modified.until",
    "active.min",
    "active.max",
    "active.until",
    "opt.limit",
    "opt.primary",
];

/// Parameters that take several values, which are compared with the attribute of that name.
const SEVERAL: &[&str] = &[
    "category",
    "confidence",
    "dport",
    "fqdn",
    "id",
    "md5",
    "name",
    "origin",
    "proto",
    "replaces",
    "sha1",
    "sha256",
    "source",
    "sport",
    "status",
    "target",
    "url",
    "ip",
    "cc",
    "asn",
    "fqdn.sub",
    "url.sub",
    "ip.net",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The API key.
    key: String,
    /// What this user may ask for; everything unless it is said.
    #[serde(default = "everything")]
    resources: Vec<String>,
    #[serde(default, rename = "tls")]
    _tls: bool,
}

fn everything() -> Vec<String> {
    RESOURCES.iter().copied().map(str::to_owned).collect()
}

struct Api {
    options: Options,
}

fn make(setup: &Setup) -> Result<Arc<dyn Serve>, ServiceError> {
    let options: Options = setup.options()?;
    match options.resources.iter().find(|name| !RESOURCES.contains(&name.as_str())) {
        Some(name) => {
            let problem = format!("there is no resource {name:?}; there are {}", RESOURCES.join(", "));
            Err(ServiceError::Options(setup.id.clone(), problem))
        }
        None => Ok(Arc::new(Web(Api { options }))),
    }
}

type Event = Map<String, Json>;

impl Site for Api {
    fn answer(&self, request: &Request, feed: &Feed) -> Answer {
        Answer::Whole(match self.respond(request, feed) {
            Ok(response) => response,
            Err((status, text)) => Response::new(status, "text/plain; charset=utf-8", format!("{text}\n")),
        })
    }

    fn check_file(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        events_of(bytes).map(drop).ok_or_else(|| {
            format!("{name:?} holds no events: it is one JSON object a line, or an array of objects")
        })
    }
}

impl Api {
    fn respond(&self, request: &Request, feed: &Feed) -> Result<Response, (u16, String)> {
        let fail = |status: u16, text: &str| Err((status, text.to_owned()));
        let path = request.path.trim_start_matches('/');
        let Some((resource, format)) = path.rsplit_once('.') else { return fail(404, "404 Not Found") };
        if !RESOURCES.contains(&resource) || !["json", "sjson", "csv"].contains(&format) {
            return fail(404, "404 Not Found");
        }
        if request.method != "GET" {
            return fail(405, "405 Method Not Allowed");
        }
        let shown = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        if request.wrong_key || shown.map(str::trim) != Some(self.options.key.as_str()) {
            return fail(401, "401 Unauthorized");
        }
        if !self.options.resources.iter().any(|allowed| allowed == resource) {
            return fail(403, "403 Forbidden");
        }
        let query = Query::read(request).map_err(|problem| (400, format!("400 Bad Request\n\n{problem}")))?;
        if query.from.is_none() {
            return Ok(redirect(request));
        }
        let mut events: Vec<Event> =
            feed.files().iter().filter_map(|file| events_of(&file.bytes)).flatten().collect();
        events.retain(|event| query.wants(event));
        // Newest first.
        events.sort_by_key(|event| std::cmp::Reverse(text(event, "time")));
        events.truncate(query.limit.unwrap_or(usize::MAX));
        Ok(written(&events, format))
    }
}

/// Sends a client that forgot `time.min` to the last seven days.
fn redirect(request: &Request) -> Response {
    let from = Timestamp::now().checked_sub((7 * 24).hours()).unwrap_or_default();
    let from = from.strftime("%Y-%m-%dT%H:%M:%S");
    let joint = if request.raw_query.is_empty() { "" } else { "&" };
    let to = format!("{}?{}{joint}time.min={from}", request.path, request.raw_query);
    let mut response = Response::new(307, "text/plain; charset=utf-8", "307 Temporary Redirect\n");
    response.headers.push(("Location", to));
    response
}

/// Reads events that are one JSON object a line, or an array.
fn events_of(bytes: &[u8]) -> Option<Vec<Event>> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(bytes).ok();
    }
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}

/// What is asked for.
#[derive(Default)]
struct Query {
    from: Option<DateTime>,
    to: Option<DateTime>,
    until: Option<DateTime>,
    limit: Option<usize>,
    several: Vec<(String, BTreeSet<String>)>,
}

impl Query {
    fn read(request: &Request) -> Result<Self, String> {
        let mut query = Query::default();
        let mut seen = BTreeSet::new();
        for (name, value) in &request.query {
            if SEVERAL.contains(&name.as_str()) {
                let values = value.split(',').map(|one| one.trim().to_owned());
                match query.several.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => known.extend(values),
                    None => query.several.push((name.clone(), values.collect())),
                }
                continue;
            }
            if !SINGLE.contains(&name.as_str()) {
                return Err(format!("illegal query parameter: {name}"));
            }
            if !seen.insert(name) {
                return Err(format!("{name} takes one value"));
            }
            let moment = || moment(value).ok_or_else(|| format!("{value:?} is no date and time"));
            match name.as_str() {
                "time.min" => query.from = Some(moment()?),
                "time.max" => query.to = Some(moment()?),
                "time.until" => query.until = Some(moment()?),
                "opt.limit" => {
                    query.limit = Some(value.parse().map_err(|_| format!("{value:?} is no number"))?);
                }
                _ => {}
            }
        }
        Ok(query)
    }

    fn wants(&self, event: &Event) -> bool {
        let time = event.get("time").and_then(Json::as_str).and_then(moment);
        let within = time.is_some_and(|time| {
            self.from.is_none_or(|from| time >= from)
                && self.to.is_none_or(|to| time <= to)
                && self.until.is_none_or(|until| time < until)
        });
        within && self.several.iter().all(|(name, values)| has(event, name, values))
    }
}

/// Reads a date and time with `T` or a blank, in UTC with `Z` or without.
fn moment(text: &str) -> Option<DateTime> {
    text.trim().trim_end_matches('Z').replace(' ', "T").parse().ok()
}

/// Tells whether an event has one of the values for a parameter.
fn has(event: &Event, name: &str, values: &BTreeSet<String>) -> bool {
    let own = |key: &str| -> Vec<String> {
        match key {
            "ip" | "cc" | "asn" => addresses(event).iter().map(|address| text(address, key)).collect(),
            _ => vec![text(event, key)],
        }
    };
    match name.split_once('.') {
        Some(("ip", _)) => {
            let networks: Vec<Ipv4Net> = values.iter().filter_map(|network| network.parse().ok()).collect();
            let ips = own("ip");
            let mut ips = ips.iter().filter_map(|ip| ip.parse::<Ipv4Addr>().ok());
            ips.any(|ip| networks.iter().any(|network| network.contains(&ip)))
        }
        Some((key, _)) => own(key).iter().any(|own| values.iter().any(|value| own.contains(value.as_str()))),
        None => own(name).iter().any(|own| values.contains(own)),
    }
}

fn addresses(event: &Event) -> Vec<Event> {
    event.get("address").and_then(|list| serde_json::from_value(list.clone()).ok()).unwrap_or_default()
}

/// Returns a value as text; empty if there is none.
fn text(event: &Event, key: &str) -> String {
    match event.get(key) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn written(events: &[Event], format: &str) -> Response {
    let media = match format {
        "json" => "application/json",
        "sjson" => "text/plain; charset=utf-8",
        _ => "text/csv; charset=utf-8",
    };
    let lines = events.iter().map(|event| Json::Object(event.clone()).to_string() + "\n");
    let body = match format {
        "json" => serde_json::to_string(events).unwrap_or_default(),
        "sjson" => lines.collect(),
        _ => csv(events),
    };
    Response::new(200, media, body).into_file()
}

/// The columns of the CSV form.
const COLUMNS: [&str; 12] =
    ["time", "id", "source", "category", "name", "md5", "ip", "url", "fqdn", "asn", "cc", "details"];

fn csv(events: &[Event]) -> String {
    let row = |cells: &[String]| {
        let quoted: Vec<String> =
            cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        quoted.join(",") + "\r\n"
    };
    let cell = |event: &Event, column: &str| match column {
        "ip" | "asn" | "cc" => {
            let values: Vec<String> = addresses(event).iter().map(|address| text(address, column)).collect();
            values.join(" ")
        }
        "details" => details(event),
        _ => text(event, column),
    };
    let mut out = row(&COLUMNS.map(str::to_owned));
    for event in events {
        out += &row(&COLUMNS.map(|column| cell(event, column)));
    }
    out
}

/// Says in words what has no column of its own.
fn details(event: &Event) -> String {
    let mut words = vec![text(event, "proto")];
    let target = ["adip", "dip"].map(|key| text(event, key)).into_iter().find(|text| !text.is_empty());
    let dport = text(event, "dport");
    words.push(
        Some(text(event, "sport"))
            .filter(|port| !port.is_empty())
            .map_or_else(String::new, |port| format!("from port {port}")),
    );
    words.push(match (target, dport.is_empty()) {
        (Some(target), false) => format!("to {target}:{dport}"),
        (Some(target), true) => format!("to {target}"),
        (None, false) => format!("to port {dport}"),
        (None, true) => String::new(),
    });
    words.push(
        Some(text(event, "target"))
            .filter(|name| !name.is_empty())
            .map_or_else(String::new, |name| format!("target {name}")),
    );
    words.retain(|word| !word.is_empty());
    words.join(" ")
}
