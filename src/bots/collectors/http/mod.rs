//! Fetches a file over HTTP: one report, or one for each file of an archive.

mod address;
mod archive;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use self::address::Address;
use self::archive::{Member, Wanted};
pub(super) use self::stream::SPEC as STREAM;
use super::feed::Feed;
use super::job::Job;
use crate::bots::http::{Http, PARAMS};
use crate::bots::{Bot, BotSpec, Collector, Context, Failure, Level, Round, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The HTTP collector.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.http.collector_http",
        kind: Kind::Collector,
        summary: "Fetches a file over HTTP; each file of an archive becomes a report.",
        params: &joined::<19>(
            &[
                Param::required(
                    "http_url",
                    ParamKind::Text,
                    "The address. With http_url_formatting it may hold the time, as in `{time[%Y-%m-%d]}`.",
                ),
                Param::new(
                    "http_url_formatting",
                    ParamKind::Any,
                    "false",
                    "Whether the address holds the time: true for now, or how far from now, such as `{days: -1}`.",
                ),
                Param::new(
                    "extract_files",
                    ParamKind::Any,
                    "false",
                    "Files to take out of an archive (zip, tar, tar.gz, gz): true for all, or their names. A zip archive is \
                 always unpacked.",
                ),
                Param::new(
                    "verify_pgp_signatures",
                    ParamKind::Bool,
                    "false",
                    "Not supported: true is refused, because nothing would be verified.",
                ),
                Param::new(
                    "signature_url",
                    ParamKind::Text,
                    "null",
                    "Where a PGP signature would be; not used.",
                ),
                Param::new(
                    "signature_url_formatting",
                    ParamKind::Any,
                    "false",
                    "The same for its time; not used.",
                ),
                Param::new("gpg_keyring", ParamKind::Text, "null", "Where PGP keys would be; not used."),
                Param::new("rate_limit", ParamKind::Float, "3600", "Seconds to rest after each round."),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make,
};

struct HttpCollector {
    address: Address,
    wanted: Wanted,
    http: Http,
    feed: Feed,
    job: Job<Vec<Member>>,
    /// The address that is or was asked, while its files are sent.
    url: String,
    /// What was fetched and is not stored yet.
    members: VecDeque<Member>,
    /// Whether the first of them was sent.
    sent: bool,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    if params.flag("verify_pgp_signatures") {
        return Err(Failure::Configuration(
            "parameter \"verify_pgp_signatures\": signatures cannot be verified here; set it to false, and trust the \
             server's certificate instead"
                .to_owned(),
        ));
    }
    Ok(Bot::Collector(Box::new(HttpCollector {
        address: Address::of(params, "http_url")?,
        wanted: Wanted::of(params)?,
        http: Http::of(params, site)?,
        feed: Feed::of(params, site)?,
        job: Job::default(),
        url: String::new(),
        members: VecDeque::new(),
        sent: false,
    })))
}

impl Collector for HttpCollector {
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        self.sent = false;
        if self.members.is_empty() {
            if self.url.is_empty() {
                if context.only_rung() {
                    return Ok(Round::Done);
                }
                self.url = self.address.at(context.now()).map_err(Failure::Configuration)?;
                self.http.warn(context);
                context.log(
                    Level::Info,
                    format!("Downloading report from {:?}.", crate::bots::http::bare(&self.url)),
                );
            }
            let (http, url, wanted) = (self.http.clone(), self.url.clone(), self.wanted.clone());
            let fetched = self.job.poll(context.bell(), move || {
                let answer = http.get(&url)?.success()?;
                archive::unpack(answer.text()?, &wanted)
            });
            match fetched {
                Ok(Some(members)) => self.members = members.into(),
                Ok(None) => return Ok(Round::Wait),
                Err(failure) => {
                    self.url.clear();
                    return Err(failure);
                }
            }
        }
        self.send(context)?;
        if self.members.len() > 1 {
            return Ok(Round::More);
        }
        Ok(Round::Done)
    }

    fn sends_again(&self) -> bool {
        true
    }

    fn stored(&mut self) {
        if self.sent {
            self.members.pop_front();
            if self.members.is_empty() {
                self.url.clear();
            }
        }
    }
}

impl HttpCollector {
    /// Sends the first file that is left.
    fn send(&mut self, context: &mut Context) -> Result<(), Failure> {
        self.sent = true;
        let Some((name, bytes)) = self.members.front() else {
            self.url.clear();
            context.log(Level::Warning, "There is no file in what was fetched.");
            return Ok(());
        };
        if bytes.is_empty() {
            let what =
                name.as_ref().map_or("What was fetched".to_owned(), |name| format!("The file {name:?}"));
            context.log(Level::Warning, format!("{what} is empty; no report is made of it."));
            return Ok(());
        }
        let mut report = Message::report(context.idf());
        report.add("feed.url", self.url.as_str())?;
        if let Some(name) = name {
            report.add("extra.file_name", name.as_str())?;
        }
        report.add("raw", bytes.clone())?;
        self.feed.send(report, context)
    }
}
