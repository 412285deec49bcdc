//! What a hop is going to commit, and how it is committed.

use std::ops::Range;
use std::path::PathBuf;

use jiff::Timestamp;

use super::control::{JournalEntry, JournalOut};
use super::dump::{self, Records};
use super::files::{Committed, Files};
use super::hop::{Hop, Trouble};
use super::journal::{self, Journal};
use super::net::Net;
use super::slot::{Core, Slot};
use super::statistics::Tally;
use crate::bots::{AfterCommit, Effects, Failure, Level, Note, StateWrite};
use crate::broker::{self, CacheWrite, Link, Outgoing, StateEntry};
use crate::message::Message;

/// Where dump entries stand between the commit and the dump file.
const OUTBOX: &[u8] = b"dump-outbox";

/// Everything that a hop is going to commit.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) state: Vec<StateEntry>,
    pub(super) shares: Vec<Share>,
}

/// What one bot did in a hop.
pub(super) struct Share {
    pub(super) slot: usize,
    pub(super) tally: Tally,
    pub(super) appends: Vec<(PathBuf, Vec<u8>)>,
    pub(super) after: Vec<AfterCommit>,
    /// What goes to the bot's own memory after the commit.
    pub(super) cached: Vec<StateWrite>,
    dumps: Records,
    lines: Vec<(Level, String)>,
    journal: Vec<JournalEntry>,
    bot: String,
}

/// How many messages were sent and notes were made at some moment.
pub(super) type Counts = (usize, usize);

impl Ledger {
    pub(super) fn remember(&mut self, slot: &Slot, writes: Vec<StateWrite>) {
        self.state.extend(writes.into_iter().map(|write| StateEntry {
            bot: slot.id.clone(),
            key: write.key,
            value: write.value,
            ttl: write.ttl,
        }));
    }
}

impl Share {
    pub(super) fn new(index: usize, slot: &Slot) -> Self {
        Share {
            slot: index,
            tally: Tally::default(),
            appends: Vec::new(),
            after: Vec::new(),
            cached: Vec::new(),
            dumps: Records::new(),
            lines: Vec::new(),
            journal: Vec::new(),
            bot: slot.id.to_string(),
        }
    }

    /// Gives up a message: it is counted, and dumped unless the bot's parameters say no.
    pub(super) fn give_up(&mut self, slot: &Slot, message: &Message, error: &str) {
        self.tally.failed += 1;
        self.dump(slot, Ok(message.to_wire()), error);
        self.journal.push(self.entry(Some(journal::identity(message)), None, Some(error.to_owned())));
    }

    pub(super) fn give_up_unreadable(&mut self, slot: &Slot, body: &[u8], error: &str) {
        self.tally.failed += 1;
        slot.counters.note_error(error);
        self.lines.push((Level::Error, format!("Dumped a message that cannot be read: {error}")));
        self.dump(slot, Err(body), error);
    }

    pub(super) fn take_failed_rows(&mut self, slot: &Slot, rows: &[(Message, String)]) {
        for (row, error) in rows {
            self.tally.failed += 1;
            self.dump(slot, Ok(row.to_wire()), error);
        }
        if let Some((_, error)) = rows.last() {
            slot.counters.note_error(error);
        }
    }

    pub(super) fn take_notes(&mut self, notes: Vec<Note>) {
        for note in notes {
            match note {
                Note::Log(level, text) => self.lines.push((level, text)),
                Note::Dropped(_) => self.tally.dropped += 1,
            }
        }
    }

    /// Journals a whole portion of a collector or parser as one entry, and each failed row as one.
    pub(super) fn note_work(&mut self, input: Option<&Message>, effects: &Effects, paths: &[String]) {
        let id = input.map(journal::identity);
        let mut entry = self.entry(id.clone(), None, None);
        entry.out = outs(effects, 0..effects.sent.len(), paths);
        self.journal.push(entry);
        for (row, error) in &effects.failed_rows {
            let mut entry = self.entry(id.clone(), None, Some(error.clone()));
            entry.out = vec![JournalOut {
                path: "_on_error".to_owned(),
                id: journal::identity(row),
                message: journal::portrait(row),
            }];
            self.journal.push(entry);
        }
    }

    /// Journals what became of one message.
    pub(super) fn note_one(
        &mut self,
        id: String,
        effects: &Effects,
        (before, after): (Counts, Counts),
        paths: &[String],
    ) {
        let dropped =
            effects.notes.get(before.1..after.1).unwrap_or_default().iter().find_map(|note| match note {
                Note::Dropped(reason) => Some(reason.clone()),
                Note::Log(..) => None,
            });
        let mut entry = self.entry(Some(id), dropped, None);
        entry.out = outs(effects, before.0..after.0, paths);
        self.journal.push(entry);
    }

    fn entry(&self, input: Option<String>, dropped: Option<String>, failed: Option<String>) -> JournalEntry {
        let at = format!("{:.3}", Timestamp::now());
        JournalEntry { at, bot: self.bot.clone(), input, out: Vec::new(), dropped, failed }
    }

    fn dump(&mut self, slot: &Slot, body: Result<String, &[u8]>, error: &str) {
        if slot.rules.dump {
            let (key, record) = dump::record(&slot.id, slot.source.as_deref(), error, body);
            self.dumps.insert(key, record);
        }
    }
}

fn outs(effects: &Effects, sent: Range<usize>, paths: &[String]) -> Vec<JournalOut> {
    let sent = effects.sent.get(sent).unwrap_or_default();
    let out = |(path, message): &(usize, Message)| JournalOut {
        path: paths[*path].clone(),
        id: journal::identity(message),
        message: journal::portrait(message),
    };
    sent.iter().map(out).collect()
}

impl Hop<'_> {
    /// Commits everything together: bytes of files and journal first, then messages, acknowledgements and state as one.
    pub(super) fn commit(
        mut self,
        core: &mut Core,
        link: &mut dyn Link,
        acknowledge: usize,
    ) -> Result<(), Trouble> {
        let net = self.net();
        let _committing = net.activity.committing();
        let journal = net.journal.as_deref().filter(|journal| journal.has_room());
        let mut held = journal.map(Journal::lock);
        let written = self.write(core, link, held.as_deref_mut());
        let synced = written.and_then(|()| self.sync(core, held.as_deref()));
        let committed = synced.and_then(|()| {
            let hop = broker::Hop {
                outgoing: std::mem::take(&mut self.ledger.outgoing),
                acknowledge,
                state: std::mem::take(&mut self.ledger.state),
            };
            link.commit(hop).map_err(Trouble::Broker)
        });
        for files in self.all_files(core).into_iter().chain(held.as_deref_mut()) {
            match &committed {
                Ok(()) => files.settle(),
                Err(_) => files.undo(),
            }
        }
        drop(held);
        committed?;
        self.write_caches(core);
        self.helpers.clear();
        finish(net, self.ledger.shares, link);
        Ok(())
    }

    /// Writes the bytes of outputs and journal, and puts their new lengths and the dumps into the state to commit.
    fn write(
        &mut self,
        core: &mut Core,
        link: &mut dyn Link,
        journal: Option<&mut Files>,
    ) -> Result<(), Trouble> {
        let net = self.net();
        let mut shares = std::mem::take(&mut self.ledger.shares);
        let mut lines = Vec::new();
        for share in &mut shares {
            let slot = &net.slots[share.slot];
            if !share.dumps.is_empty() {
                let value =
                    serde_json::to_vec(&share.dumps).map_err(|error| self.blame(share.slot, &error))?;
                self.ledger.state.push(entry(&slot.id, OUTBOX, value));
            }
            for (path, bytes) in std::mem::take(&mut share.appends) {
                let helper = self.helpers.iter_mut().find(|(index, _)| *index == share.slot);
                let files = helper.map_or(&mut core.files, |(_, core)| &mut core.files);
                let length = append(files, link, &slot.id, &path, &bytes)
                    .map_err(|error| self.blame(share.slot, &format!("{}: {error}", path.display())))?;
                self.ledger.state.push(entry(&slot.id, &file_key(&path), length.to_bytes()));
            }
            for line in std::mem::take(&mut share.journal) {
                let _ = serde_json::to_writer(&mut lines, &line);
                lines.push(b'\n');
            }
        }
        self.ledger.shares = shares;
        if let (Some(files), Some(journal), false) = (journal, &net.journal, lines.is_empty()) {
            let path = journal.path();
            let length = append(files, link, journal::OWNER, path, &lines)
                .map_err(|error| self.blame(self.head(), &format!("{}: {error}", path.display())))?;
            self.ledger.state.push(entry(&journal::OWNER.into(), &file_key(path), length.to_bytes()));
        }
        Ok(())
    }

    /// Writes what bots remember elsewhere. Failing is no loss: the event may come once more.
    fn write_caches(&mut self, core: &mut Core) {
        let net = self.net();
        for share in &mut self.ledger.shares {
            if share.cached.is_empty() {
                continue;
            }
            let helper = self.helpers.iter_mut().find(|(index, _)| *index == share.slot);
            let cache = helper.map_or(&mut core.cache, |(_, core)| &mut core.cache);
            let writes: Vec<CacheWrite> =
                share.cached.drain(..).map(|write| (write.key, write.value, write.ttl)).collect();
            if let Some(Err(error)) = cache.as_mut().map(|cache| cache.write(&writes)) {
                net.log(&net.slots[share.slot], Level::Error, &format!("Cannot remember: {error}"));
            }
        }
    }

    /// Brings what was written to the disk, if the broker's commits wait for it.
    fn sync(&mut self, core: &mut Core, journal: Option<&Files>) -> Result<(), Trouble> {
        if !self.net().broker.syncs() {
            return Ok(());
        }
        let head = self.head();
        let mut files = self.all_files(core).into_iter().map(|files| &*files).chain(journal);
        files.try_for_each(Files::sync).map_err(|error| self.blame(head, &error))
    }

    fn blame(&self, slot: usize, error: &dyn std::fmt::Display) -> Trouble {
        if slot == self.head() { Trouble::Head(Failure::other(error)) } else { Trouble::Helper(slot) }
    }

    fn all_files<'a>(&'a mut self, core: &'a mut Core) -> Vec<&'a mut Files> {
        let helpers = self.helpers.iter_mut().map(|(_, core)| &mut core.files);
        std::iter::once(&mut core.files).chain(helpers).collect()
    }
}

/// Appends to a file, opening it first if need be.
fn append(
    files: &mut Files,
    link: &mut dyn Link,
    bot: &str,
    path: &std::path::Path,
    bytes: &[u8],
) -> std::io::Result<Committed> {
    if !files.is_open(path) {
        let known = link.recall(bot, &file_key(path)).map_err(std::io::Error::other)?;
        let known = known.as_deref().and_then(Committed::from_bytes);
        let base = files.open(path, known)?;
        if known != Some(base) {
            let state = vec![entry(&bot.into(), &file_key(path), base.to_bytes())];
            link.commit(broker::Hop { state, ..broker::Hop::default() }).map_err(std::io::Error::other)?;
        }
    }
    files.write(path, bytes)
}

fn file_key(path: &std::path::Path) -> Vec<u8> {
    [b"file:", path.as_os_str().as_encoded_bytes()].concat()
}

fn entry(bot: &std::sync::Arc<str>, key: &[u8], value: Vec<u8>) -> StateEntry {
    StateEntry { bot: bot.clone(), key: key.to_vec(), value: Some(value), ttl: None }
}

/// Does what comes after a commit: counters, log lines, files to remove, the dump file.
fn finish(net: &Net, shares: Vec<Share>, link: &mut dyn Link) {
    for share in shares {
        let slot = &net.slots[share.slot];
        slot.counters.add(&share.tally, &slot.path_names);
        for (level, text) in &share.lines {
            net.log(slot, *level, text);
        }
        for AfterCommit::Remove(path) in share.after {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    net.log(slot, Level::Error, &format!("Cannot remove {}: {error}", path.display()));
                }
                _ => {}
            }
        }
        if !share.dumps.is_empty() {
            flush_dumps(net, slot, share.dumps, link);
        }
    }
}

/// Moves dump entries from the state into the dump file. Done twice it changes nothing.
fn flush_dumps(net: &Net, slot: &Slot, records: Records, link: &mut dyn Link) {
    let added = slot.dump.add(records).map_err(|error| error.to_string()).and_then(|()| {
        let state = vec![StateEntry { bot: slot.id.clone(), key: OUTBOX.to_vec(), value: None, ttl: None }];
        link.commit(broker::Hop { state, ..broker::Hop::default() }).map_err(|error| error.to_string())
    });
    if let Err(error) = added {
        // The entries are safe in the state, but only until the next ones take their place.
        let text = format!(
            "Cannot write the dump file: {error}. The bot stops; start it again to write what is kept"
        );
        slot.fail(net, &text);
    }
}

/// Writes dump entries of a process that died between commit and dump file.
pub(super) fn recover_dumps(net: &Net, slot: &Slot, link: &mut dyn Link) {
    if let Ok(Some(bytes)) = link.recall(&slot.id, OUTBOX)
        && let Ok(records) = serde_json::from_slice::<Records>(&bytes)
    {
        flush_dumps(net, slot, records, link);
    }
}
