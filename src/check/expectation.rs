//! What a step expects, as `playbook.yaml` has it. `docs/playbook-format.md` says what each means.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{Count, Event, Golden};
use crate::diagnostic::Located;

/// One thing that shall be so.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expectation {
    /// Events of an output.
    Events(Events),
    /// How full a queue is.
    Queue(Queue),
    /// What a bot gave up.
    Dump(Dump),
    /// What bots logged.
    Log(Log),
    /// A bot's state and numbers.
    Status(Status),
    /// A file that an output wrote.
    File(File),
    /// What a URL answers.
    Http(Http),
    /// Rows of an SQL database.
    Table(Table),
}

/// From when on things count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Since {
    /// Since the step began.
    #[default]
    Step,
    /// Since the lab began.
    Start,
}

/// Events of an output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The output's file, below `lab.out`.
    pub file: Located<String>,
    /// Only events with these values are looked at; `null` means that the field is missing.
    #[serde(default, rename = "where")]
    pub filter: Event,
    /// How many there are.
    pub count: Option<Count>,
    /// These events and no others.
    pub exactly: Option<Golden>,
    /// At least these events, each with at least these fields.
    pub contain: Option<Golden>,
    /// Whether the order matters.
    #[serde(default)]
    pub in_order: bool,
    /// Only these fields are compared; empty means all.
    #[serde(default)]
    pub only: Vec<String>,
    /// Fields that must be there, with any value.
    #[serde(default)]
    pub mask: Vec<String>,
    /// From when on.
    #[serde(default)]
    pub since: Since,
}

/// How full a queue is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// The queue's name.
    pub name: Located<String>,
    /// How many messages, waiting and in work.
    pub depth: Count,
}

/// What a bot gave up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    /// The bot.
    pub bot: Located<String>,
    /// Only entries with this text in the error or in the row are looked at.
    pub contains: Option<String>,
    /// The same with a regular expression.
    pub matches: Option<Located<String>>,
    /// How many; at least one unless it is said.
    pub count: Option<Count>,
    /// From when on.
    #[serde(default)]
    pub since: Since,
}

/// How bad a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// What normally happens.
    Info,
    /// Something is odd.
    Warning,
    /// Something failed.
    Error,
    /// The bot cannot go on.
    Critical,
}

/// What bots logged.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The bot; `None` is every bot.
    pub bot: Option<Located<String>>,
    /// This level and worse.
    pub level: Option<LogLevel>,
    /// Only lines with this text are looked at.
    pub contains: Option<String>,
    /// The same with a regular expression.
    pub matches: Option<Located<String>>,
    /// How many; at least one unless it is said.
    pub count: Option<Count>,
    /// From when on.
    #[serde(default)]
    pub since: Since,
}

/// What a bot does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works, or waits for work.
    Running,
    /// It was stopped.
    Stopped,
    /// `enabled: false`, and nobody started it.
    Disabled,
    /// It cannot go on.
    Failed,
    /// It did its one run.
    Finished,
}

/// A bot's state and numbers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The bot.
    pub bot: Located<String>,
    /// What it does.
    pub state: Option<State>,
    /// Messages that it received and finished.
    pub received: Option<Count>,
    /// Messages that it sent, to all paths.
    pub sent: Option<Count>,
    /// Messages that it dropped on purpose.
    pub dropped: Option<Count>,
    /// Messages and rows that it gave up.
    pub failed: Option<Count>,
    /// From when on the numbers count.
    #[serde(default)]
    pub since: Since,
}

/// A file that an output wrote.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it is, below `lab.out`.
    pub path: Located<String>,
    /// Whether it is there; true unless it is said.
    #[serde(default = "yes")]
    pub exists: bool,
    /// A piece of its text.
    pub contains: Option<String>,
    /// A regular expression that is found in it.
    pub matches: Option<Located<String>>,
    /// A file of the playbook that it equals.
    pub equals: Option<Located<String>>,
    /// The text of that file; the loader fills it in.
    #[serde(skip)]
    pub golden: String,
    /// How many lines it has.
    pub lines: Option<Count>,
}

/// What a URL answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The URL, which may hold variables.
    pub url: Located<String>,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The status that is answered.
    #[serde(default = "ok")]
    pub status: u16,
    /// What the answer has at least.
    pub json: Option<Json>,
    /// A piece of the answer's text.
    pub contains: Option<String>,
    /// A regular expression that is found in it.
    pub matches: Option<Located<String>>,
}

/// Rows of an SQL database.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The bot that writes it: an output with a database.
    pub bot: Located<String>,
    /// What is asked.
    pub query: Located<String>,
    /// The rows, in order, compared as text.
    pub rows: Option<Vec<Vec<Json>>>,
    /// How many rows there are.
    pub count: Option<Count>,
}

fn yes() -> bool {
    true
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

/// What must be looked at to judge an expectation; see [`super::Observation`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// An output file below `lab.out`, as events.
    Output(String),
    /// A queue.
    Queue(String),
    /// A bot's dump.
    Dump(String),
    /// The log of one bot or of all.
    Log(Option<String>),
    /// A bot's state and numbers.
    Bot(String),
    /// A file below `lab.out`, as bytes.
    File(String),
    /// A URL, as the playbook has it, and the method.
    Http(String, String),
    /// The database that a bot writes, and a query.
    Table(String, String),
}

impl Expectation {
    /// Returns what must be looked at.
    pub fn need(&self) -> Need {
        match self {
            Expectation::Events(events) => Need::Output(events.file.value.clone()),
            Expectation::Queue(queue) => Need::Queue(queue.name.value.clone()),
            Expectation::Dump(dump) => Need::Dump(dump.bot.value.clone()),
            Expectation::Log(log) => Need::Log(log.bot.as_ref().map(|bot| bot.value.clone())),
            Expectation::Status(status) => Need::Bot(status.bot.value.clone()),
            Expectation::File(file) => Need::File(file.path.value.clone()),
            Expectation::Http(http) => Need::Http(http.url.value.clone(), http.method.clone()),
            Expectation::Table(table) => Need::Table(table.bot.value.clone(), table.query.value.clone()),
        }
    }

    /// Returns from when on things count; what is looked at as it is now has [`Since::Start`].
    pub fn since(&self) -> Since {
        match self {
            Expectation::Events(events) => events.since,
            Expectation::Dump(dump) => dump.since,
            Expectation::Log(log) => log.since,
            Expectation::Status(status) => status.since,
            _ => Since::Start,
        }
    }

    /// Returns the verb: the key in `playbook.yaml`.
    pub fn verb(&self) -> &'static str {
        match self {
            Expectation::Events(_) => "events",
            Expectation::Queue(_) => "queue",
            Expectation::Dump(_) => "dump",
            Expectation::Log(_) => "log",
            Expectation::Status(_) => "status",
            Expectation::File(_) => "file",
            Expectation::Http(_) => "http",
            Expectation::Table(_) => "table",
        }
    }

    /// Returns every bot that it names.
    pub fn bots(&self) -> Vec<&Located<String>> {
        match self {
            Expectation::Dump(dump) => vec![&dump.bot],
            Expectation::Log(log) => log.bot.iter().collect(),
            Expectation::Status(status) => vec![&status.bot],
            Expectation::Table(table) => vec![&table.bot],
            _ => Vec::new(),
        }
    }

    /// Returns the regular expression that it has.
    pub fn pattern(&self) -> Option<&Located<String>> {
        match self {
            Expectation::Dump(dump) => dump.matches.as_ref(),
            Expectation::Log(log) => log.matches.as_ref(),
            Expectation::File(file) => file.matches.as_ref(),
            Expectation::Http(http) => http.matches.as_ref(),
            _ => None,
        }
    }

    /// Says why nothing can be expected with it, such as `events` without a count or events.
    pub fn is_void(&self) -> Option<&'static str> {
        match self {
            Expectation::Events(Events { count: None, exactly: None, contain, .. })
                if contain.as_ref().is_none_or(Golden::is_empty) =>
            {
                Some("add `count`, `exactly` or events under `contain`")
            }
            Expectation::Status(Status {
                state: None,
                received: None,
                sent: None,
                dropped: None,
                failed: None,
                ..
            }) => Some("add `state`, `received`, `sent`, `dropped` or `failed`"),
            Expectation::Table(Table { rows: None, count: None, .. }) => Some("add `rows` or `count`"),
            _ => None,
        }
    }
}

impl State {
    /// Returns the word that playbooks and the control service have for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Stopped => "stopped",
            State::Disabled => "disabled",
            State::Failed => "failed",
            State::Finished => "finished",
        }
    }
}

impl LogLevel {
    /// Reads a level as logs write it, in any case; unknown words count as `info`.
    pub fn read(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "debug" => LogLevel::Debug,
            "warning" => LogLevel::Warning,
            "error" => LogLevel::Error,
            "critical" => LogLevel::Critical,
            _ => LogLevel::Info,
        }
    }

    /// Returns the word that playbooks have for it.
    pub fn word(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warning => "warning",
            LogLevel::Error => "error",
            LogLevel::Critical => "critical",
        }
    }
}
