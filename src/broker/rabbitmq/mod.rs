//! RabbitMQ: IntelMQ's queues, and every hop stored once at least.
//!
//! A hop is published with confirms, then what bots remember is stored on this side, then what came in is acknowledged.
//! Whatever fails in between, nothing is lost; what was in flight may come twice (`docs/brokers.md`).

mod address;
mod intake;
mod kind;
mod link;
mod management;
mod memory;
mod publisher;
mod settled;
mod standalone;
#[cfg(test)]
mod tests;
mod wait;
mod wire;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lapin::Channel;
use lapin::options::{BasicGetOptions, QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};

use self::address::{Address, QueueKind};
use self::intake::Intake;
pub(super) use self::kind::KIND;
use self::link::RabbitLink;
use self::management::Management;
use self::memory::Memory;
use self::settled::Ids;
pub use self::standalone::{DEBIAN, PROGRAM, Standalone, USER};
use self::wait::{Signal, deadline};
use self::wire::{Engine, Wire, is_missing, is_other};
use super::{
    Broker, BrokerError, Delivery, Depth, Embedded, Guarantee, Hop, Link, Options, Outgoing, StateEntry,
    SyncMode, Url, Wiring,
};

/// How long a full queue is left alone before somebody looks whether another process has made room.
const LOOK: Duration = Duration::from_millis(100);

/// Queues at a RabbitMQ server.
pub(super) struct RabbitMq(Arc<Shared>);

/// What all links share. The order is that in which they are dropped: what uses a connection before the connection.
struct Shared {
    intakes: Mutex<HashMap<String, Arc<Intake>>>,
    control: Mutex<Option<Channel>>,
    incoming: Wire,
    outgoing: Wire,
    address: Arc<Address>,
    ids: Ids,
    memory: Memory,
    management: Management,
    interrupts: AtomicU64,
    /// Where links without a source wait.
    idle: Arc<Signal>,
    /// Rung when a queue may have become shorter.
    room: Signal,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RabbitMq {
    /// Makes a broker of a server, which need not be there yet; what bots remember is kept in a folder.
    fn new(address: Address, folder: PathBuf, sync: SyncMode) -> Result<RabbitMq, BrokerError> {
        crate::tls::install();
        let engine = Engine::start().map_err(|error| BrokerError::Unavailable {
            broker: address.to_string(),
            problem: format!("cannot start a thread: {error}"),
        })?;
        let (address, engine) = (Arc::new(address), Arc::new(engine));
        Ok(RabbitMq(Arc::new(Shared {
            intakes: Mutex::default(),
            control: Mutex::default(),
            incoming: Wire::new(Arc::clone(&address), Arc::clone(&engine), "reads"),
            outgoing: Wire::new(Arc::clone(&address), engine, "sends"),
            management: Management::new(Arc::clone(&address)),
            address,
            ids: Ids::new(),
            memory: Memory::new(folder, sync),
            interrupts: AtomicU64::new(0),
            idle: Arc::default(),
            room: Signal::default(),
        })))
    }
}

impl Shared {
    fn interrupts(&self) -> u64 {
        self.interrupts.load(Ordering::SeqCst)
    }

    /// Asks the server something; the inner error is its refusal.
    fn control<T, F: Future<Output = lapin::Result<T>>>(
        &self,
        question: impl FnOnce(Channel) -> F,
    ) -> Result<Result<T, lapin::Error>, BrokerError> {
        let mut control = lock(&self.control);
        let channel = match control.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => self.incoming.channel()?,
        };
        let answer = wait::answer(question(channel.clone()), deadline(wire::ANSWER));
        match answer {
            Some(Ok(answer)) => {
                *control = Some(channel);
                Ok(Ok(answer))
            }
            // The server has closed the channel.
            Some(Err(error)) if error.is_amqp_soft_error() => Ok(Err(error)),
            Some(Err(error)) => Err(self.incoming.trouble(&error)),
            None => Err(self.incoming.unavailable("it does not answer")),
        }
    }

    /// Returns how many messages lie ready at the server, and how many consumers there are; `None` for an unknown queue.
    fn ready(&self, queue: &str) -> Result<Option<(u64, u32)>, BrokerError> {
        let name = self.incoming.queue(queue)?;
        match self.control(async |channel| declare(&channel, name, None).await)? {
            Ok(queue) => Ok(Some((queue.message_count().into(), queue.consumer_count()))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.incoming.trouble(&error)),
        }
    }

    /// Makes a queue, unless there is one, and notes its name.
    fn declare(&self, queue: &str) -> Result<(), BrokerError> {
        self.memory.note_queue(queue)?;
        if !self.address.exchange.is_empty() {
            return match self.ready(queue)? {
                Some(_) => Ok(()),
                None => Err(self.incoming.refused(format!(
                    "there is no queue {queue:?}; with an exchange of its own queues are not made: make it, and bind it to \
                     {:?} with its name as routing key",
                    self.address.exchange
                ))),
            };
        }
        let (name, properties) = (self.incoming.queue(queue)?, self.address.queues.properties());
        match self.control(async |channel| declare(&channel, name, Some(properties)).await)? {
            Ok(_) => Ok(()),
            // It is there with other properties, which is as good.
            Err(error) if is_other(&error) && self.ready(queue)?.is_some() => Ok(()),
            Err(error) => Err(self.incoming.trouble(&error)),
        }
    }

    /// Makes the queues of a bot.
    fn prepare(&self, wiring: &Wiring) -> Result<(), BrokerError> {
        wiring.source.iter().chain(&wiring.destinations).try_for_each(|queue| self.declare(queue))
    }

    fn intake(&self, queue: &str) -> Option<Arc<Intake>> {
        lock(&self.intakes).get(queue).cloned()
    }

    fn make_intake(&self, queue: &str) -> Result<Arc<Intake>, BrokerError> {
        let name = self.incoming.queue(queue)?;
        let mut intakes = lock(&self.intakes);
        if let Some(intake) = intakes.get(queue) {
            return Ok(Arc::clone(intake));
        }
        let intake = Arc::new(Intake::new(queue, name, self.memory.all_finished(queue)?));
        intakes.insert(queue.to_owned(), Arc::clone(&intake));
        Ok(intake)
    }

    /// Counts a queue: at the server, here, in flight here.
    fn count(&self, queue: &str) -> Result<([u64; 3], u32), BrokerError> {
        if let Some(intake) = self.intake(queue)
            && let Some(counts) = intake.count(&self.incoming)?
        {
            let consumers = self.ready(queue)?.map_or(0, |(_, consumers)| consumers);
            return Ok((counts, consumers.saturating_sub(1)));
        }
        let (ready, consumers) = self.ready(queue)?.unwrap_or_default();
        Ok(([ready, 0, 0], consumers))
    }

    /// Returns messages that lie at the server, and leaves them there.
    fn look_at(&self, name: &ShortString, count: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        let channel = self.incoming.channel()?;
        let looking = async {
            let mut bodies = Vec::new();
            while bodies.len() < count {
                let Some(message) = channel.basic_get(name.clone(), BasicGetOptions::default()).await? else {
                    break;
                };
                bodies.push(message.delivery.data);
            }
            // With its channel closed they return to their places.
            channel.close(200, "done".into()).await?;
            Ok(bodies)
        };
        self.incoming.ask(looking)
    }
}

async fn declare(
    channel: &Channel,
    name: ShortString,
    arguments: Option<FieldTable>,
) -> lapin::Result<lapin::Queue> {
    let passive = arguments.is_none();
    let options = QueueDeclareOptions { passive, durable: !passive, ..QueueDeclareOptions::default() };
    channel.queue_declare(name, options, arguments.unwrap_or_default()).await
}

impl QueueKind {
    /// Returns the properties that queues are made with.
    fn properties(self) -> FieldTable {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let properties = match self {
            QueueKind::Classic => vec![("x-queue-mode", text("lazy"))],
            // Newer servers throw a message away that was given back twenty times, unless they are told of another number.
            QueueKind::Quorum => {
                vec![
                    ("x-queue-type", text("quorum")),
                    ("x-delivery-limit", AMQPValue::LongInt(1_000_000_000)),
                ]
            }
        };
        let mut table = FieldTable::default();
        for (name, value) in properties {
            table.insert(name.into(), value);
        }
        table
    }
}

impl Broker for RabbitMq {
    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn syncs(&self) -> bool {
        self.0.memory.syncs()
    }

    fn link(&self, wiring: &Wiring) -> Result<Box<dyn Link>, BrokerError> {
        self.0.prepare(wiring)?;
        let source = match &wiring.source {
            Some(queue) => Some((self.0.make_intake(queue)?, queue.clone())),
            None => None,
        };
        Ok(Box::new(RabbitLink::new(Arc::clone(&self.0), source)))
    }

    fn depth(&self, queue: &str) -> Result<Depth, BrokerError> {
        let ([ready, waiting, held], others) = self.0.count(queue)?;
        let elsewhere =
            if others > 0 { self.0.management.unacknowledged(&self.0.incoming.queue(queue)?) } else { None };
        let elsewhere = elsewhere.map_or(0, |all| all.saturating_sub(waiting + held));
        Ok(Depth { waiting: ready + waiting, in_flight: held + elsewhere })
    }

    fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BrokerError> {
        let ([ready, ..], _) = self.0.count(queue)?;
        let mut bodies = self.0.intake(queue).map(|intake| intake.bodies(max)).unwrap_or_default();
        let more = max.saturating_sub(bodies.len()).min(usize::try_from(ready).unwrap_or(usize::MAX));
        if more > 0 {
            bodies.extend(self.0.look_at(&self.0.incoming.queue(queue)?, more)?);
        }
        Ok(bodies)
    }

    fn clear(&self, queue: &str) -> Result<u64, BrokerError> {
        let name = self.0.incoming.queue(queue)?;
        let purged =
            self.0.control(async |channel| channel.queue_purge(name, QueuePurgeOptions::default()).await)?;
        let purged = match purged {
            Ok(count) => u64::from(count),
            Err(error) if is_missing(&error) => return Ok(0),
            Err(error) => return Err(self.0.incoming.trouble(&error)),
        };
        let here = self.0.intake(queue).map_or(Ok(0), |intake| intake.clear(&self.0.incoming))?;
        self.0.room.ring();
        Ok(purged + here)
    }

    fn queues(&self) -> Result<Vec<String>, BrokerError> {
        let mut full = Vec::new();
        for queue in self.0.memory.queues()? {
            if self.depth(&queue)?.total() > 0 {
                full.push(queue);
            }
        }
        Ok(full)
    }

    fn interrupt(&self) {
        self.0.interrupts.fetch_add(1, Ordering::SeqCst);
        for intake in lock(&self.0.intakes).values() {
            intake.signal.ring();
        }
        self.0.idle.ring();
        self.0.room.ring();
    }

    fn wait_for_room(&self, queue: &str, limit: u64, wait: Duration) -> Result<bool, BrokerError> {
        let end = deadline(wait);
        let interrupts = self.0.interrupts();
        loop {
            let seen = self.0.room.count();
            let ([ready, waiting, held], _) = self.0.count(queue)?;
            let room = ready + waiting + held < limit;
            if room || self.0.interrupts() != interrupts || Instant::now() >= end {
                return Ok(room);
            }
            self.0.room.wait(seen, end.min(deadline(LOOK)));
        }
    }
}
