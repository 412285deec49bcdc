//! Shadowserver's Reports API: the list of reports, signed with a secret, and their downloads.

use std::collections::BTreeSet;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::feed::File;
use super::http::{Answer, Request, Response, Site, Web};
use super::{Feed, Kind, Serve, ServiceError, Setup};

pub(super) const KIND: Kind = Kind {
    name: "shadowserver-api",
    summary: "Shadowserver's Reports API: POST reports/list and the like with HMAC2, reports by GET.",
    scheme: ["http", "https"],
    tls: false,
    publishes: true,
    options: &["key", "secret", "today", "tls"],
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
    /// What requests are signed with.
    secret: String,
    /// The day that it is there, so that reports of fixed dates can be asked for today; the real day unless it is said.
    today: Option<String>,
    #[serde(default, rename = "tls")]
    _tls: bool,
}

struct Api {
    options: Options,
    today: Option<Date>,
}

fn make(setup: &Setup) -> Result<Arc<dyn Serve>, ServiceError> {
    let options: Options = setup.options()?;
    let day = |text: &String| {
        let problem = || format!("today: {text:?} is no date; it is like 2026-01-16");
        text.parse().map_err(|_| ServiceError::Options(setup.id.clone(), problem()))
    };
    let today = options.today.as_ref().map(day).transpose()?;
    Ok(Arc::new(Web(Api { options, today })))
}

/// What the name of a report's file says.
struct Report {
    id: String,
    file: File,
    date: Date,
    kind: String,
    list: String,
}

impl Report {
    /// Reads a name such as `2026-01-15-scan_telnet-example-asn.csv`.
    fn of(file: File) -> Option<Self> {
        let (date, rest) = file.name.split_at_checked(10)?;
        let stem = rest.strip_prefix('-')?.split('.').next()?;
        let (kind, list) = stem.split_once('-').unwrap_or((stem, "all"));
        let digest = Sha256::digest(file.name.as_bytes());
        let id = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Some(Report {
            id: format!("{id:016x}"),
            date: date.parse().ok()?,
            kind: kind.to_owned(),
            list: list.to_owned(),
            file,
        })
    }

    fn json(&self) -> Json {
        json!({
            "file": self.file.name,
            "id": self.id,
            "report": self.list,
            "timestamp": self.date.to_string(),
            "type": self.kind,
        })
    }
}

impl Site for Api {
    fn answer(&self, request: &Request, feed: &Feed) -> Answer {
        let path = request.path.trim_matches('/');
        Answer::Whole(match request.method.as_str() {
            "POST" => self.method(path.trim_start_matches("api2/").trim_start_matches('/'), request, feed),
            "GET" | "HEAD" => download(path.rsplit('/').next().unwrap_or(path), feed),
            _ => Response::error(405, "API calls are made with POST"),
        })
    }

    fn check_file(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let file = File { name: name.to_owned(), bytes: Arc::new(bytes.to_vec()) };
        Report::of(file).map(drop).ok_or_else(|| {
            format!("{name:?} is no name of a report; it is like 2026-01-15-scan_telnet-example-asn.csv")
        })
    }
}

impl Api {
    /// Answers a call of the API.
    fn method(&self, method: &str, request: &Request, feed: &Feed) -> Response {
        let Ok(Json::Object(call)) = serde_json::from_slice(&request.body) else {
            return Response::error(400, "the request is no JSON object");
        };
        let signed = request.header("hmac2").is_some_and(|shown| self.is_signed(&request.body, shown));
        let known = call.get("apikey").and_then(Json::as_str) == Some(self.options.key.as_str());
        if request.wrong_key || !known || !signed {
            return Response::error(401, "invalid API key or HMAC2");
        }
        let reports = reports(feed);
        let names = |of: fn(&Report) -> &String| json!(reports.iter().map(of).collect::<BTreeSet<_>>());
        match method {
            "test/ping" => Response::json(200, &json!({ "pong": Timestamp::now().to_string() })),
            "reports/subscribed" => Response::json(200, &names(|report| &report.list)),
            "reports/types" => Response::json(200, &names(|report| &report.kind)),
            "reports/list" => match self.filter(&call) {
                Ok(wants) => {
                    let list = reports.iter().filter(|report| wants(report)).map(Report::json);
                    Response::json(200, &list.collect())
                }
                Err(problem) => Response::error(400, &problem),
            },
            "reports/download" => download(call.get("id").and_then(Json::as_str).unwrap_or_default(), feed),
            _ => Response::error(404, "unknown method"),
        }
    }

    /// Tells whether a signature is that of these very bytes.
    fn is_signed(&self, body: &[u8], shown: &str) -> bool {
        let digits = shown.trim().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let Some(shown) = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>() else { return false };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.options.secret.as_bytes()) else {
            return false;
        };
        mac.update(body);
        mac.verify_slice(&shown).is_ok()
    }

    /// Makes a filter of what a call says.
    fn filter(
        &self,
        call: &serde_json::Map<String, Json>,
    ) -> Result<impl Fn(&Report) -> bool + use<>, String> {
        let list = |name: &str| -> Result<Option<Vec<String>>, String> {
            match call.get(name) {
                None => Ok(None),
                Some(value) => serde_json::from_value(value.clone())
                    .map(Some)
                    .map_err(|_| format!("{name} is no array of strings")),
            }
        };
        let (lists, kinds) = (list("reports")?, list("types")?);
        let range = match call.get("date").map(|date| date.as_str().unwrap_or_default()) {
            None => None,
            Some(text) => {
                let (from, to) = text.split_once(':').unwrap_or((text, text));
                let day = |text: &str| text.parse::<Date>().map_err(|_| format!("{text:?} is no date"));
                Some((self.moved(day(from)?), self.moved(day(to)?)))
            }
        };
        Ok(move |report: &Report| {
            let fits = |list: &Option<Vec<String>>, value: &String| {
                list.as_ref().is_none_or(|list| list.is_empty() || list.contains(value))
            };
            let within = range.is_none_or(|(from, to)| (from..=to).contains(&report.date));
            within && fits(&lists, &report.list) && fits(&kinds, &report.kind)
        })
    }

    /// Moves a real day to where it is on the service's own calendar.
    fn moved(&self, day: Date) -> Date {
        let Some(today) = self.today else { return day };
        let real = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        real.until(today).and_then(|difference| day.checked_add(difference)).unwrap_or(day)
    }
}

fn reports(feed: &Feed) -> Vec<Report> {
    feed.files().into_iter().filter_map(Report::of).collect()
}

fn download(id: &str, feed: &Feed) -> Response {
    match reports(feed).into_iter().find(|report| report.id == id) {
        Some(report) => Response::new(200, "text/csv", report.file.bytes.to_vec()).into_file(),
        None => Response::error(404, "there is no such report"),
    }
}
