//! The life of an event, from the raw row to the output, told by the journal of a lab.

mod selector;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value as Json};

pub use selector::Selector;

use super::SessionError;
use crate::diagnostic::suggest;
use crate::message::{Idf, MessageType};
use crate::runtime::control::{Client, DumpEntry, JournalEntry, PUT_BACK};
use walk::{Botnet, Walk};

/// One event's way through the botnet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Life {
    /// Which one it is of those that were delivered, counted from 1; `None` if it was not.
    pub number: Option<usize>,
    /// How it ended.
    pub end: End,
    /// The bot where it ended.
    pub bot: String,
    /// Why it ended there; empty if it was delivered.
    pub reason: String,
    /// The row of the report that it came from, if it is known.
    pub row: Option<String>,
    /// What became of it since it was given up; `None` if it was not.
    pub since: Option<Since>,
    /// The message as it was in the end.
    pub message: Map<String, Json>,
    /// What happened, in order.
    pub stages: Vec<Stage>,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// An output took it.
    Delivered,
    /// A bot dropped it on purpose.
    Dropped,
    /// A bot gave it up.
    Failed,
}

/// What became of a message since it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// It lies in the dump of the bot that gave it up.
    InDump,
    /// It was put back into a queue, repaired perhaps.
    PutBack,
    /// It is not in the dump: it was deleted, or was never put there.
    Gone,
}

/// What one bot did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// When, in UTC.
    pub at: String,
    /// The bot.
    pub bot: String,
    /// What it did.
    pub did: Did,
    /// The path it sent the result to; empty if it sent none.
    pub path: String,
    /// Fields that it added.
    pub added: Map<String, Json>,
    /// Fields that it changed: the old and the new value.
    pub changed: BTreeMap<String, (Json, Json)>,
    /// Fields that it removed, with the values they had.
    pub removed: Map<String, Json>,
}

/// What a bot did, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Did {
    /// It fetched the report.
    Collected,
    /// It took a message that no bot sent: one that was put in by hand.
    Injected,
    /// It had given it up, and somebody put it back, repaired perhaps.
    PutBack,
    /// It made an event of a row.
    Parsed,
    /// It changed some fields.
    Changed,
    /// It passed the message on as it was.
    Passed,
    /// It handed the event to the world.
    Delivered,
    /// It dropped the message on purpose.
    Dropped,
    /// It gave the message up.
    Failed,
}

/// Everything a lab knows of the messages that went through it.
#[derive(Debug)]
pub struct Lives {
    botnet: Botnet,
    entries: Vec<JournalEntry>,
    /// What lies in the dumps of the bots that gave something up.
    dumped: Vec<DumpEntry>,
    full: bool,
}

impl Lives {
    /// Reads the journal of a lab.
    pub fn read(client: &Client) -> Result<Self, SessionError> {
        let botnet = Botnet::read(client)?;
        let mut entries = Vec::new();
        let mut after = 0;
        loop {
            let page = client.journal(after, 5_000)?;
            if page.entries.is_empty() {
                let dumped = dumped(client, &botnet, &entries)?;
                return Ok(Lives { botnet, entries, dumped, full: page.full });
            }
            entries.extend(page.entries);
            after = page.next;
        }
    }

    /// Tells whether the journal is full, so that later messages are not in it.
    pub fn is_cut_short(&self) -> bool {
        self.full
    }

    /// Refuses a field that neither the data format knows nor any message had: nothing would be found, for no reason that is seen.
    pub fn know<'a>(&self, fields: impl IntoIterator<Item = &'a str>) -> Result<(), SessionError> {
        let idf = Idf::builtin();
        let known = idf.fields(MessageType::Event).map(|field| &*field.name);
        let messages = self.entries.iter().flat_map(|entry| &entry.out).map(|out| &out.message);
        let seen = messages.flat_map(Map::keys).map(String::as_str);
        let all: BTreeSet<&str> = known.chain(seen).collect();
        let Some(unknown) = fields.into_iter().find(|field| !all.contains(field)) else { return Ok(()) };
        Err(SessionError::usage(
            "unknown-field",
            format!("no event has a field `{unknown}`"),
            match suggest(unknown, all.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`intelmq-lab events --json` shows the fields that there are".to_owned(),
            },
        ))
    }

    /// Returns every event that an output took, in order.
    pub fn delivered(&self) -> Vec<Life> {
        self.lives(|end| end == End::Delivered)
    }

    /// Returns every message that was dropped or given up, in order.
    pub fn lost(&self) -> Vec<Life> {
        self.lives(|end| end != End::Delivered)
    }

    /// Returns the lives that are meant: one delivered event by its number, or all messages with these fields.
    pub fn select(&self, selector: &Selector) -> Vec<Life> {
        let mut lives = self.lives(|_| true);
        lives.retain(|life| selector.takes(life));
        lives
    }

    fn lives(&self, wanted: impl Fn(End) -> bool) -> Vec<Life> {
        let walk = Walk::new(&self.entries, &self.botnet);
        let mut number = 0;
        let mut lives = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(end) = self.botnet.end(entry) else { continue };
            number += usize::from(end == End::Delivered);
            if wanted(end) {
                let life = life(&walk, index, end, (end == End::Delivered).then_some(number));
                let since = (end == End::Failed).then(|| self.since(index, &life));
                lives.push(Life { since, ..life });
            }
        }
        lives
    }

    /// Says what became of a message since an entry tells that it was given up.
    fn since(&self, index: usize, life: &Life) -> Since {
        let entry = &self.entries[index];
        let id = entry.out.first().map(|out| &out.id);
        let put_back = |later: &JournalEntry| {
            later.is_put_back() && later.bot == entry.bot && later.input.as_ref() == id
        };
        if self.entries[index..].iter().any(put_back) {
            Since::PutBack
        } else if self.dumped.iter().any(|dumped| is_of(dumped, life)) {
            Since::InDump
        } else {
            Since::Gone
        }
    }
}

/// Reads the dumps of the bots that gave something up, as far as the botnet still has them.
fn dumped(
    client: &Client,
    botnet: &Botnet,
    entries: &[JournalEntry],
) -> Result<Vec<DumpEntry>, SessionError> {
    let failed = entries.iter().filter(|entry| entry.failed.is_some()).map(|entry| entry.bot.as_str());
    let bots: BTreeSet<&str> = failed.filter(|bot| botnet.has(bot)).collect();
    let mut dumped = Vec::new();
    for bot in bots {
        dumped.extend(client.dump(bot)?);
    }
    Ok(dumped)
}

/// Tells whether an entry of a dump is the message whose life ended in it. The journal keeps the start of a long `raw` only.
fn is_of(entry: &DumpEntry, life: &Life) -> bool {
    let message: Map<String, Json> = serde_json::from_str(&entry.message).unwrap_or_default();
    let raw = |message: &Map<String, Json>| message.get("raw").and_then(Json::as_str).map(str::to_owned);
    let same = match (raw(&message), raw(&life.message)) {
        (Some(whole), Some(start)) => whole.starts_with(start.trim_end_matches('=')),
        (None, None) => message.iter().all(|(field, value)| life.message.get(field) == Some(value)),
        _ => false,
    };
    same && entry.bot == life.bot && entry.traceback.contains(life.reason.trim_end())
}

/// Tells the life that ended with an entry.
fn life(walk: &Walk<'_>, index: usize, end: End, number: Option<usize>) -> Life {
    let entries = walk.way_to(index);
    let last = walk.entry(index);
    let mut stages = Vec::with_capacity(entries.len());
    let mut message: Option<&Map<String, Json>> = None;
    for step in &entries {
        let after = step.out.map(|out| &out.message);
        let mut stage = compare(message, after);
        if step.entry.is_put_back() {
            stage.did = Did::PutBack;
        } else if step.entry.failed.is_some() {
            stage.did = Did::Failed;
        } else if message.is_none() && step.entry.input.is_some() {
            stage.did = Did::Injected;
        }
        stage.at.clone_from(&step.entry.at);
        stage.bot.clone_from(&step.entry.bot);
        stage.path = step.out.map(|out| out.path.clone()).filter(|path| path != PUT_BACK).unwrap_or_default();
        stages.push(stage);
        message = after.or(message);
    }
    if let Some(stage) = stages.last_mut() {
        stage.did = match end {
            End::Delivered => Did::Delivered,
            End::Dropped => Did::Dropped,
            End::Failed => Did::Failed,
        };
    }
    let reason = last.failed.clone().or_else(|| last.dropped.clone()).unwrap_or_default();
    let message = message.cloned().unwrap_or_default();
    let (bot, row) = (last.bot.clone(), row(&message));
    Life { number, end, bot, reason, row, since: None, message, stages }
}

/// Says what became of a message between two bots.
fn compare(before: Option<&Map<String, Json>>, after: Option<&Map<String, Json>>) -> Stage {
    let mut stage = Stage {
        at: String::new(),
        bot: String::new(),
        did: Did::Passed,
        path: String::new(),
        added: Map::new(),
        changed: BTreeMap::new(),
        removed: Map::new(),
    };
    let (Some(before), Some(after)) = (before, after) else {
        stage.did = if before.is_none() { Did::Collected } else { Did::Passed };
        stage.added = if before.is_none() { after.cloned().unwrap_or_default() } else { Map::new() };
        return stage;
    };
    for (field, value) in after {
        match before.get(field) {
            None => drop(stage.added.insert(field.clone(), value.clone())),
            Some(old) if old != value => {
                stage.changed.insert(field.clone(), (old.clone(), value.clone()));
            }
            Some(_) => {}
        }
    }
    for (field, value) in before.iter().filter(|(field, _)| !after.contains_key(*field)) {
        stage.removed.insert(field.clone(), value.clone());
    }
    let parsed = is_report(before) && !is_report(after);
    let same = stage.added.is_empty() && stage.changed.is_empty() && stage.removed.is_empty();
    stage.did = match (parsed, same) {
        (true, _) => Did::Parsed,
        (false, true) => Did::Passed,
        (false, false) => Did::Changed,
    };
    stage
}

fn is_report(message: &Map<String, Json>) -> bool {
    message.get("__type").and_then(Json::as_str) == Some("Report")
}

/// Returns the row of the report that a message was made of: the last line of its `raw`, whose first is the head line.
fn row(message: &Map<String, Json>) -> Option<String> {
    let raw = STANDARD.decode(message.get("raw")?.as_str()?).ok()?;
    let text = String::from_utf8_lossy(&raw);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    // A report has many rows; which of them it was about is not known.
    (lines.len() <= 2).then(|| lines.last().map(ToString::to_string)).flatten()
}

#[cfg(test)]
mod tests;
