//! The dump file: messages that were given up, in the form that IntelMQ's tools read.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::control::DumpEntry;
use crate::whole;

/// One entry as the file has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    bot_id: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_type: Option<String>,
    #[serde(default)]
    source_queue: Option<String>,
    #[serde(default)]
    traceback: serde_json::Value,
}

/// Which entries of a dump file are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which<'a> {
    All,
    Ids(&'a [String]),
}

impl Which<'_> {
    pub(super) fn takes(self, id: &str) -> bool {
        match self {
            Which::All => true,
            Which::Ids(ids) => ids.iter().any(|wanted| wanted == id),
        }
    }
}

/// Entries by the time they were written.
pub(super) type Records = BTreeMap<String, Record>;

/// Makes a record and its key; keys of one process never repeat.
pub(super) fn record(
    bot: &str,
    source_queue: Option<&str>,
    error: &str,
    body: Result<String, &[u8]>,
) -> (String, Record) {
    let (message, message_type) = match body {
        Ok(message) => (message, None),
        Err(bytes) => (STANDARD.encode(bytes), Some("base64".to_owned())),
    };
    let record = Record {
        bot_id: bot.to_owned(),
        message,
        message_type,
        source_queue: source_queue.map(str::to_owned),
        traceback: serde_json::Value::String(error.to_owned()),
    };
    (next_key(), record)
}

/// Returns a time that no earlier call returned, as the file writes it.
fn next_key() -> String {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = Timestamp::now().as_microsecond();
    let before = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
        .unwrap_or_else(|last| last);
    let stamp = Timestamp::from_microsecond(now.max(before + 1)).unwrap_or_else(|_| Timestamp::now());
    let time = stamp.to_zoned_datetime(jiff::tz::TimeZone::UTC);
    format!("{}.{:06}", time.strftime("%Y-%m-%dT%H:%M:%S"), time.subsec_nanosecond() / 1000)
}

/// The dump file of one bot.
#[derive(Debug, Clone)]
pub(super) struct DumpFile {
    path: PathBuf,
}

impl DumpFile {
    /// Names the dump file of a bot in a log folder.
    pub(super) fn new(folder: &Path, bot: &str) -> Self {
        DumpFile { path: folder.join(format!("{bot}.dump")) }
    }

    /// Returns every entry, oldest first; a missing file has none.
    pub(super) fn list(&self) -> io::Result<Vec<DumpEntry>> {
        Ok(self.records()?.into_iter().map(|(id, record)| record.into_entry(id)).collect())
    }

    /// Returns every entry as the file has it.
    pub(super) fn records(&self) -> io::Result<Records> {
        match File::open(&self.path) {
            Ok(mut file) => read(&mut file, &self.path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Records::new()),
            Err(error) => Err(error),
        }
    }

    /// Adds entries; one that is there already is written again, not twice.
    pub(super) fn add(&self, records: &Records) -> io::Result<()> {
        self.change(|all| {
            all.extend(records.iter().map(|(id, record)| (id.clone(), record.clone())));
        })
    }

    /// Removes entries and returns how many there were.
    pub(super) fn remove(&self, which: Which) -> io::Result<u64> {
        if !self.path.exists() {
            return Ok(0);
        }
        let mut removed = 0;
        self.change(|all| {
            let before = all.len();
            all.retain(|id, _| !which.takes(id));
            removed = (before - all.len()) as u64;
        })?;
        Ok(removed)
    }

    /// Changes the message of an entry, which is readable from then on; returns whether there is such an entry.
    pub(super) fn edit(&self, id: &str, message: String) -> io::Result<bool> {
        if !self.records()?.contains_key(id) {
            return Ok(false);
        }
        let mut found = false;
        self.change(|all| {
            if let Some(record) = all.get_mut(id) {
                record.message = message;
                record.message_type = None;
                found = true;
            }
        })?;
        Ok(found)
    }

    /// Reads, changes and replaces the file under IntelMQ's lock; a file without entries is removed.
    fn change(&self, change: impl FnOnce(&mut Records)) -> io::Result<()> {
        let mut file = self.locked()?;
        let mut records = read(&mut file, &self.path)?;
        change(&mut records);
        if records.is_empty() {
            return std::fs::remove_file(&self.path);
        }
        let mut text = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        let mut writer = serde_json::Serializer::with_formatter(&mut text, format);
        records.serialize(&mut writer).map_err(io::Error::other)?;
        whole::replace(&self.path, &text, 0o600)
    }

    /// Opens the file with the lock that IntelMQ's tools take; waits for who has it.
    fn locked(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        loop {
            let open = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(&self.path)?;
            open.lock()?;
            // While we waited the file may have been replaced; then the lock is on a file that is gone.
            match std::fs::metadata(&self.path) {
                Ok(there) if there.ino() == open.metadata()?.ino() => return Ok(open),
                _ => {}
            }
        }
    }
}

fn read(file: &mut File, path: &Path) -> io::Result<Records> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if text.trim().is_empty() {
        return Ok(Records::new());
    }
    serde_json::from_str(&text).map_err(|error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: not a dump file: {error}", path.display()))
    })
}

impl Record {
    /// Returns the queue that the message came from.
    pub(super) fn source_queue(&self) -> Option<&str> {
        self.source_queue.as_deref()
    }

    /// Tells whether the message could not be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.message_type.as_deref() == Some("base64")
    }

    /// Returns the message, byte for byte.
    pub(super) fn body(&self) -> Result<Vec<u8>, base64::DecodeError> {
        if self.is_unreadable() {
            STANDARD.decode(&self.message)
        } else {
            Ok(self.message.clone().into_bytes())
        }
    }

    fn into_entry(self, id: String) -> DumpEntry {
        let unreadable = self.is_unreadable();
        let message = match self.body() {
            Ok(bytes) if unreadable => String::from_utf8_lossy(&bytes).into_owned(),
            _ => self.message.clone(),
        };
        let base64 = unreadable.then_some(self.message);
        let traceback = match self.traceback {
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(lines) => {
                lines.iter().map(|line| line.as_str().unwrap_or_default()).collect::<String>()
            }
            _ => String::new(),
        };
        DumpEntry {
            id,
            bot: self.bot_id,
            source_queue: self.source_queue,
            traceback,
            message,
            unreadable,
            base64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_added_once_listed_in_order_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = DumpFile::new(&folder.path().join("log"), "my-bot");
        assert_eq!(file.list().unwrap(), []);
        let first =
            record("my-bot", Some("my-bot-queue"), "bad row", Ok("{\"__type\": \"Report\"}".to_owned()));
        let second = record("my-bot", Some("my-bot-queue"), "not UTF-8", Err(b"\xff"));
        file.add(&Records::from([first.clone()])).unwrap();
        file.add(&Records::from([first.clone(), second.clone()])).unwrap();
        let entries = file.list().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].id.as_str(), entries[0].unreadable), (first.0.as_str(), false));
        assert!(entries[1].unreadable);
        assert_eq!(file.remove(Which::Ids(&[first.0])).unwrap(), 1);
        assert_eq!(file.remove(Which::All).unwrap(), 1);
        assert!(!folder.path().join("log/my-bot.dump").exists());
    }

    #[test]
    fn keys_never_repeat() {
        let keys: std::collections::BTreeSet<String> = (0..1000).map(|_| next_key()).collect();
        assert_eq!(keys.len(), 1000);
    }
}
