//! One bot of a running botnet: its configuration, its instances, its counters.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::control::BotState;
use super::dump::DumpFile;
use super::files::Files;
use super::life::Life;
use super::net::Net;
use super::outbox::Outbox;
use super::resume::InHand;
use super::rules::Rules;
use super::statistics::Counters;
use super::switch::Switch;
use crate::bots::{Bot, BotSpec, Level, Site};
use crate::broker::{RedisCache, Wiring};
use crate::pipeline::{Kind, Params};

/// One bot of the botnet.
pub(super) struct Slot {
    pub(super) spec: &'static BotSpec,
    pub(super) params: Params,
    pub(super) rules: Rules,
    pub(super) site: Site,
    /// The bot's id, shared with the state that it writes.
    pub(super) id: Arc<str>,
    /// The queue it reads.
    pub(super) source: Option<Arc<str>>,
    /// The names of its paths, and beside them the queues of each.
    pub(super) path_names: Vec<String>,
    pub(super) queues: Vec<Vec<Arc<str>>>,
    pub(super) dump: DumpFile,
    pub(super) counters: Arc<Counters>,
    pub(super) switch: Arc<Switch>,
    pub(super) outbox: Outbox,
    pub(super) life: Life,
    /// One per instance.
    pub(super) cores: Vec<Mutex<Core>>,
    turn: AtomicUsize,
    pub(super) in_hand: InHand,
}

/// What an instance of a bot works with; whoever holds it may let the bot work.
#[derive(Default)]
pub(super) struct Core {
    pub(super) bot: Option<Bot>,
    pub(super) files: Files,
    /// Where the bot remembers, if not beside the queues.
    pub(super) cache: Option<RedisCache>,
}

/// What a slot is made of.
pub(super) struct Parts {
    pub(super) spec: &'static BotSpec,
    pub(super) params: Params,
    pub(super) rules: Rules,
    pub(super) site: Site,
    pub(super) source: Option<String>,
    pub(super) paths: Vec<(String, Vec<String>)>,
    pub(super) log_folder: PathBuf,
    pub(super) counters: Arc<Counters>,
}

impl Slot {
    pub(super) fn new(parts: Parts) -> Self {
        let (path_names, queues) = parts
            .paths
            .into_iter()
            .map(|(name, queues)| (name, queues.into_iter().map(Arc::from).collect()))
            .unzip();
        Slot {
            id: Arc::from(parts.site.bot.as_str()),
            dump: DumpFile::new(&parts.log_folder, &parts.site.bot),
            source: parts.source.map(Arc::from),
            cores: (0..parts.rules.instances).map(|_| Mutex::default()).collect(),
            spec: parts.spec,
            params: parts.params,
            rules: parts.rules,
            site: parts.site,
            path_names,
            queues,
            counters: parts.counters,
            switch: Arc::default(),
            outbox: Outbox::default(),
            life: Life::default(),
            turn: AtomicUsize::new(0),
            in_hand: InHand::default(),
        }
    }

    /// Returns how the bot is connected.
    pub(super) fn wiring(&self) -> Wiring {
        Wiring {
            bot: self.id.to_string(),
            source: self.source.as_deref().map(str::to_owned),
            destinations: self.destinations().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.spec.spec.kind
    }

    pub(super) fn state(&self) -> BotState {
        self.life.state()
    }

    /// Tells whether the bot has not failed.
    pub(super) fn is_healthy(&self) -> bool {
        self.state() != BotState::Failed
    }

    /// Stops the bot, because it cannot go on.
    pub(super) fn fail(&self, net: &Net, error: &str) {
        self.counters.note_error(error);
        net.log(self, Level::Critical, error);
        self.life.set(BotState::Failed);
        self.switch.stop();
    }

    /// Waits for an instance's core.
    pub(super) fn core(&self, instance: usize) -> MutexGuard<'_, Core> {
        self.cores[instance].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the only instance's core if nobody works with it at the moment.
    pub(super) fn try_core(&self) -> Option<MutexGuard<'_, Core>> {
        self.cores[0].try_lock().ok()
    }

    /// Returns the number of the path that takes what was given up, if there is one.
    pub(super) fn on_error(&self) -> Option<usize> {
        self.path_names.iter().position(|name| name == "_on_error")
    }

    /// Returns every queue that the bot may send to.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Arc<str>> {
        self.queues.iter().flatten()
    }

    /// Returns the queues that get a message of a path.
    pub(super) fn targets(&self, path: usize) -> &[Arc<str>] {
        let queues = &self.queues[path];
        if !self.rules.load_balance || queues.len() < 2 {
            return queues;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % queues.len();
        &queues[turn..=turn]
    }
}
