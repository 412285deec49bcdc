//! Bots of a lab that run in processes of their own: what the lab's agent sees of them, and asks of them.
//!
//! Each has a control service on a socket in the lab's folder, the same as the agent's own, with one bot behind it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::control::{
    BotAction, BotnetAction, Client, ControlError, JournalPage, LogLine, LogPage, Snapshot,
};
use super::error::BotnetError;
use super::gather::Gathered;

/// How long a bot may take to do what it is told; it gives up a little earlier itself.
const PATIENCE: Duration = Duration::from_secs(25);

/// How long a bot may take to say what it does.
const LOOK: Duration = Duration::from_secs(5);

/// Returns where the control service of a bot listens that runs for itself.
pub(super) fn socket(state: &Path, bot: &str) -> PathBuf {
    state.join("bots").join(format!("{bot}.sock"))
}

/// Returns the journal of a bot that runs for itself; the agent's own has the same ending.
pub(super) fn journal(log: &Path, bot: &str) -> PathBuf {
    log.join(format!("{bot}.{JOURNAL}"))
}

/// How the names of journals end.
const JOURNAL: &str = "journal.jsonl";

/// The bots that run for themselves; none unless some are named.
#[derive(Debug, Default)]
pub struct Apart {
    ids: BTreeSet<String>,
    state: PathBuf,
    known: Mutex<HashMap<String, Known>>,
    log: Gathered,
    journal: Gathered,
}

/// What is known of one of them.
#[derive(Debug)]
struct Known {
    looking: Client,
    telling: Client,
    /// What happened in the processes that it had before.
    before: u64,
    /// What has happened in the process that it has now.
    now: u64,
}

impl Apart {
    /// Names the bots; nothing is asked yet.
    pub fn new(ids: BTreeSet<String>, state: &Path, log: &Path) -> Self {
        let (log, journal) = (Gathered::new(log, ".log"), Gathered::new(log, JOURNAL));
        Apart { ids, state: state.to_owned(), known: Mutex::default(), log, journal }
    }

    /// Tells whether a bot runs for itself.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Tells whether no bot does.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns what a bot says of itself, and what has happened there so far; `None` if it does not answer.
    pub(super) fn look(&self, id: &str) -> Option<(Snapshot, u64)> {
        let client = self.client(id, |known| known.looking.clone()).ok()?;
        let snapshot = client.snapshot().ok()?;
        let mut known = self.lock();
        let known = known.get_mut(id)?;
        if snapshot.activity < known.now {
            known.before += known.now + 1;
        }
        known.now = snapshot.activity;
        let total = known.before + known.now;
        Some((snapshot, total))
    }

    /// Has a bot do something, and returns once it is done.
    pub(super) fn act(&self, id: &str, action: BotAction) -> Result<(), BotnetError> {
        self.tell(id, |client| client.act(id, action).map(drop))
    }

    /// Makes a collector begin its next round now.
    pub(super) fn hurry(&self, id: &str) -> Result<(), BotnetError> {
        self.tell(id, |client| client.run_collectors().map(drop))
    }

    /// Returns the oldest messages of a queue that a bot reads.
    pub(super) fn peek(&self, id: &str, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BotnetError> {
        let texts = self.tell(id, |client| client.peek(queue, max))?;
        Ok(texts.into_iter().map(String::into_bytes).collect())
    }

    /// Removes the waiting messages of a queue that a bot reads.
    pub(super) fn clear(&self, id: &str, queue: &str) -> Result<u64, BotnetError> {
        self.tell(id, |client| client.clear(queue)).map(|cleared| cleared.count)
    }

    /// Has every bot read its configuration again, all at the same time; returns why some did not.
    pub(super) fn reload(&self) -> Vec<String> {
        std::thread::scope(|scope| {
            let tell = |id: &String| {
                let id = id.clone();
                scope.spawn(move || {
                    self.tell(&id, |client| client.act_all(BotnetAction::Reload, None).map(drop))
                })
            };
            let told: Vec<_> = self.ids.iter().map(tell).collect();
            let results = told.into_iter().filter_map(|thread| thread.join().ok());
            results.filter_map(|result| Some(result.err()?.to_string())).collect()
        })
    }

    /// Returns log lines of all processes from a number on.
    pub(super) fn log(
        &self,
        bot: Option<&str>,
        range: (u64, usize),
        bots: &[String],
    ) -> std::io::Result<LogPage> {
        let line = |bytes: &[u8]| super::log::parse_json(bytes).filter(|line| wanted(line, bot));
        let (lines, next) = self.log.page(range, bots, line)?;
        Ok(LogPage { lines, next })
    }

    /// Returns journal entries of all processes from a number on.
    pub(super) fn journal(&self, range: (u64, usize), bots: &[String]) -> std::io::Result<JournalPage> {
        let (entries, next) = self.journal.page(range, bots, |bytes| serde_json::from_slice(bytes).ok())?;
        Ok(JournalPage { entries, next, full: false })
    }

    fn tell<T>(&self, id: &str, work: impl Fn(&Client) -> Result<T, ControlError>) -> Result<T, BotnetError> {
        let refused = |error: ControlError| match error {
            ControlError::Refused(problem) => BotnetError::NotPossible(problem.title),
            error => {
                BotnetError::NotPossible(format!("{id} cannot be told, its process does not answer: {error}"))
            }
        };
        let client = self.client(id, |known| known.telling.clone()).map_err(refused)?;
        match work(&client) {
            // A connection to a process that was ended meanwhile is found closed only when it is used.
            Err(ControlError::Unreachable { .. }) => work(&client).map_err(refused),
            done => done.map_err(refused),
        }
    }

    fn client(&self, id: &str, pick: impl Fn(&Known) -> Client) -> Result<Client, ControlError> {
        let mut known = self.lock();
        if let Some(known) = known.get(id) {
            return Ok(pick(known));
        }
        let socket = socket(&self.state, id);
        let (looking, telling) = (Client::within(&socket, LOOK)?, Client::within(&socket, PATIENCE)?);
        let new = Known { looking, telling, before: 0, now: 0 };
        let client = pick(&new);
        known.insert(id.to_owned(), new);
        Ok(client)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wanted(line: &LogLine, bot: Option<&str>) -> bool {
    bot.is_none_or(|bot| line.bot == bot)
}
