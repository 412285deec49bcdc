//! What the control service says and takes, as JSON. The client and the server share these types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bots::Level;
use crate::diagnostic::{Diagnostic, Location};
use crate::runtime::parse_level;

/// Everything that is to be seen of a running botnet at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// Counts everything that was committed since the start; equal in two snapshots means that nothing happened between.
    pub activity: u64,
    /// Whether every collector rests after a finished round, no queue of a running bot holds a message and nothing is in work.
    pub idle: bool,
    /// Grows by one with every configuration that was taken into use.
    pub revision: u64,
    /// The bots in the order of the runtime file.
    pub bots: Vec<BotStatus>,
    /// The queues in the order of the runtime file.
    pub queues: Vec<QueueStatus>,
}

/// What a bot does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BotState {
    /// It works, or waits for work.
    Running,
    /// It is on its way up.
    Starting,
    /// It was stopped.
    Stopped,
    /// `enabled: false`, and nobody started it.
    Disabled,
    /// It cannot go on; `last_error` says why.
    Failed,
    /// `run_mode: scheduled`, and it did its one run.
    Finished,
}

/// One bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BotStatus {
    /// The bot's id.
    pub id: String,
    /// The module it runs.
    pub module: String,
    /// Collector, Parser, Expert or Output.
    pub group: String,
    /// What it does.
    pub state: BotState,
    /// Whether it keeps the botnet from being idle: a collector in its round, or another bot with a message in its queue.
    pub busy: bool,
    /// Whether it is a collector that failed and rests before it tries again; that counts as a rest.
    pub retrying: bool,
    /// How many instances run.
    pub instances: u32,
    /// Messages that it has received and finished since the start.
    pub received: u64,
    /// Messages that it has sent since the start, by path.
    pub sent: BTreeMap<String, u64>,
    /// Messages that it dropped on purpose.
    pub dropped: u64,
    /// Messages and rows that it gave up.
    pub failed: u64,
    /// Rounds that a collector has finished.
    pub rounds: u64,
    /// The last error, if there was one.
    pub last_error: Option<String>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueStatus {
    /// The queue's name.
    pub name: String,
    /// The bot that reads it.
    pub reader: Option<String>,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that were received and are not acknowledged.
    pub in_flight: u64,
    /// How many it takes before senders wait.
    pub limit: u64,
}

/// What can be done to a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BotAction {
    /// Starts it, also a disabled one.
    Start,
    /// Stops it after the message in hand.
    Stop,
    /// Stops and starts it.
    Restart,
    /// Reads its configuration again.
    Reload,
    /// Makes a resting collector begin its next round now.
    Run,
}

/// What can be done to all bots at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BotnetAction {
    /// Starts every enabled bot.
    Start,
    /// Stops every bot after the message in hand.
    Stop,
    /// Stops every bot and starts the enabled ones.
    Restart,
    /// Reads the configuration again.
    Reload,
}

/// One message that was given up, as the dump file of IntelMQ has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DumpEntry {
    /// The key in the dump file: when it was written, `YYYY-MM-DDTHH:MM:SS.ffffff` in UTC.
    pub id: String,
    /// The bot.
    pub bot: String,
    /// The queue that the message came from, and goes back to.
    pub source_queue: Option<String>,
    /// Why it was given up.
    pub traceback: String,
    /// The message as text: JSON where it is one.
    pub message: String,
    /// Whether the message could not be read, and stands in the file as base64.
    pub unreadable: bool,
    /// The exact bytes of a message that could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// Which dumped messages go back into a queue, and how they are repaired before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requeue {
    /// Ids of entries; empty means all.
    pub ids: Vec<String>,
    /// Another queue than the one it came from.
    pub queue: Option<String>,
    /// Replacements in the decoded `raw` of reports (old text, new text), in order.
    pub replace: Vec<(String, String)>,
}

/// How many entries a verb changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// The number of entries, messages or files.
    pub count: u64,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// When, in UTC, `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    pub at: String,
    /// The bot.
    pub bot: String,
    /// DEBUG, INFO, WARNING, ERROR or CRITICAL.
    pub level: String,
    /// The text.
    pub message: String,
}

impl LogLine {
    /// Returns how important it is; what cannot be told is taken for the most important.
    pub fn level(&self) -> Level {
        parse_level(&self.level).unwrap_or(Level::Critical)
    }
}

/// A stretch of log, and where to go on reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
    /// Give this as `after` to read on.
    pub next: u64,
}

/// What one bot did with one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalEntry {
    /// When, in UTC.
    pub at: String,
    /// The bot.
    pub bot: String,
    /// Identity of the message that came in; collectors have none.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out: Vec<JournalOut>,
    /// Why it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The path of a message that was put back out of the dump of a bot.
pub const PUT_BACK: &str = "_put_back";

impl JournalEntry {
    /// Tells whether it is about a message that was put back out of the bot's dump.
    pub fn is_put_back(&self) -> bool {
        matches!(self.out.as_slice(), [out] if out.path == PUT_BACK)
    }
}

/// One message that came of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalOut {
    /// The path it was sent to; empty if it was given up and goes nowhere, `_put_back` if it comes out of the dump.
    pub path: String,
    /// Its identity: the same message has the same one in every queue.
    pub id: String,
    /// The message, flat; a long `raw` of a report is cut.
    pub message: serde_json::Map<String, serde_json::Value>,
}

/// A stretch of the journal of all bots, oldest first, and where to go on reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JournalPage {
    /// The entries.
    pub entries: Vec<JournalEntry>,
    /// Give this as `after` to read on.
    pub next: u64,
    /// Whether the journal is full: what was done later is not in it.
    #[serde(default)]
    pub full: bool,
}

/// What a database answered to a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rows {
    /// The first rows; a database may give numbers as texts.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether there are more.
    pub more: bool,
}

/// The configuration in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Configuration {
    /// The text of the runtime file.
    pub text: String,
    /// The revision it has; see [`Snapshot::revision`].
    pub revision: u64,
}

/// Why a request was refused, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A short name of the kind of problem, such as `unknown-bot`.
    pub code: String,
    /// One sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// More, such as located complaints about a configuration, rendered as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Complaints about a text that was sent, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Complaint>,
}

/// Where a lab's own REST API is, as its `api.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Api {
    /// Its address.
    pub url: String,
    /// What lets one in.
    pub token: String,
}

/// One complaint, as the command line shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Complaint {
    /// A stable name in kebab-case.
    pub code: String,
    /// `warning`, `failed` or `error`.
    pub severity: String,
    /// What is wrong.
    pub title: String,
    /// The file, if there is one.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The column, counted from 1.
    pub column: Option<u32>,
    /// What to do; may be empty.
    pub help: String,
}

impl From<&Diagnostic> for Complaint {
    fn from(diagnostic: &Diagnostic) -> Self {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let position = diagnostic.at.as_ref().map(Location::position);
        Complaint {
            code: diagnostic.code.to_owned(),
            severity: diagnostic.severity.word().to_owned(),
            title: diagnostic.title.clone(),
            file: diagnostic.at.as_ref().map(|at| at.source.name().to_owned()),
            line: position.map(|(line, _)| number(line)),
            column: position.map(|(_, column)| number(column)),
            help: diagnostic.help.join("; "),
        }
    }
}

/// One bot with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BotDetails {
    /// What it does at the moment.
    pub status: BotStatus,
    /// One sentence on its module.
    pub summary: String,
    /// Whether it starts with the botnet.
    pub enabled: bool,
    /// The parameters of its module, then those of every bot that are set.
    pub parameters: Vec<ParameterDetails>,
}

/// One parameter of a bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ParameterDetails {
    /// Its name.
    pub name: String,
    /// Its value here.
    pub value: serde_json::Value,
    /// Its default.
    pub default: serde_json::Value,
    /// Whether the configuration sets it.
    pub set: bool,
    /// One sentence: what it does, units, values.
    pub doc: String,
}

/// A dumped message as it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edited {
    /// The message: JSON text.
    pub message: String,
}
