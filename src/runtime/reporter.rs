//! Writes what the bots have done where IntelMQ's bots write it, so that a monitoring that looks there sees ours.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::botnet::Botnet;
use super::slot::Slot;
use super::surroundings::Queues;
use crate::bots::Level;
use crate::broker::{CacheAddress, CacheWrite, RedisCache, Statistics};
use crate::pipeline::{Kind, Params};

/// How often it is written; what was sent in the meantime is forgotten after that time, too.
const EVERY: Duration = Duration::from_secs(2);

/// Writes the statistics of a botnet until it is stopped.
pub(super) struct Reporter {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// What is known of one bot since the last time.
#[derive(Default)]
struct Known {
    success: u64,
    failure: u64,
    sent: BTreeMap<String, u64>,
}

impl Reporter {
    /// Begins to write, if there is a place for it.
    pub(super) fn start(botnet: &Arc<Botnet>) -> Self {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (stopped, botnet) = (stop.clone(), botnet.clone());
        let run = move || {
            let mut places = Places::default();
            let (flag, changed) = &*stopped;
            loop {
                let flag = flag.lock().unwrap_or_else(PoisonError::into_inner);
                let wait = changed.wait_timeout_while(flag, EVERY, |stopped| !*stopped);
                let ends = *wait.unwrap_or_else(PoisonError::into_inner).0;
                places.write(&botnet);
                if ends {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("statistics".to_owned()).spawn(run).ok();
        Reporter { stop, thread }
    }

    /// Writes for the last time.
    pub(super) fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread {
            let _ = thread.join();
        }
    }
}

/// Where statistics go, by the place that the parameters of a bot name.
#[derive(Default)]
struct Places {
    /// Whether it was asked for that of the broker itself, which is done once.
    asked: bool,
    /// That of the broker itself, if it has one.
    beside: Option<Statistics>,
    named: HashMap<CacheAddress, RedisCache>,
    known: HashMap<String, Known>,
    /// Whether the last attempt failed, which is logged once.
    failed: bool,
}

impl Places {
    fn write(&mut self, botnet: &Botnet) {
        let mut writes: Vec<(Option<CacheAddress>, Vec<CacheWrite>)> = Vec::new();
        let as_configured = matches!(botnet.surroundings().queues, Queues::AsConfigured(_));
        if !as_configured && !self.asked {
            self.beside = botnet.broker().statistics();
            self.asked = true;
        }
        let beside = self.beside.as_ref();
        if !as_configured && beside.is_none() {
            return;
        }
        let prefix = beside.map(|place| place.prefix.clone()).unwrap_or_default();
        botnet.each_slot(|slot| {
            let place = as_configured.then(|| address(&slot.params)).flatten();
            if as_configured && place.is_none() {
                return;
            }
            let known = self.known.entry(slot.id.to_string());
            let first = matches!(known, std::collections::hash_map::Entry::Vacant(_));
            let new = news(slot, known.or_default(), &prefix, first);
            match writes.iter_mut().find(|(other, _)| *other == place) {
                Some((_, writes)) => writes.extend(new),
                None => writes.push((place, new)),
            }
        });
        for (place, writes) in writes.into_iter().filter(|(_, writes)| !writes.is_empty()) {
            let server = match place {
                None => self.beside.as_mut().map(|place| &mut place.server),
                Some(address) => Some(self.named.entry(address).or_insert_with_key(RedisCache::new)),
            };
            let written = server.map_or(Ok(()), |server| server.write(&writes));
            // As in IntelMQ this is nothing that a bot stops for.
            if let (Err(error), false) = (&written, self.failed) {
                let text = format!("Cannot write statistics: {error}");
                botnet.surroundings().logger.log(super::log::SELF, Level::Warning, &text);
            }
            self.failed = written.is_err();
        }
    }
}

/// Returns what has changed since the last time; all of it the first time.
fn news(slot: &Slot, known: &mut Known, prefix: &str, first: bool) -> Vec<CacheWrite> {
    let (received, _, failed, rounds) = slot.counters.totals();
    let runs = if slot.kind() == Kind::Collector { rounds } else { received };
    let (success, failure) = (runs.saturating_sub(failed), failed);
    let number = |name: &str, value: u64, ttl: Option<Duration>| {
        let key = format!("{prefix}{}.{name}", slot.id).into_bytes();
        (key, Some(value.to_string().into_bytes()), ttl)
    };
    let mut writes = Vec::new();
    if first || (success, failure) != (known.success, known.failure) {
        writes.push(number("stats.success", success, None));
        writes.push(number("stats.failure", failure, None));
        (known.success, known.failure) = (success, failure);
    }
    let sent = slot.counters.sent();
    for path in &slot.path_names {
        let total = sent.get(path).copied().unwrap_or_default();
        let before = known.sent.insert(path.clone(), total).unwrap_or_default();
        if first || total != before {
            writes.push(number(&format!("total.{path}"), total, None));
        }
        if total != before {
            writes.push(number(&format!("temporary.{path}"), total - before, Some(EVERY)));
        }
    }
    writes
}

/// Returns where the parameters of a bot say that its statistics go.
fn address(params: &Params) -> Option<CacheAddress> {
    let number = |name: &str| params.int(name).ok().flatten();
    Some(CacheAddress {
        host: params.text("statistics_host").ok().flatten()?,
        port: u16::try_from(number("statistics_port")?).ok()?,
        database: number("statistics_database")?,
        password: params.text("statistics_password").ok().flatten(),
    })
}
