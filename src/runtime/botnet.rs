//! A whole botnet in one process: starts, stops and watches its bots, and takes new configurations into use.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::build::{self, Carried};
use super::control::{BotAction, BotState, Configuration, Snapshot};
use super::error::BotnetError;
use super::log::SELF;
use super::net::{Activity, Net};
use super::slot::Slot;
use super::snapshot;
use super::stopped;
use super::surroundings::Surroundings;
use super::worker::Worker;
use crate::bots::Level;
use crate::broker::Broker;
use crate::diagnostic::Source;
use crate::message::Idf;
use crate::pipeline::{BotConfig, Kind, Pipeline};
use crate::whole;

/// How long [`Botnet::act`] waits for a bot to come up before it answers with what is so far.
const COMING_UP: Duration = Duration::from_secs(10);

/// How long a bot may take to end; the rest does not wait longer for one that the world outside holds up. A target gives the
/// whole process a little more.
const ENDING: Duration = Duration::from_secs(if cfg!(test) { 4 } else { 8 });

/// A running botnet.
pub struct Botnet {
    surroundings: Surroundings,
    activity: Arc<Activity>,
    net: RwLock<Arc<Net>>,
    /// What is in use; its revision grows with every configuration.
    configuration: RwLock<Configuration>,
    /// The threads of each bot; held while bots stop and start.
    threads: Mutex<Threads>,
}

type Threads = HashMap<String, Vec<JoinHandle<()>>>;

type Result<T> = std::result::Result<T, BotnetError>;

impl Botnet {
    /// Checks a runtime file and starts every enabled bot; returns once all are up or have failed.
    pub fn start(source: &Source, surroundings: Surroundings) -> Result<Arc<Botnet>> {
        let activity = Arc::new(Activity::default());
        let pipeline = build::checked(source, &surroundings)?;
        let net = Arc::new(build::net(&pipeline, &surroundings, &activity, &Carried::new())?);
        let botnet = Arc::new(Botnet {
            surroundings,
            activity,
            net: RwLock::new(net.clone()),
            configuration: RwLock::new(Configuration { text: source.text().to_owned(), revision: 1 }),
            threads: Mutex::default(),
        });
        let mut threads = botnet.lock();
        let starts = |index: &usize| {
            botnet.starts(&pipeline, &net.slots[*index]) && botnet.runs_here(&net.slots[*index])
        };
        let enabled: Vec<usize> = (0..net.slots.len()).filter(starts).collect();
        for slot in net.slots.iter().filter(|slot| !botnet.starts(&pipeline, slot)) {
            slot.life.set(BotState::Disabled);
        }
        let asleep = stopped::read(&botnet.surroundings);
        for index in enabled {
            if asleep.contains(&*net.slots[index].id) {
                net.slots[index].life.set(BotState::Stopped);
                continue;
            }
            start_bot(&mut threads, &net, index);
        }
        wait_until_up(&net);
        drop(threads);
        Ok(botnet)
    }

    /// Returns everything that is to be seen at this moment.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let revision = self.in_use().revision;
        snapshot::take(&self.net(), &self.activity, &self.surroundings.apart, revision)
    }

    /// Returns what counts everything that happens.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Does something to one bot, and returns once it is done.
    pub fn act(&self, id: &str, action: BotAction) -> Result<()> {
        if action == BotAction::Reload {
            return self.reload().map(drop);
        }
        let mut threads = self.lock();
        let net = self.net();
        let index = find(&net, id)?;
        let slot = &net.slots[index];
        // Written down first: a bot that was stopped must not come up by itself if the process dies now.
        stopped::note(&self.surroundings, id, action == BotAction::Stop)?;
        if !self.runs_here(slot) {
            self.surroundings.apart.act(id, action)?;
            self.activity.bump();
            return Ok(());
        }
        let deadline = Instant::now() + ENDING;
        let ended = match action {
            BotAction::Run if slot.kind() != Kind::Collector => {
                return Err(BotnetError::NotPossible(format!(
                    "{id} is no collector: it works whenever its queue holds a message"
                )));
            }
            BotAction::Run if slot.state() == BotState::Running => {
                slot.switch.hurry();
                true
            }
            BotAction::Run | BotAction::Start => start_bot(&mut threads, &net, index),
            BotAction::Stop => stop_bot(&mut threads, &net, index, deadline),
            BotAction::Restart => {
                stop_bot(&mut threads, &net, index, deadline) && start_bot(&mut threads, &net, index)
            }
            BotAction::Reload => true,
        };
        if !ended {
            return Err(BotnetError::NotPossible(format!("{id}: {}", not_ended())));
        }
        wait_until_up(&net);
        self.activity.bump();
        Ok(())
    }

    /// Makes every resting collector begin its next round now.
    pub fn run_collectors(&self) {
        let _guard = self.lock();
        for slot in self.net().slots.iter().filter(|slot| slot.kind() == Kind::Collector) {
            if !self.runs_here(slot) {
                // One that does not answer begins with a round when it comes up.
                let _ = self.surroundings.apart.hurry(&slot.id);
            } else if slot.state() == BotState::Running {
                slot.switch.hurry();
            }
        }
        self.activity.bump();
    }

    /// Returns the configuration in use.
    pub fn configuration(&self) -> Configuration {
        self.in_use().clone()
    }

    /// Takes a new configuration into use, and writes it to the runtime file. A faulty one changes nothing.
    pub fn configure(&self, text: &str) -> Result<Configuration> {
        let idf = self.idf();
        self.adopt(text, idf, |path| {
            whole::replace(path, text.as_bytes(), 0o600)
                .map_err(|error| BotnetError::File { path: path.display().to_string(), error })
        })
    }

    /// Reads the runtime file and the data format beside it again and opens the logs anew, as SIGHUP asks. Nothing is written.
    pub fn reload(&self) -> Result<Configuration> {
        self.surroundings.logger.reopen();
        let path = &self.surroundings.file;
        let text = std::fs::read_to_string(path)
            .map_err(|error| BotnetError::File { path: path.display().to_string(), error })?;
        let idf = super::format::read(path)?.unwrap_or_else(|| self.surroundings.idf.clone());
        self.adopt(&text, idf, |_| Ok(()))
    }

    fn in_use(&self) -> RwLockReadGuard<'_, Configuration> {
        self.configuration.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a configuration into use: checks it, keeps it as the caller wants, stops the bots and starts the new ones.
    ///
    /// A bot that somebody stopped stays so, and one that has finished its one run; one that was disabled and is not any
    /// more starts.
    fn adopt(
        &self,
        text: &str,
        idf: Arc<Idf>,
        keep: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Configuration> {
        let source = Source::new(self.surroundings.file.display().to_string(), text);
        let pipeline = build::checked(&source, &self.surroundings)?;
        let mut threads = self.lock();
        let old = self.net();
        // Refuse before anything is stopped.
        let surroundings = Surroundings { idf, ..self.surroundings.clone() };
        let net = Arc::new(build::net(&pipeline, &surroundings, &self.activity, &carried(&old))?);
        keep(&self.surroundings.file)?;
        let mut asleep = stopped::read(&self.surroundings);
        let rests = |slot: &&Slot| matches!(slot.state(), BotState::Stopped | BotState::Finished);
        asleep.extend(old.slots.iter().filter(rests).map(|slot| slot.id.to_string()));
        stop_all(&mut threads, &old);
        // One that did not end keeps what it has to itself, and ends when it can.
        threads.clear();
        build::go_on_resting(&old, &net);
        *self.net.write().unwrap_or_else(PoisonError::into_inner) = net.clone();
        let configuration = {
            let mut in_use = self.configuration.write().unwrap_or_else(PoisonError::into_inner);
            *in_use = Configuration { text: text.to_owned(), revision: in_use.revision + 1 };
            in_use.clone()
        };
        for index in 0..net.slots.len() {
            let slot = &net.slots[index];
            if !self.starts(&pipeline, slot) {
                slot.life.set(BotState::Disabled);
            } else if !asleep.contains(&*slot.id) && self.runs_here(slot) {
                start_bot(&mut threads, &net, index);
            }
        }
        wait_until_up(&net);
        for problem in self.surroundings.apart.reload() {
            self.surroundings.logger.log(SELF, Level::Warning, &problem);
        }
        self.activity.bump();
        Ok(configuration)
    }

    /// Stops every bot after the message in hand.
    pub fn shut_down(&self) {
        stop_all(&mut self.lock(), &self.net());
        self.activity.bump();
    }

    /// Returns the fields that messages may have.
    pub fn idf(&self) -> Arc<Idf> {
        self.net().idf.clone()
    }

    /// Returns where the botnet runs.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Returns where the queues are.
    pub fn broker(&self) -> Arc<dyn Broker> {
        self.net().broker.clone()
    }

    /// Tells whether a bot starts by itself. One that was named does so even if it is disabled, as in IntelMQ; not so in a lab.
    fn starts(&self, pipeline: &Pipeline, slot: &Slot) -> bool {
        let named = self.surroundings.only.is_some() && self.surroundings.journal.is_none();
        named || pipeline.bot(&slot.id).is_some_and(BotConfig::enabled)
    }

    /// Tells whether a bot runs in this process.
    pub(super) fn runs_here(&self, slot: &Slot) -> bool {
        !self.surroundings.apart.has(&slot.id)
    }

    /// Tells whether every bot has ended by itself; with the error of one that failed.
    pub(super) fn ended(&self) -> Option<Result<()>> {
        let net = self.net();
        let state = |wanted| net.slots.iter().find(|slot| slot.state() == wanted);
        if let Some(slot) = state(BotState::Failed) {
            let error = slot.counters.last_error().unwrap_or_default();
            return Some(Err(BotnetError::BotFailed { id: slot.id.to_string(), error }));
        }
        net.slots.iter().all(|slot| slot.state() == BotState::Finished).then_some(Ok(()))
    }

    /// Calls something with each bot that runs in this process, in the order of the runtime file.
    pub(super) fn each_slot(&self, call: impl FnMut(&Slot)) {
        let net = self.net();
        let slots = net.listed.iter().map(|&index| &net.slots[index]);
        slots.filter(|slot| self.runs_here(slot)).for_each(call);
    }

    /// Calls something with one bot.
    pub(super) fn with_slot<T>(&self, id: &str, call: impl FnOnce(&Slot) -> T) -> Result<T> {
        let net = self.net();
        find(&net, id).map(|index| call(&net.slots[index]))
    }

    /// Tells whether a parser reads a queue.
    pub(super) fn is_parsers(&self, queue: &str) -> bool {
        let net = self.net();
        net.readers.get(queue).is_some_and(|&index| net.slots[index].kind() == Kind::Parser)
    }

    /// Lists the queues that bots read or send to.
    pub(super) fn queues(&self) -> Vec<String> {
        self.net().listed_queues().into_iter().map(|(name, _)| name).collect()
    }

    pub(super) fn net(&self) -> Arc<Net> {
        self.net.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a bot; tells whether the threads that it had before have ended.
fn start_bot(threads: &mut Threads, net: &Arc<Net>, index: usize) -> bool {
    let slot = &net.slots[index];
    let threads = threads.entry(slot.id.to_string()).or_default();
    // One on its way up waits for its broker, perhaps for ever: there is nothing to wait for.
    if matches!(slot.state(), BotState::Running | BotState::Starting) && !threads.is_empty() {
        return true;
    }
    if !slot.life.wait_for_end(Instant::now() + ENDING) {
        return false;
    }
    for thread in threads.drain(..) {
        let _ = thread.join();
    }
    slot.switch.arm();
    slot.life.begin(slot.rules.instances);
    for instance in 0..slot.rules.instances {
        let worker = Worker { net: net.clone(), index, instance };
        let name = format!("{}.{instance}", slot.id);
        match std::thread::Builder::new().name(name).spawn(move || worker.run()) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                slot.fail(net, &format!("Cannot start a thread: {error}"));
                slot.life.ended();
            }
        }
    }
    true
}

/// Stops a bot; tells whether it has ended before the deadline, and has it failed if not.
fn stop_bot(threads: &mut Threads, net: &Net, index: usize, deadline: Instant) -> bool {
    let slot = &net.slots[index];
    slot.switch.stop();
    net.broker.interrupt();
    if !slot.life.wait_for_end(deadline) {
        slot.fail(net, &not_ended());
        return false;
    }
    for thread in threads.remove(&*slot.id).unwrap_or_default() {
        let _ = thread.join();
    }
    if slot.state() != BotState::Disabled {
        slot.life.set(BotState::Stopped);
    }
    true
}

/// Stops every bot, all by the same deadline.
fn stop_all(threads: &mut Threads, net: &Net) {
    for slot in &net.slots {
        slot.switch.stop();
    }
    net.broker.interrupt();
    let deadline = Instant::now() + ENDING;
    for index in 0..net.slots.len() {
        stop_bot(threads, net, index, deadline);
    }
}

fn not_ended() -> String {
    format!(
        "The bot was told to stop and has not ended within {} seconds: it waits for something outside. Nothing is lost, what it \
         has in hand is not acknowledged. Reload the configuration to start it anew.",
        ENDING.as_secs()
    )
}

/// Waits until no bot is on its way up.
fn wait_until_up(net: &Net) {
    let deadline = Instant::now() + COMING_UP;
    for slot in &net.slots {
        slot.life.wait_while(BotState::Starting, deadline);
    }
}

fn carried(net: &Net) -> Carried {
    net.slots.iter().map(|slot| (slot.id.to_string(), slot.counters.clone())).collect::<BTreeMap<_, _>>()
}

fn find(net: &Net, id: &str) -> Result<usize> {
    net.slots.iter().position(|slot| &*slot.id == id).ok_or_else(|| {
        let ids = net.slots.iter().map(|slot| &*slot.id);
        BotnetError::UnknownBot {
            id: id.to_owned(),
            nearest: crate::diagnostic::suggest(id, ids).map(str::to_owned),
        }
    })
}
