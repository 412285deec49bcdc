//! Queues on a Redis server, in the layout of IntelMQ, so that its bots and ours share a botnet.
//!
//! A queue is a list: new messages come in on its left. What was received and is not acknowledged lies in the list
//! `NAME-internal`, where IntelMQ's bots and tools look for it. What bots remember, and who has which part of that list,
//! stands in another database of the same server. A hop is one script: all of it happens, or nothing.

mod erase;
mod kind;
mod link;
mod parcel;
mod script;
mod server;
mod shared;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Connection, RedisError};

pub(super) use self::kind::KIND;
use self::link::RedisLink;
use self::script::{CLEAR, DEPTH};
use self::server::Server;
use self::shared::Shared;
use super::{Broker, BrokerError, Depth, Link, Statistics, Url, Wiring};

/// What is added to a queue's name for what was received from it.
const INTERNAL: &str = "-internal";
/// The longest rest between two looks whether a queue has room: whoever makes it may be another process.
const LOOK: Duration = Duration::from_millis(50);

/// Queues on a Redis server.
pub(super) struct Redis(Arc<Shared>);

impl Redis {
    /// Takes an address; the server need not be there yet.
    pub(super) fn open(url: &Url) -> Result<Redis, BrokerError> {
        let server = Server::new(url)?;
        let mut bytes = [0; 8];
        let random = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
        random.map_err(|error| server.unavailable(format!("/dev/urandom: {error}")))?;
        let process = format!("{:016x}", u64::from_ne_bytes(bytes));
        Ok(Redis(Arc::new(Shared::new(server, process))))
    }
}

impl Broker for Redis {
    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        let link = RedisLink::open(Arc::clone(&self.0), &wiring.bot, wiring.source.as_deref())?;
        Ok(Box::new(link))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        let call = self.0.call(&DEPTH, queue, "");
        let (waiting, in_flight) = self.0.control(|connection| {
            redis::from_redis_value(DEPTH.run(&call, connection)?).map_err(Into::into)
        })?;
        Ok(Depth { waiting, in_flight })
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        let Some(from) = i64::try_from(max).map_or(Some(i64::MIN + 1), |max| (max > 0).then_some(-max))
        else {
            return Ok(Vec::new());
        };
        let Server { queues, beside, base, .. } = &self.0.server;
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("SELECT").arg(*beside).ignore();
        pipe.cmd("GET").arg(format!("{base}owners:{queue}"));
        pipe.cmd("SELECT").arg(*queues).ignore();
        pipe.cmd("LRANGE").arg(format!("{queue}{INTERNAL}")).arg(0).arg(-1);
        pipe.cmd("LRANGE").arg(queue).arg(from).arg(-1);
        let (owners, received, waiting): (Option<String>, Vec<Vec<u8>>, Vec<Vec<u8>>) =
            self.0.control(|connection| pipe.query(connection))?;
        let (in_flight, given_back) = part(received, &owners.unwrap_or_default());
        let waiting = given_back.into_iter().chain(waiting.into_iter().rev());
        Ok(in_flight.into_iter().chain(waiting).take(max).collect())
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        let mut call = self.0.call(&CLEAR, queue, "");
        call.arg(&self.0.process);
        self.0
            .control(|connection| redis::from_redis_value(CLEAR.run(&call, connection)?).map_err(Into::into))
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let keys = self.0.control(|connection| scan(connection, Some("list")))?;
        let own = |key: &Vec<u8>| !key.starts_with(self.0.server.base.as_bytes());
        let name = |key: Vec<u8>| {
            let mut name = String::from_utf8_lossy(&key).into_owned();
            if name.ends_with(INTERNAL) {
                name.truncate(name.len() - INTERNAL.len());
            }
            name
        };
        let mut names: Vec<String> = keys.into_iter().filter(own).map(name).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn recalls_afar(&self) -> bool {
        true
    }

    fn erase(&self, prefix: &str) -> Result<(), BrokerError> {
        erase::erase(&self.0, prefix)
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(Statistics { server: self.0.server.statistics(), prefix: String::new() })
    }

    fn interrupt(&self) {
        self.0.interrupt();
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        let begin = Instant::now();
        let interrupts = self.0.interrupts();
        let mut rest = Duration::from_millis(1);
        loop {
            let room = self.depth(queue)?.total() < limit;
            let left = wait.saturating_sub(begin.elapsed());
            if room || left.is_zero() || self.0.interrupts() != interrupts {
                return Ok(room);
            }
            self.0.rest(rest.min(left));
            rest = (rest * 2).min(LOOK);
        }
    }
}

/// Parts what was received into what is in flight and what nobody has any more, each the oldest first.
fn part(received: Vec<Vec<u8>>, owners: &str) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let parts = owners.split(';').filter_map(|part| part.split_once('='));
    let each =
        parts.flat_map(|(who, count)| std::iter::repeat_n(who.is_empty(), count.parse().unwrap_or_default()));
    let mut free = each.chain(std::iter::repeat(false));
    let (mut in_flight, mut given_back) = (Vec::new(), Vec::new());
    for body in received.into_iter().rev() {
        if free.next() == Some(true) { given_back.push(body) } else { in_flight.push(body) }
    }
    (in_flight, given_back)
}

/// Returns the keys of a database, of one type or all.
fn scan(connection: &mut Connection, kind: Option<&str>) -> Result<Vec<Vec<u8>>, RedisError> {
    let mut names = Vec::new();
    let mut place = "0".to_owned();
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(&place).arg("COUNT").arg(1000);
        if let Some(kind) = kind {
            scan.arg("TYPE").arg(kind);
        }
        let (next, found): (String, Vec<Vec<u8>>) = scan.query(connection)?;
        names.extend(found);
        if next == "0" {
            return Ok(names);
        }
        place = next;
    }
}
