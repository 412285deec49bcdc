//! Fetches reports through Shadowserver's Reports API: those of the last days that were not fetched before.

mod request;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;

use self::request::ListRequest;
use super::feed::Feed;
use super::job::Job;
use crate::bots::http::{Http, PARAMS};
use crate::bots::{Bot, BotSpec, Collector, Context, Failure, Level, Round, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The Reports API collector.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.shadowserver.collector_reports_api",
        kind: Kind::Collector,
        summary: "Fetches the reports of the last days through Shadowserver's Reports API, each once.",
        params: &joined::<23>(
            &[
                Param::required("api_key", ParamKind::Text, "The key that Shadowserver gave you."),
                Param::required("secret", ParamKind::Text, "The secret that signs the requests."),
                Param::new(
                    "reports",
                    ParamKind::List,
                    "null",
                    "The lists of reports to ask for, as a list or separated by commas without blanks; all if not set.",
                ),
                Param::new(
                    "types",
                    ParamKind::List,
                    "null",
                    "The report types to fetch, such as `scan_telnet`, written like reports; all if not set.",
                ),
                Param::new("country", ParamKind::Text, "null", "Old name for one more of the reports."),
                Param::new(
                    "url",
                    ParamKind::Text,
                    "\"https://transform.shadowserver.org/api2/\"",
                    "Where the API is. Ours, not IntelMQ's.",
                )
                .ours(),
                Param::new(
                    "download_url",
                    ParamKind::Text,
                    "\"https://dl.shadowserver.org/\"",
                    "Where the files are. Ours, not IntelMQ's.",
                )
                .ours(),
                Param::new(
                    "redis_cache_db",
                    ParamKind::Int,
                    "12",
                    "Number of the Redis database of the bot's memory.",
                ),
                Param::new(
                    "redis_cache_ttl",
                    ParamKind::Int,
                    "864000",
                    "Seconds for which a fetched file is known; 0 is for ever.",
                ),
                Param::new("file_format", ParamKind::Text, "null", "Not used any more; all reports are CSV."),
                Param::new("rate_limit", ParamKind::Float, "86400", "Seconds to rest after each round."),
                Param::new(
                    "redis_cache_host",
                    ParamKind::Text,
                    "null",
                    "Redis server of the bot's memory; if not set, memory is kept with the queues.",
                ),
            ],
            &PARAMS,
        ),
        stateful: true,
        paths: &[],
    },
    make,
};

struct ReportsApi {
    request: ListRequest,
    types: Option<Vec<String>>,
    download: String,
    http: Http,
    feed: Feed,
    ttl: Option<Duration>,
    warnings: Vec<&'static str>,
    list: Job<Vec<Entry>>,
    file: Job<Vec<u8>>,
    /// What is left of this round; `None` between rounds.
    left: Option<VecDeque<Entry>>,
    /// Whether the first of them was sent.
    sent: bool,
}

/// One report that can be fetched.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    id: String,
    file: String,
    #[serde(rename = "type", default)]
    kind: String,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let mut warnings = Vec::new();
    let mut reports = names(params, "reports")?;
    if let Some(country) = params.text("country")?.filter(|country| !country.is_empty()) {
        warnings.push("The parameter country is deprecated; add it to reports.");
        reports.get_or_insert_default().push(country);
    }
    if params.get("file_format").is_some() {
        warnings.push("The parameter file_format is not used any more; remove it.");
    }
    let ttl = params.seconds("redis_cache_ttl")?.unwrap_or(Duration::from_secs(864_000));
    let slashed = |url: String| if url.ends_with('/') { url } else { url + "/" };
    let text = |name: &str, default: &str| {
        params.text(name).map(|text| slashed(text.unwrap_or_else(|| default.to_owned())))
    };
    Ok(Bot::Collector(Box::new(ReportsApi {
        request: ListRequest {
            url: text("url", "https://transform.shadowserver.org/api2/")? + "reports/list",
            key: params.required_text("api_key")?,
            secret: params.required_text("secret")?,
            reports,
        },
        types: names(params, "types")?,
        download: text("download_url", "https://dl.shadowserver.org/")?,
        http: Http::of(params, site)?,
        feed: Feed::of(params, site)?,
        ttl: (!ttl.is_zero()).then_some(ttl),
        warnings,
        list: Job::default(),
        file: Job::default(),
        left: None,
        sent: false,
    })))
}

/// Reads a list; a blank text is none, and blanks around names belong to them, as in IntelMQ.
fn names(params: &Params, name: &str) -> Result<Option<Vec<String>>, Failure> {
    let list = params.list(name, false)?.unwrap_or_default();
    let blank = list.iter().all(|entry| entry.trim().is_empty());
    Ok((!blank).then_some(list))
}

impl Collector for ReportsApi {
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        self.sent = false;
        if self.left.is_none() {
            if self.list.is_idle() && context.only_rung() {
                return Ok(Round::Done);
            }
            let (http, request, now) = (self.http.clone(), self.request.clone(), context.now());
            let Some(listed) = self.list.poll(context.bell(), move || request.ask(&http, now))? else {
                return Ok(Round::Wait);
            };
            self.begin(listed, context)?;
        }
        let Some(entry) = self.left.as_ref().and_then(VecDeque::front).cloned() else {
            self.left = None;
            return Ok(Round::Done);
        };
        let (http, url) = (self.http.clone(), format!("{}{}", self.download, entry.id));
        let fetched = match self.file.poll(context.bell(), move || http.get(&url)?.success()?.text()) {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Ok(Round::Wait),
            Err(failure) => {
                // The next try asks for the list again, as IntelMQ's next run does; what is fetched is known by then.
                self.left = None;
                return Err(Failure::Other(format!("{}: {failure}", entry.file)));
            }
        };
        self.send(&entry, fetched, context)?;
        Ok(Round::More)
    }

    fn sends_again(&self) -> bool {
        true
    }

    fn stored(&mut self) {
        if self.sent {
            self.left.as_mut().map(VecDeque::pop_front);
        }
    }
}

impl ReportsApi {
    /// Keeps those of the listed reports that are wanted and were not fetched before.
    fn begin(&mut self, listed: Vec<Entry>, context: &mut Context) -> Result<(), Failure> {
        self.http.warn(context);
        for warning in self.warnings.drain(..) {
            context.log(Level::Warning, warning);
        }
        let mut left = VecDeque::new();
        let count = listed.len();
        for entry in listed {
            let wanted = self.types.as_ref().is_none_or(|types| types.contains(&entry.kind));
            if wanted && context.recall(entry.file.as_bytes())?.is_none() {
                left.push_back(entry);
            }
        }
        let text = format!("There are {count} reports, {} of them are new and wanted.", left.len());
        context.log(Level::Info, text);
        self.left = Some(left);
        Ok(())
    }

    fn send(&mut self, entry: &Entry, bytes: Vec<u8>, context: &mut Context) -> Result<(), Failure> {
        self.sent = true;
        context.remember(entry.file.as_bytes(), b"1", self.ttl);
        if bytes.is_empty() {
            let text = format!("The report {:?} is empty; nothing is made of it.", entry.file);
            context.log(Level::Warning, text);
            return Ok(());
        }
        let mut report = Message::report(context.idf());
        report.add("extra.file_name", entry.file.as_str())?;
        report.add("raw", bytes)?;
        self.feed.send(report, context)
    }
}
