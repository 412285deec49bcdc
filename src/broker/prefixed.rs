//! A broker on which all names begin with a prefix, so that several botnets share a server and none sees the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Broker, BrokerError, Delivery, Depth, Hop, Link, Statistics, Wiring};

/// A broker with a prefix.
pub(super) struct Prefixed {
    inner: Arc<dyn Broker>,
    prefix: Arc<str>,
}

impl Prefixed {
    /// Puts a prefix before all names.
    pub(super) fn new(inner: Arc<dyn Broker>, prefix: &str) -> Self {
        Prefixed { inner, prefix: prefix.into() }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Broker for Prefixed {
    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        let wiring = Wiring {
            bot: self.name(&wiring.bot),
            source: wiring.source.as_deref().map(|queue| self.name(queue)),
            destinations: wiring.destinations.iter().map(|queue| self.name(queue)).collect(),
        };
        let inner = self.inner.link(&wiring)?;
        Ok(Box::new(PrefixedLink {
            inner,
            names: Names { prefix: self.prefix.clone(), known: HashMap::new() },
        }))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        self.inner.depth(&self.name(queue))
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        self.inner.peek(&self.name(queue), max)
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        self.inner.clear(&self.name(queue))
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let names = self.inner.queues()?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(&*self.prefix)).map(str::to_owned).collect())
    }

    fn syncs(&self) -> bool {
        self.inner.syncs()
    }

    fn hands_on(&self) -> bool {
        self.inner.hands_on()
    }

    fn packs(&self) -> bool {
        self.inner.packs()
    }

    fn recalls_afar(&self) -> bool {
        self.inner.recalls_afar()
    }

    fn erase(&self, prefix: &str) -> Result<(), BrokerError> {
        self.inner.erase(&self.name(prefix))
    }

    fn statistics(&self) -> Option<Statistics> {
        let Statistics { server, prefix } = self.inner.statistics()?;
        Some(Statistics { server, prefix: prefix + &self.prefix })
    }

    fn interrupt(&self) {
        self.inner.interrupt();
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        self.inner.wait_for_room(&self.name(queue), limit, wait)
    }
}

/// Names with their prefix, each made once.
struct Names {
    prefix: Arc<str>,
    known: HashMap<Arc<str>, Arc<str>>,
}

impl Names {
    fn of(&mut self, name: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let full: Arc<str> = format!("{}{name}", self.prefix).into();
        self.known.insert(name.clone(), full.clone());
        full
    }
}

struct PrefixedLink {
    inner: Box<dyn Link>,
    names: Names,
}

impl Link for PrefixedLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.inner.receive(max, wait)
    }

    fn commit(&mut self, mut hop: Hop) -> Result<(), BrokerError> {
        for outgoing in &mut hop.outgoing {
            outgoing.queue = self.names.of(&outgoing.queue);
        }
        for entry in &mut hop.state {
            entry.bot = self.names.of(&entry.bot);
        }
        self.inner.commit(hop)
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        self.inner.release()
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        let bot = self.names.of(&bot.into());
        self.inner.recall(&bot, key)
    }

    fn recall_many(&mut self, bot: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BrokerError> {
        let bot = self.names.of(&bot.into());
        self.inner.recall_many(&bot, keys)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::broker::contract::contract;
    use crate::broker::{Embedded, Options, Outgoing};

    #[expect(clippy::unnecessary_wraps, reason = "other brokers of the contract may be missing on a machine")]
    fn open(folder: &Path) -> Option<Box<dyn Broker>> {
        let inner = Embedded::open(&folder.join("queues"), Options::default()).unwrap();
        Some(Box::new(Prefixed::new(Arc::new(inner), "lab.")))
    }

    contract!(open);

    #[test]
    fn what_is_of_others_is_neither_seen_nor_erased() {
        let folder = tempfile::tempdir().unwrap();
        let inner: Arc<dyn Broker> = Arc::new(Embedded::open(folder.path(), Options::default()).unwrap());
        let [mine, other] = ["mine.", "other."].map(|prefix| Prefixed::new(inner.clone(), prefix));
        for broker in [&mine as &dyn Broker, &other, &*inner] {
            let wiring = Wiring { bot: "bot".into(), source: None, destinations: vec!["queue".into()] };
            let outgoing = vec![Outgoing { queue: "queue".into(), body: b"1".to_vec() }];
            broker.link(&wiring).unwrap().commit(Hop { outgoing, ..Hop::default() }).unwrap();
        }
        assert_eq!(mine.queues().unwrap(), ["queue"]);
        assert_eq!(inner.queues().unwrap(), ["mine.queue", "other.queue", "queue"]);
        mine.erase("").unwrap();
        assert_eq!(inner.queues().unwrap(), ["other.queue", "queue"]);
    }
}
