//! What a step does, as `playbook.yaml` has it. `docs/playbook-format.md` says what each means; `session` carries them out.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::period::Period;
use crate::diagnostic::Located;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Puts a feed where a collector looks, or makes a service publish it.
    Seed(Seed),
    /// Merges into the botnet, by bot id, and reloads; texts may hold variables.
    Configure(Map<String, Json>),
    /// Starts a bot.
    Start(Located<String>),
    /// Stops a bot after the message in hand.
    Stop(Located<String>),
    /// Makes a bot read its configuration again.
    Reload(Located<String>),
    /// Puts a message into a queue.
    Inject(Inject),
    /// Puts dumped messages back, repaired if need be.
    Requeue(Requeue),
    /// Sends an HTTP request.
    Request(Request),
    /// Makes something go wrong with a service, or right again.
    Fault(Fault),
}

/// Puts a feed where a collector looks, or makes a service publish it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// `sample:NAME` or a file of the playbook; see [`super::Playbook::bytes`].
    pub file: Located<String>,
    /// Its name below `lab.in` or at the service, if it is another.
    #[serde(rename = "as")]
    pub name: Option<Located<String>>,
    /// The service that publishes it; without one it is put below `lab.in`.
    pub service: Option<Located<String>>,
}

impl Seed {
    /// Returns the path below `lab.in`, or the name at the service.
    pub fn target(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None => self.file.rsplit(['/', ':']).next().unwrap_or(&self.file),
        }
    }
}

/// Puts a message into a queue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// The queue.
    pub queue: Located<String>,
    /// The message, flat; `__type` is `Event` unless it is there. See [`Inject::wire`].
    pub message: Map<String, Json>,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

impl Inject {
    /// Returns the message as it goes into the queue.
    pub fn wire(&self) -> String {
        let mut message = self.message.clone();
        message.entry("__type").or_insert_with(|| "Event".into());
        Json::Object(message).to_string()
    }
}

fn once() -> u32 {
    1
}

/// Puts dumped messages back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requeue {
    /// Whose dump.
    pub bot: Located<String>,
    /// Only entries with this text in the error or in the row.
    pub contains: Option<String>,
    /// Replacements in the row, in order.
    #[serde(default)]
    pub replace: Vec<Replace>,
    /// Another queue than the one they came from.
    pub queue: Option<Located<String>>,
}

/// One replacement of text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// What is looked for.
    pub text: String,
    /// What stands there instead.
    pub with: String,
}

/// Sends an HTTP request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The URL, which may hold variables.
    pub url: Located<String>,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// Headers; values may hold variables.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body as text, which may hold variables.
    pub body: Option<String>,
    /// The body as JSON, whose texts may hold variables.
    pub json: Option<Json>,
    /// What must be answered; `None` is any 2xx.
    pub status: Option<u16>,
}

fn get() -> String {
    "GET".to_owned()
}

/// Makes something go wrong with a service: one kind of trouble, or nothing any more.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the playbook; lint wants exactly one")]
pub struct Fault {
    /// The service.
    pub service: Located<String>,
    /// It answers with this status.
    pub status: Option<u16>,
    /// With a status: how long it says that one shall wait.
    pub retry_after: Option<Period>,
    /// It takes the right key for a wrong one.
    #[serde(default)]
    pub wrong_key: bool,
    /// It waits so long before each answer.
    pub slow: Option<Period>,
    /// It cuts the connection after so many bytes.
    pub cut_bytes: Option<u64>,
    /// It cuts the connection after so many lines.
    pub cut_lines: Option<u64>,
    /// It gives the first half of a file as if it were all.
    #[serde(default)]
    pub half_file: bool,
    /// Its certificate has expired.
    #[serde(default)]
    pub expired_certificate: bool,
    /// It closes each connection at once.
    #[serde(default)]
    pub no_answer: bool,
    /// Nothing goes wrong any more.
    #[serde(default)]
    pub clear: bool,
    /// How often it goes wrong; always unless it is said.
    pub times: Option<u32>,
    /// Only requests whose path contains this.
    pub path: Option<String>,
}

impl Fault {
    /// Lists which kinds of trouble it has, as they are written; a right one has exactly one.
    pub fn troubles(&self) -> Vec<&'static str> {
        [
            ("status", self.status.is_some()),
            ("wrong_key", self.wrong_key),
            ("slow", self.slow.is_some()),
            ("cut_bytes", self.cut_bytes.is_some()),
            ("cut_lines", self.cut_lines.is_some()),
            ("half_file", self.half_file),
            ("expired_certificate", self.expired_certificate),
            ("no_answer", self.no_answer),
            ("clear", self.clear),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

/// Says what goes wrong, such as `reports: status 429`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.service.value, self.troubles().join(", "))?;
        let number = self.status.map(u64::from).or(self.cut_bytes).or(self.cut_lines);
        number.map_or(Ok(()), |number| write!(f, " {number}"))?;
        self.slow.map_or(Ok(()), |slow| write!(f, " {slow}"))?;
        self.times.map_or(Ok(()), |times| write!(f, ", times {times}"))
    }
}

impl Action {
    /// Returns the verb: the key in `playbook.yaml`.
    pub fn verb(&self) -> &'static str {
        match self {
            Action::Seed(_) => "seed",
            Action::Configure(_) => "configure",
            Action::Start(_) => "start",
            Action::Stop(_) => "stop",
            Action::Reload(_) => "reload",
            Action::Inject(_) => "inject",
            Action::Requeue(_) => "requeue",
            Action::Request(_) => "request",
            Action::Fault(_) => "fault",
        }
    }

    /// Returns the bot that it names.
    pub fn bot(&self) -> Option<&Located<String>> {
        match self {
            Action::Start(bot) | Action::Stop(bot) | Action::Reload(bot) => Some(bot),
            Action::Requeue(requeue) => Some(&requeue.bot),
            _ => None,
        }
    }

    /// Returns the service that it names.
    pub fn service(&self) -> Option<&Located<String>> {
        match self {
            Action::Seed(seed) => seed.service.as_ref(),
            Action::Fault(fault) => Some(&fault.service),
            _ => None,
        }
    }

    /// Returns the queue that it names.
    pub fn queue(&self) -> Option<&Located<String>> {
        match self {
            Action::Inject(inject) => Some(&inject.queue),
            Action::Requeue(requeue) => requeue.queue.as_ref(),
            _ => None,
        }
    }
}

/// Says what is done, such as `seed 2026-01-15-scan_telnet-lab.csv`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verb())?;
        match self {
            Action::Seed(seed) => {
                write!(f, " {}", seed.target())?;
                seed.service.as_ref().map_or(Ok(()), |service| write!(f, " at {}", service.value))
            }
            Action::Fault(fault) => write!(f, " {fault}"),
            Action::Configure(bots) => {
                let ids: Vec<&str> = bots.keys().map(String::as_str).collect();
                write!(f, " {}", ids.join(", "))
            }
            Action::Start(bot) | Action::Stop(bot) | Action::Reload(bot) => write!(f, " {}", bot.value),
            Action::Inject(Inject { queue, times: 1, .. }) => write!(f, " a message into {}", queue.value),
            Action::Inject(inject) => write!(f, " {} messages into {}", inject.times, inject.queue.value),
            Action::Requeue(requeue) => {
                write!(f, " the dump of {}", requeue.bot.value)?;
                if let Some(text) = &requeue.contains {
                    write!(f, " with {text:?}")?;
                }
                let repair = |replace: &Replace| format!("{:?} to {:?}", replace.text, replace.with);
                let repairs: Vec<String> = requeue.replace.iter().map(repair).collect();
                if repairs.is_empty() { Ok(()) } else { write!(f, ", {}", repairs.join(", ")) }
            }
            Action::Request(request) => write!(f, " {} {}", request.method, request.url.value),
        }
    }
}
