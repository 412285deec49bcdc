//! One bot over one message, without queues and without a runtime: how tests of bots and the oracle run them.
//!
//! `Trial::new(module, params, &idf)?.feed(message)` gives everything that came of the message. What the bot remembers is kept
//! from one message to the next, as a runtime would.

mod exchange;
pub mod oracle;
pub mod server;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Bell, Bot, Context, Effects, Failure, Level, Memory, Note, Progress, Round, Site, StateWrite, find,
};
use crate::message::{Idf, Message};
use crate::pipeline::{Params, Spec, generic};

/// A bot, the folder it works in, and what it remembers.
pub struct Trial {
    site: Site,
    bot: Bot,
    shelf: Shelf,
    paths: Vec<String>,
    batch: usize,
    folder: Option<tempfile::TempDir>,
    rung: Arc<Rung>,
    now: Option<Timestamp>,
}

/// How long a trial waits for a collector's bell.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a collector's bell rang.
#[derive(Default)]
struct Rung {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Rung {
    fn set(&self, rung: bool) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = rung;
        self.changed.notify_all();
    }

    fn wait(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            rung = self.changed.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Everything that came of one message, or of one round of a collector.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was sent, with the path's name.
    pub sent: Vec<(String, Message)>,
    /// The reports of rows that failed, each with its error.
    pub failed_rows: Vec<(Message, String)>,
    /// Why the message goes no further.
    pub dropped: Vec<String>,
    /// Log lines.
    pub log: Vec<(Level, String)>,
    /// What the bot remembers or forgets from now on.
    pub state: Vec<StateWrite>,
    /// Bytes for files, in the order they were asked for.
    pub appends: Vec<(PathBuf, Vec<u8>)>,
    /// Why the bot gave up; what it had sent in batches before stays sent.
    pub failure: Option<Failure>,
    /// What it had sent in the batch that failed. A runtime throws that away; IntelMQ does not.
    pub abandoned: Vec<(String, Message)>,
    /// How many batches there were.
    pub batches: usize,
}

#[derive(Default)]
struct Shelf(HashMap<Vec<u8>, Vec<u8>>);

impl Memory for Shelf {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.get(key).cloned())
    }
}

impl Trial {
    /// Makes the bot of a module with parameters as `runtime.yaml` has them; its state path is a temporary folder.
    pub fn new(module: &str, params: &Json, idf: &Arc<Idf>) -> Result<Trial, Failure> {
        let folder = tempfile::tempdir()?;
        let mut trial = Trial::within(module, params, idf, folder.path())?;
        trial.folder = Some(folder);
        Ok(trial)
    }

    /// Makes the bot of a module whose state path is a given folder.
    pub fn within(module: &str, params: &Json, idf: &Arc<Idf>, state: &Path) -> Result<Trial, Failure> {
        let kind = find(module).ok_or_else(|| Failure::Configuration(format!("no module {module:?}")))?;
        let site = Site { bot: "trial".into(), state: state.into(), idf: Arc::clone(idf) };
        let bot = (kind.make)(&resolve(&kind.spec, params), &site)?;
        let paths = vec!["_default".to_owned()];
        let (shelf, rung) = (Shelf::default(), Arc::default());
        Ok(Trial { site, bot, shelf, paths, batch: 500, folder: None, rung, now: None })
    }

    /// Returns the state path.
    pub fn state(&self) -> &Path {
        self.folder.as_ref().map_or(&self.site.state, |folder| folder.path())
    }

    /// Gives the bot further paths to send to.
    #[must_use]
    pub fn with_paths(mut self, names: &[&str]) -> Trial {
        self.paths.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Puts something into what the bot remembers.
    pub fn remember(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.shelf.0.insert(key.into(), value.into());
    }

    /// Returns the keys that the bot remembers, sorted.
    pub fn remembered(&self) -> Vec<Vec<u8>> {
        let mut keys: Vec<_> = self.shelf.0.keys().cloned().collect();
        keys.sort();
        keys
    }

    /// Waits until a collector's bell rings; tells whether it did within a time.
    pub fn rings(&self, within: Duration) -> bool {
        self.rung.wait(within)
    }

    /// Sets how many events a batch may have; 500 otherwise.
    #[must_use]
    pub fn with_batch(mut self, events: usize) -> Trial {
        self.batch = events;
        self
    }

    /// Fixes the present moment; otherwise it is the real one.
    #[must_use]
    pub fn with_now(mut self, now: Timestamp) -> Trial {
        self.now = Some(now);
        self
    }

    /// Lets the bot handle a message to its end: a report batch by batch, a collector one portion (the message is not used).
    pub fn feed(&mut self, message: impl Borrow<Message>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut from = 0;
        loop {
            match self.portion(message.borrow(), from, &mut outcome) {
                Ok(Some(next)) => from = next,
                Ok(None) => return outcome,
                Err(failure) => {
                    outcome.failure = Some(failure);
                    return outcome;
                }
            }
        }
    }

    /// Lets a collector work until its round is over.
    pub fn round(&mut self) -> Outcome {
        self.feed(Message::report(&Arc::clone(&self.site.idf)))
    }

    /// Does one batch; returns where to go on.
    pub fn portion(
        &mut self,
        message: &Message,
        from: u64,
        outcome: &mut Outcome,
    ) -> Result<Option<u64>, Failure> {
        let mut context = Context::new(&self.site, &self.paths, &mut self.shelf, self.batch);
        if let Some(now) = self.now {
            context.set_now(now);
        }
        let rung = Arc::clone(&self.rung);
        rung.set(false);
        context.set_bell(Bell::new(move || rung.set(true)), false);
        let next = match &mut self.bot {
            Bot::Collector(bot) => bot.collect(&mut context).map(|round| match round {
                Round::More | Round::Wait => Some((0, round == Round::Wait)),
                Round::Done | Round::Listen => None,
            }),
            Bot::Parser(bot) => bot.parse(message, from, &mut context).map(|progress| match progress {
                Progress::More(next) => Some((next, false)),
                Progress::Done => None,
            }),
            Bot::Expert(bot) => bot.process(message.clone(), &mut context).map(|()| None),
            Bot::Output(bot) => {
                // As in a hop, it is flushed after a failure too.
                let written = bot.write(message, &mut context);
                let flushed = bot.flush(&mut context);
                written.and(flushed).map(|()| None)
            }
        };
        let effects = context.finish();
        self.settle(effects, next.is_ok(), outcome);
        if let (Bot::Collector(bot), true) = (&mut self.bot, next.is_ok()) {
            bot.stored();
        }
        match next? {
            Some((_, true)) if !self.rung.wait(PATIENCE) => {
                Err(Failure::Other("nothing came although the bot waited for it".to_owned()))
            }
            next => Ok(next.map(|(next, _)| next)),
        }
    }

    /// Does what a runtime does with effects: all of them after success, only the log after a failure.
    fn settle(&mut self, effects: Effects, success: bool, outcome: &mut Outcome) {
        outcome.batches += 1;
        for note in effects.notes {
            match note {
                Note::Log(level, text) => outcome.log.push((level, text)),
                Note::Dropped(reason) => outcome.dropped.push(reason),
            }
        }
        let name = |path: usize| self.paths.get(path).cloned().unwrap_or_default();
        let sent = effects.sent.into_iter().map(|(path, message)| (name(path), message));
        if !success {
            outcome.abandoned.extend(sent);
            return;
        }
        outcome.sent.extend(sent);
        for write in &effects.state {
            match &write.value {
                Some(value) => self.shelf.0.insert(write.key.clone(), value.clone()),
                None => self.shelf.0.remove(&write.key),
            };
        }
        outcome.state.extend(effects.state);
        outcome.failed_rows.extend(effects.failed_rows);
        outcome.appends.extend(effects.appends);
    }
}

/// Lays given parameters over the defaults.
fn resolve(spec: &Spec, given: &Json) -> Params {
    let mut values = BTreeMap::new();
    for param in generic(Some(spec.kind)).chain(spec.params) {
        values.insert(param.name.to_owned(), param.default_json());
    }
    for (name, value) in given.as_object().into_iter().flatten() {
        values.insert(name.clone(), value.clone());
    }
    Params::new(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bot_remembers_lasts_from_message_to_message() {
        let idf = Idf::builtin();
        let params = serde_json::json!({"filter_keys": "raw", "filter_type": "blacklist"});
        let module = "intelmq.bots.experts.deduplicator.expert";
        let mut trial = Trial::new(module, &params, &idf).unwrap();
        let mut event = Message::event(&idf);
        event.add("source.ip", "192.0.2.1").unwrap();
        let first = trial.feed(&event);
        assert_eq!(first.sent, [("_default".to_owned(), event.clone())]);
        let second = trial.feed(&event);
        assert!(second.sent.is_empty() && second.dropped.len() == 1, "{second:?}");
        assert!(matches!(Trial::new("no.such", &params, &idf), Err(Failure::Configuration(_))));
    }
}
