//! The journal of a lab: for every message, what each bot did with it.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::control::{JournalEntry, JournalOut, JournalPage, PUT_BACK};
use super::files::Files;
use super::ledger::{append, entry, file_key};
use crate::broker::{BrokerError, Hop, Link};
use crate::message::{Message, MessageType};

/// The name under which the journal's length is kept, beside the bots' state; no bot can have it.
pub(super) const OWNER: &str = "_journal";

/// Beyond this the journal takes no more entries, so that a lab left alone does not fill the disk.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Longest `raw` of a report that is kept, in base64 characters.
const RAW_KEPT: usize = 16 * 1024;

/// The journal of one process.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    files: Mutex<Files>,
    limit: u64,
    /// Whether it was told that the journal is full.
    told: AtomicBool,
}

impl Journal {
    /// Names the journal; it is opened with the first commit.
    pub fn new(path: &Path) -> Self {
        Journal { path: path.to_owned(), files: Mutex::default(), limit: LIMIT, told: AtomicBool::new(false) }
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the right to append; entries stand in the order of the commits that hold it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether the journal takes more entries.
    pub(super) fn has_room(&self) -> bool {
        std::fs::metadata(&self.path).map_or(true, |metadata| metadata.len() < self.limit)
    }

    /// Tells once that the journal is full.
    pub(super) fn is_full_for_the_first_time(&self) -> bool {
        !self.has_room() && !self.told.swap(true, Ordering::Relaxed)
    }

    /// Stores a hop together with entries about it.
    pub(super) fn commit(
        &self,
        link: &mut dyn Link,
        entries: &[JournalEntry],
        mut hop: Hop,
        sync: bool,
    ) -> Result<(), BrokerError> {
        if entries.is_empty() || !self.has_room() {
            return link.commit(hop);
        }
        let mut lines = Vec::new();
        for entry in entries {
            let _ = serde_json::to_writer(&mut lines, entry);
            lines.push(b'\n');
        }
        let (owner, mut files) = (OWNER.into(), self.lock());
        let written = append(&mut files, link, &owner, (&self.path, &lines), sync);
        let written =
            written.and_then(|length| if sync { files.sync().map(|()| length) } else { Ok(length) });
        let length = written.map_err(|error| {
            files.undo();
            BrokerError::Unavailable { broker: self.path.display().to_string(), problem: error.to_string() }
        })?;
        hop.state.push(entry(&owner, &file_key(&self.path), length.to_bytes()));
        let committed = link.commit(hop);
        if committed.is_ok() {
            files.settle();
        } else {
            files.doubt();
        }
        committed
    }

    #[cfg(test)]
    pub(super) fn with_limit(path: &Path, limit: u64) -> Self {
        Journal { limit, ..Journal::new(path) }
    }

    /// Returns entries from a byte position on.
    pub fn page(&self, after: u64, max: usize) -> std::io::Result<JournalPage> {
        let mut page = JournalPage { entries: Vec::new(), next: after, full: !self.has_room() };
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(page),
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(after))?;
        let mut line = Vec::new();
        while page.entries.len() < max {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            // A line without its end is being written right now.
            if line.last() != Some(&b'\n') {
                break;
            }
            page.next += length as u64;
            if let Ok(entry) = serde_json::from_slice::<JournalEntry>(&line) {
                page.entries.push(entry);
            }
        }
        Ok(page)
    }
}

/// Returns the identity of a message as the journal writes it.
pub(super) fn identity(message: &Message) -> String {
    format!("{:032x}", message.identity())
}

/// Makes the entry of a message that was put back out of the dump of a bot; `dumped` is the identity that it had there.
pub(super) fn put_back(bot: &str, dumped: String, message: &Message) -> JournalEntry {
    let out = JournalOut { path: PUT_BACK.to_owned(), id: identity(message), message: portrait(message) };
    JournalEntry {
        at: format!("{:.6}", Timestamp::now()),
        bot: bot.to_owned(),
        input: Some(dumped),
        out: vec![out],
        dropped: None,
        failed: None,
    }
}

/// Returns a message for the journal: flat, a report's long `raw` cut.
pub(super) fn portrait(message: &Message) -> Map<String, Json> {
    let wire = message.to_wire();
    let Ok(Json::Object(mut fields)) = serde_json::from_str(&wire) else {
        return Map::new();
    };
    if message.message_type() == MessageType::Report
        && let Some(Json::String(raw)) = fields.get_mut("raw")
        && raw.len() > RAW_KEPT
    {
        let start = STANDARD.decode(&raw.as_bytes()[..RAW_KEPT]).unwrap_or_default();
        *raw = STANDARD.encode(start);
    }
    fields
}
