//! What was seen of a lab. Plain data: `observe` fills in what [`super::Need`] asks for.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::Event;
use super::expectation::{LogLevel, State};

/// What was seen at one moment, of the time that [`super::Since`] says.
///
/// Something that is missing here was looked for and is not there: a file that does not exist, a bot that nobody knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// Whether the botnet is idle: every collector has finished a round, no depth, nothing in flight.
    pub idle: bool,
    /// Events by output file, in the order of the file and in canonical form; see [`super::events_of`].
    pub outputs: BTreeMap<String, OutputSeen>,
    /// Messages by queue, waiting and in work.
    pub queues: BTreeMap<String, u64>,
    /// Dumped messages by bot.
    pub dumps: BTreeMap<String, Vec<DumpSeen>>,
    /// Log lines of all bots that were asked for, oldest first.
    pub log: Vec<LogSeen>,
    /// Bots by id.
    pub bots: BTreeMap<String, BotSeen>,
    /// Files below `lab.out` by path, with the lab's folder and ports replaced by `LAB`.
    pub files: BTreeMap<String, String>,
    /// Answers by URL and method as the playbook has them; an error is why there was none.
    pub answers: BTreeMap<(String, String), Result<Answer, String>>,
    /// Rows by bot and query as the playbook has them; an error is why there are none.
    pub tables: BTreeMap<(String, String), Result<Vec<Row>, String>>,
}

/// One row of a table.
pub type Row = Vec<Json>;

/// What an output file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutputSeen {
    /// The events.
    pub events: Vec<Event>,
    /// Lines that are no events, and why.
    pub faults: Vec<String>,
}

/// One dumped message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DumpSeen {
    /// Why it was given up.
    pub error: String,
    /// The row, or the message where it is none; see [`super::dumped_row`].
    pub row: String,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSeen {
    /// The bot.
    pub bot: String,
    /// How bad it is.
    pub level: LogLevel,
    /// The text.
    pub text: String,
}

/// One bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotSeen {
    /// What it does now.
    pub state: State,
    /// Messages that it received and finished.
    pub received: u64,
    /// Messages that it sent, to all paths.
    pub sent: u64,
    /// Messages that it dropped on purpose.
    pub dropped: u64,
    /// Messages and rows that it gave up.
    pub failed: u64,
}

/// What a URL answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The text.
    pub body: String,
}
