//! Queues where the runtime file says they are: each bot may read from one broker and send to another.
//!
//! A bot that does so is a bridge. What it sends is stored first, then what it read is acknowledged together with its
//! memory: a crash between the two sends at most a batch twice, and loses nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{
    Broker, BrokerError, BrokerKind, Delivery, Depth, Hop, Link, Member, Settings, Side, SyncMode, Url,
    Wiring,
};
use crate::pipeline::{ParamError, Params};

/// Opens the brokers that a runtime file names, each once.
pub struct Routes {
    folder: PathBuf,
    sync: SyncMode,
    process: Member,
    open: Mutex<BTreeMap<Url, Arc<dyn Broker>>>,
}

/// One bot, as far as its queues go.
pub struct Party<'a> {
    /// How it is connected.
    pub wiring: Wiring,
    /// Its parameters.
    pub params: &'a Params,
}

/// Why the brokers of a runtime file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// A parameter of a bot.
    #[error("bot {bot:?}: {error}")]
    Parameter {
        /// The bot.
        bot: String,
        /// What is wrong.
        error: ParamError,
    },
    /// Reader and sender of a queue look at different servers.
    #[error("{sender} sends to the queue {queue:?} at {there}, but it is read at {here}")]
    Parted {
        /// Who sends.
        sender: String,
        /// The queue.
        queue: String,
        /// Where it is sent to.
        there: Box<Url>,
        /// Where it is read.
        here: Box<Url>,
    },
    /// A broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Where one bot reads and sends: indices of brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    source: usize,
    destination: usize,
}

impl Routes {
    /// Makes routes; nothing is opened yet. Brokers keep in `folder` what they keep on this side; see [`Settings`] for `process`.
    pub fn new(folder: PathBuf, sync: SyncMode, process: &Member) -> Self {
        Routes { folder, sync, process: process.clone(), open: Mutex::default() }
    }

    /// Returns one broker that is all those of some bots.
    pub fn connect(&self, parties: &[Party<'_>]) -> Result<Arc<dyn Broker>, RouteError> {
        let mut bridge = Bridge::default();
        let mut urls: Vec<Url> = Vec::new();
        for party in parties {
            let [source, destination] = [Side::source(party.params), Side::destination(party.params)];
            let mut place = |side: Side<'_>| {
                let bot = party.wiring.bot.clone();
                let (kind, url) = side.broker().map_err(|error| RouteError::Parameter { bot, error })?;
                if let Some(index) = urls.iter().position(|known| *known == url) {
                    return Ok::<_, RouteError>(index);
                }
                bridge.brokers.push(self.open(kind, &url)?);
                urls.push(url);
                Ok(urls.len() - 1)
            };
            // A side that is not used is where the other one is.
            let ends = match (&party.wiring.source, party.wiring.destinations.is_empty()) {
                (Some(_), false) => Ends { source: place(source)?, destination: place(destination)? },
                (Some(_), true) => place(source).map(|end| Ends { source: end, destination: end })?,
                (None, _) => place(destination).map(|end| Ends { source: end, destination: end })?,
            };
            if let Some(queue) = &party.wiring.source {
                bridge.queues.insert(queue.clone(), ends.source);
            }
            bridge.bots.insert(party.wiring.bot.clone(), ends);
        }
        for Party { wiring, .. } in parties {
            let there = bridge.bots[&wiring.bot].destination;
            for queue in &wiring.destinations {
                let here = *bridge.queues.entry(queue.clone()).or_insert(there);
                if here != there {
                    return Err(RouteError::Parted {
                        sender: wiring.bot.clone(),
                        queue: queue.clone(),
                        there: Box::new(urls[there].clone()),
                        here: Box::new(urls[here].clone()),
                    });
                }
            }
        }
        match &bridge.brokers[..] {
            [only] => Ok(Arc::clone(only)),
            _ => Ok(Arc::new(bridge)),
        }
    }

    fn open(&self, kind: &BrokerKind, url: &Url) -> Result<Arc<dyn Broker>, BrokerError> {
        let mut known = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = known.get(url) {
            return Ok(Arc::clone(broker));
        }
        let (folder, process) = (self.folder.clone(), self.process.clone());
        let broker = kind.opened(&Settings { url: url.clone(), folder, sync: self.sync, process })?;
        known.insert(url.clone(), Arc::clone(&broker));
        Ok(broker)
    }
}

/// Several brokers as one.
#[derive(Default)]
struct Bridge {
    brokers: Vec<Arc<dyn Broker>>,
    bots: HashMap<String, Ends>,
    queues: HashMap<String, usize>,
}

impl Bridge {
    fn place(&self, queue: &str) -> usize {
        self.queues.get(queue).copied().unwrap_or(0)
    }

    fn of_queue(&self, queue: &str) -> &dyn Broker {
        &*self.brokers[self.place(queue)]
    }

    /// Returns where a bot reads and sends; of one that is no bot its first queues tell.
    fn ends(&self, wiring: &Wiring) -> Ends {
        self.bots.get(&wiring.bot).copied().unwrap_or_else(|| {
            let source = wiring.source.as_ref().or(wiring.destinations.first());
            let destination = wiring.destinations.first().or(source);
            let place = |queue: Option<&String>| queue.map_or(0, |queue| self.place(queue));
            Ends { source: place(source), destination: place(destination) }
        })
    }
}

impl Broker for Bridge {
    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        let ends = self.ends(wiring);
        if ends.source == ends.destination {
            return self.brokers[ends.source].link(wiring);
        }
        let source = Wiring { destinations: Vec::new(), ..wiring.clone() };
        let sink = Wiring { source: None, ..wiring.clone() };
        Ok(Box::new(BridgeLink {
            source: self.brokers[ends.source].link(&source)?,
            sink: self.brokers[ends.destination].link(&sink)?,
        }))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.of_queue(queue).depth(queue)
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        self.of_queue(queue).peek(queue, max)
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        self.of_queue(queue).clear(queue)
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let mut names = Vec::new();
        for broker in &self.brokers {
            names.extend(broker.queues()?);
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn syncs(&self) -> bool {
        self.brokers.iter().any(|broker| broker.syncs())
    }

    fn hands_on(&self) -> bool {
        false
    }

    fn recalls_afar(&self) -> bool {
        self.brokers.iter().any(|broker| broker.recalls_afar())
    }

    fn interrupt(&self) {
        self.brokers.iter().for_each(|broker| broker.interrupt());
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        self.of_queue(queue).wait_for_room(queue, limit, wait)
    }
}

/// A bot that reads from one broker and sends to another.
struct BridgeLink {
    source: Box<dyn Link>,
    sink: Box<dyn Link>,
}

impl Link for BridgeLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.source.receive(max, wait)
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        let Hop { outgoing, acknowledge, state } = hop;
        if !outgoing.is_empty() {
            self.sink.commit(Hop { outgoing, ..Hop::default() })?;
        }
        self.source.commit(Hop { outgoing: Vec::new(), acknowledge, state })
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        self.source.release()
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.source.recall(bot, key)
    }

    fn recall_many(&mut self, bot: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BrokerError> {
        self.source.recall_many(bot, keys)
    }
}
