//! What a bot may ask for while it handles a message, and what it asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Failure, Site};
use crate::message::{Idf, KeyHash, Message};

/// Where a bot's memory of earlier hops is read from; the runtime implements it.
pub trait Memory {
    /// Returns what was stored under a key and has not expired.
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure>;
}

/// One thing for a bot to remember, or to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateWrite {
    /// The key, within this bot.
    pub key: Vec<u8>,
    /// The value; `None` forgets the key.
    pub value: Option<Vec<u8>>,
    /// How long it is remembered; `None` is for ever.
    pub ttl: Option<Duration>,
}

/// What happens once everything is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterCommit {
    /// Removes a file; a missing one is no error.
    Remove(PathBuf),
}

/// Has a collector called again once its own thread has something for it.
#[derive(Clone)]
pub struct Bell(Arc<dyn Fn() + Send + Sync>);

impl Bell {
    /// Makes a bell of what is to happen when it rings.
    pub fn new(ring: impl Fn() + Send + Sync + 'static) -> Self {
        Bell(Arc::new(ring))
    }

    /// Rings; a collector that works at the moment is called again after that.
    pub fn ring(&self) {
        (self.0)();
    }
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For those who look for a fault; intelmq-api says `ALL` for it, too.
    #[serde(alias = "ALL")]
    Debug,
    /// What normally happens.
    Info,
    /// Something is odd, nothing is lost.
    Warning,
    /// Something failed.
    Error,
    /// The bot cannot go on.
    Critical,
}

/// What the journal and the log are told.
#[derive(Debug, Clone)]
pub enum Note {
    /// A log line.
    Log(Level, String),
    /// The message was dropped, and why.
    Dropped(String),
}

/// What a bot asked for, in the order it asked.
#[derive(Debug, Default)]
pub struct Effects {
    /// Messages by path: index into the context's path names.
    pub sent: Vec<(usize, Message)>,
    /// Rows of a report that failed: a report with just that row, and the error.
    pub failed_rows: Vec<(Message, String)>,
    /// Things to remember.
    pub state: Vec<StateWrite>,
    /// Bytes to append, by file.
    pub appends: Vec<(PathBuf, Vec<u8>)>,
    /// What to do after the commit.
    pub after: Vec<AfterCommit>,
    /// Log lines and drops.
    pub notes: Vec<Note>,
}

/// How much of the effects stood at some moment; see [`Context::rewind`].
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    sent: usize,
    failed_rows: usize,
    state: usize,
    appends: usize,
    last_append: usize,
    after: usize,
    notes: usize,
}

/// What a bot sees while it handles one message.
pub struct Context<'a> {
    site: &'a Site,
    paths: &'a [String],
    memory: &'a mut dyn Memory,
    effects: Effects,
    /// Pending writes by key, so that a bot reads what it wrote in the same hop.
    pending: HashMap<Vec<u8>, usize, KeyHash>,
    limit: usize,
    now: Option<Timestamp>,
    bell: Option<Bell>,
    only_rung: bool,
    durable: bool,
}

impl<'a> Context<'a> {
    /// Makes a context for one hop; `paths` are the names that the bot's destinations have, `limit` the events of a batch.
    pub fn new(site: &'a Site, paths: &'a [String], memory: &'a mut dyn Memory, limit: usize) -> Self {
        Context {
            site,
            paths,
            memory,
            effects: Effects::default(),
            pending: HashMap::default(),
            limit,
            now: None,
            bell: None,
            only_rung: false,
            durable: false,
        }
    }

    /// Returns the fields that messages may have.
    pub fn idf(&self) -> &Arc<Idf> {
        &self.site.idf
    }

    /// Returns the bot's id.
    pub fn bot(&self) -> &str {
        &self.site.bot
    }

    /// Returns the present moment, the same for the whole hop.
    pub fn now(&mut self) -> Timestamp {
        *self.now.get_or_insert_with(Timestamp::now)
    }

    /// Fixes what [`Context::now`] returns, so that tests and replays have a known time.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = Some(now);
    }

    /// Gives a collector's threads their bell; `only_rung` if it is called for no other reason than that it rang.
    pub fn set_bell(&mut self, bell: Bell, only_rung: bool) {
        self.bell = Some(bell);
        self.only_rung = only_rung;
    }

    /// Returns the bell that a collector's own threads ring.
    pub fn bell(&self) -> Bell {
        self.bell.clone().unwrap_or_else(|| Bell::new(|| {}))
    }

    /// Tells whether a collector is called only because its bell rang, not because its next round is due.
    pub fn only_rung(&self) -> bool {
        self.only_rung
    }

    /// Says that what is acknowledged must outlive a power cut.
    pub fn set_durable(&mut self, durable: bool) {
        self.durable = durable;
    }

    /// Tells whether what the world has must be on the disk before it is acknowledged.
    pub fn is_durable(&self) -> bool {
        self.durable
    }

    /// Sends a message to the path `_default`.
    pub fn send(&mut self, message: Message) -> Result<(), Failure> {
        self.send_to("_default", message)
    }

    /// Sends a message to a named path, which must be configured.
    ///
    /// A message without any field is not sent, as in IntelMQ.
    pub fn send_to(&mut self, path: &str, message: Message) -> Result<(), Failure> {
        if message.is_empty() {
            self.log(Level::Warning, "Ignoring empty message at sending. Possible bug in bot.");
            self.drop_message("no field is left");
            return Ok(());
        }
        match self.paths.iter().position(|name| name == path) {
            Some(index) => {
                self.effects.sent.push((index, message));
                Ok(())
            }
            None => Err(Failure::Configuration(format!(
                "no destination queue is configured for the path {path:?}; add it under destination_queues"
            ))),
        }
    }

    /// Tells whether a path is configured, for bots that send to it only then.
    pub fn has_path(&self, path: &str) -> bool {
        self.paths.iter().any(|name| name == path)
    }

    /// Records that the message goes no further, and why; `explain --dropped` shows it.
    pub fn drop_message(&mut self, reason: impl Into<String>) {
        self.effects.notes.push(Note::Dropped(reason.into()));
    }

    /// Records a row of a report that could not be parsed: a report holding that row alone, and the error.
    pub fn fail_row(&mut self, row: Message, error: impl Into<String>) {
        self.effects.failed_rows.push((row, error.into()));
    }

    /// Tells whether a batch is full, so that a parser should stop and say where to go on.
    pub fn is_full(&self) -> bool {
        self.effects.sent.len() + self.effects.failed_rows.len() >= self.limit
    }

    /// Returns what the bot remembers under a key.
    pub fn recall(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        match self.pending.get(key) {
            Some(&index) => Ok(self.effects.state[index].value.clone()),
            None => self.memory.get(key),
        }
    }

    /// Remembers a value, for `ttl` or for ever. It is stored together with everything else of this hop.
    pub fn remember(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>, ttl: Option<Duration>) {
        self.write(StateWrite { key: key.into(), value: Some(value.into()), ttl });
    }

    /// Forgets a key.
    pub fn forget(&mut self, key: impl Into<Vec<u8>>) {
        self.write(StateWrite { key: key.into(), value: None, ttl: None });
    }

    fn write(&mut self, write: StateWrite) {
        self.pending.insert(write.key.clone(), self.effects.state.len());
        self.effects.state.push(write);
    }

    /// Appends bytes to a file, exactly once however often the process dies.
    pub fn append(&mut self, file: &Path, bytes: &[u8]) {
        match self.effects.appends.last_mut() {
            Some((last, buffer)) if last.as_os_str() == file.as_os_str() => {
                if buffer.capacity() - buffer.len() < bytes.len() {
                    // A batch makes some hundred lines of one; to double the room each time would copy them as often.
                    buffer.reserve(bytes.len().max(3 * buffer.len()));
                }
                buffer.extend_from_slice(bytes);
            }
            _ => self.effects.appends.push((file.to_owned(), bytes.to_vec())),
        }
    }

    /// Does something once everything is stored.
    pub fn after_commit(&mut self, action: AfterCommit) {
        self.effects.after.push(action);
    }

    /// Writes a log line.
    pub fn log(&mut self, level: Level, text: impl Into<String>) {
        self.effects.notes.push(Note::Log(level, text.into()));
    }

    /// Returns a mark to come back to with [`Context::rewind`].
    pub fn mark(&self) -> Mark {
        let effects = &self.effects;
        Mark {
            sent: effects.sent.len(),
            failed_rows: effects.failed_rows.len(),
            state: effects.state.len(),
            appends: effects.appends.len(),
            last_append: effects.appends.last().map_or(0, |(_, bytes)| bytes.len()),
            after: effects.after.len(),
            notes: effects.notes.len(),
        }
    }

    /// Takes back everything that was asked for since the mark, except log lines.
    pub fn rewind(&mut self, mark: Mark) {
        let effects = &mut self.effects;
        effects.sent.truncate(mark.sent);
        effects.failed_rows.truncate(mark.failed_rows);
        effects.after.truncate(mark.after);
        effects.appends.truncate(mark.appends);
        if let Some((_, bytes)) = effects.appends.last_mut() {
            bytes.truncate(mark.last_append);
        }
        let mut index = 0;
        effects.notes.retain(|note| {
            index += 1;
            index <= mark.notes || matches!(note, Note::Log(..))
        });
        effects.state.truncate(mark.state);
        self.pending.clear();
        for (index, write) in effects.state.iter().enumerate() {
            self.pending.insert(write.key.clone(), index);
        }
    }

    /// Returns how many messages were sent and notes were made so far.
    pub fn counts(&self) -> (usize, usize) {
        (self.effects.sent.len(), self.effects.notes.len())
    }

    /// Ends the hop and returns everything that was asked for.
    pub fn finish(self) -> Effects {
        self.effects
    }
}
