//! What a hop is going to commit, and how it is committed.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::control::{JournalEntry, JournalOut};
use super::dump::{self, Records};
use super::files::{Committed, Files};
use super::hop::{Hop, Trouble};
use super::journal::{self, Journal};
use super::net::Net;
use super::outbox::Opened;
use super::slot::{Core, Slot};
use super::statistics::Tally;
use crate::bots::{AfterCommit, Effects, Failure, Level, Note, StateWrite};
use crate::broker::{self, CacheWrite, Link, Outgoing, StateEntry};
use crate::message::Message;

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
            tally: Tally { sent: vec![0; slot.path_names.len()], ..Tally::default() },
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
        self.note_failure(slot, Some(journal::identity(message)), message, error);
    }

    /// Journals a message or a row that was given up, with the path that it takes: `_on_error`, or none.
    fn note_failure(&mut self, slot: &Slot, input: Option<String>, failed: &Message, error: &str) {
        let mut entry = self.entry(input, None, Some(error.to_owned()));
        entry.out = vec![JournalOut {
            path: slot.on_error().map_or_else(String::new, |path| slot.path_names[path].clone()),
            id: journal::identity(failed),
            message: journal::portrait(failed),
        }];
        self.journal.push(entry);
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
    pub(super) fn note_work(&mut self, slot: &Slot, input: Option<&Message>, effects: &Effects) {
        let id = input.map(journal::identity);
        let mut entry = self.entry(id.clone(), None, None);
        entry.out = outs(effects, 0..effects.sent.len(), &slot.path_names);
        self.journal.push(entry);
        for (row, error) in &effects.failed_rows {
            self.note_failure(slot, id.clone(), row, error);
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
        // A bot that is a process of its own may have done its part with a message within the same millisecond.
        let at = format!("{:.6}", Timestamp::now());
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

impl<'n> Hop<'n> {
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
        let mut outboxes = Vec::new();
        let written = self.write(core, link, held.as_deref_mut(), &mut outboxes);
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
                Err(Trouble::Broker(_)) => files.doubt(),
                Err(_) => files.undo(),
            }
        }
        if held.is_some() && net.journal.as_ref().is_some_and(|journal| journal.is_full_for_the_first_time())
        {
            let text = "The journal is full: `events` and `explain` do not know what happens from now on.";
            net.log(&net.slots[self.head()], Level::Warning, text);
        }
        drop(held);
        if let Err(trouble) = committed {
            outboxes.into_iter().for_each(Opened::doubt);
            return Err(trouble);
        }
        self.write_caches(core);
        self.helpers.clear();
        let own = self.head();
        for share in self.ledger.shares.iter_mut().filter(|share| share.slot == own) {
            share.tally.received = acknowledge as u64;
        }
        // Before the counters: who sees that a message was given up finds it in the dump.
        let flushed = outboxes.into_iter().try_for_each(|outbox| outbox.flush(net, link));
        finish(net, self.ledger.shares);
        flushed.map_err(Trouble::Broker)
    }

    /// Writes the bytes of outputs and journal, and puts their new lengths and the dumps into the state to commit.
    fn write(
        &mut self,
        core: &mut Core,
        link: &mut dyn Link,
        journal: Option<&mut Files>,
        outboxes: &mut Vec<Opened<'n>>,
    ) -> Result<(), Trouble> {
        let net = self.net();
        let mut shares = std::mem::take(&mut self.ledger.shares);
        let (syncs, mut lines) = (net.broker.syncs(), Vec::new());
        for share in &mut shares {
            let slot = &net.slots[share.slot];
            if !share.dumps.is_empty() {
                let (outbox, entry) = Opened::with(slot, link, std::mem::take(&mut share.dumps))?;
                outboxes.push(outbox);
                self.ledger.state.push(entry);
            }
            for (path, bytes) in by_file(std::mem::take(&mut share.appends)) {
                let helper = self.helpers.iter_mut().find(|(index, _)| *index == share.slot);
                let files = helper.map_or(&mut core.files, |(_, core)| &mut core.files);
                let length = append(files, link, &slot.id, (&path, &bytes), syncs)
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
            let length = append(files, link, &journal::OWNER.into(), (path, &lines), syncs)
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

/// Puts together what goes to the same file, so that each is opened and written once.
fn by_file(appends: Vec<(PathBuf, Vec<u8>)>) -> Vec<(PathBuf, Vec<u8>)> {
    if appends.len() < 2 {
        return appends;
    }
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut known: HashMap<PathBuf, usize> = HashMap::new();
    for (path, bytes) in appends {
        let index = *known.entry(path).or_insert_with_key(|path| {
            files.push((path.clone(), Vec::new()));
            files.len() - 1
        });
        files[index].1.extend(bytes);
    }
    files
}

/// Appends to a file, opening it first if need be.
pub(super) fn append(
    files: &mut Files,
    link: &mut dyn Link,
    bot: &Arc<str>,
    (path, bytes): (&Path, &[u8]),
    sync: bool,
) -> std::io::Result<Committed> {
    if !files.is_open(path) {
        let known = link.recall(bot, &file_key(path)).map_err(std::io::Error::other)?;
        let known = known.as_deref().and_then(Committed::from_bytes);
        let base = files.open(path, known)?;
        if known != Some(base) {
            let state = vec![entry(bot, &file_key(path), base.to_bytes())];
            if let Err(error) = link.commit(broker::Hop { state, ..broker::Hop::default() }) {
                files.close(path);
                return Err(std::io::Error::other(error));
            }
        }
    }
    files.write(path, bytes, sync)
}

pub(super) fn file_key(path: &Path) -> Vec<u8> {
    [b"file:", path.as_os_str().as_encoded_bytes()].concat()
}

pub(super) fn entry(bot: &Arc<str>, key: &[u8], value: Vec<u8>) -> StateEntry {
    StateEntry { bot: bot.clone(), key: key.to_vec(), value: Some(value), ttl: None }
}

/// Does what comes after a commit: counters, log lines, files to remove.
fn finish(net: &Net, shares: Vec<Share>) {
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
    }
}
