//! One instance of a bot at work: a thread that receives, lets the bot work, and commits, until it is told to stop.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::hop::{BATCH, Hop, Input, Served, Trouble, guarded};
use super::net::{LOOK, Net};
use super::outbox;
use super::resume::Resume;
use super::slot::{Core, Slot};
use super::switch::Woken;
use crate::bots::{Bot, Failure, Level};
use crate::broker::{BrokerError, Delivery, Link, RedisCache};
use crate::message::{Message, unpacked};
use crate::pipeline::Kind;

/// The rest before a broker that failed is asked again; doubled up to [`LOOK`].
const BROKER_REST: Duration = Duration::from_millis(100);

/// One instance of one bot.
pub(super) struct Worker {
    pub(super) net: Arc<Net>,
    pub(super) index: usize,
    pub(super) instance: usize,
}

/// Whether a worker goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    /// It ends: it was told to, failed, or had one run to do.
    End,
}

/// What came of trying one message again and again.
enum Outcome {
    Done,
    /// All retries are used up, or none would help.
    GivenUp(String),
    /// The worker ends; the message stays in its queue.
    End,
}

impl Worker {
    /// Works until it is told to stop, or cannot go on.
    pub(super) fn run(&self) {
        if let Err(panic) = guarded(|| {
            self.work();
            Ok(())
        }) {
            self.slot().fail(&self.net, &format!("The bot stops: {panic}"));
        }
        *self.slot().core(self.instance) = Core::default();
        self.slot().life.ended();
        self.log(Level::Info, "Bot stopped.");
        self.net.activity.bump();
    }

    fn work(&self) {
        let Some(mut link) = self.connect() else { return };
        if !self.make_bot() {
            return;
        }
        self.log(Level::Info, "Bot initialization completed.");
        self.slot().life.came_up();
        self.net.activity.bump();
        let mut rest = BROKER_REST;
        loop {
            match self.turn(link.as_mut()) {
                Ok(Next::Go) => rest = BROKER_REST,
                Ok(Next::End) => break,
                Err(error) => {
                    self.note(&error.to_string());
                    let _ = link.release();
                    if self.slot().switch.pause(rest) == Woken::Stop {
                        break;
                    }
                    rest = (rest * 2).min(LOOK);
                }
            }
        }
        if self.slot().kind() == Kind::Collector {
            self.last_portion(link.as_mut());
        }
    }

    /// Has a collector hand on what it took from a source that does not give it again, also into a queue that is full.
    fn last_portion(&self, link: &mut dyn Link) {
        let slot = self.slot();
        let mut core = slot.core(self.instance);
        let nobody = HashSet::new();
        loop {
            let left = if let Some(Bot::Collector(bot)) = &mut core.bot { bot.close() } else { false };
            if !left {
                return;
            }
            let mut hop = Hop::new(&self.net, self.index, &nobody);
            let done = hop.collect(&mut core, link, true).and_then(|_| hop.commit(&mut core, link, 0));
            match (done, &mut core.bot) {
                (Ok(()), Some(Bot::Collector(bot))) => bot.stored(),
                (Err(Trouble::Broker(error)), _) => return self.note(&error.to_string()),
                (Err(Trouble::Head(failure)), _) => return self.note(&failure.to_string()),
                _ => return,
            }
        }
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.net.slots[self.index]
    }

    pub(super) fn log(&self, level: Level, text: &str) {
        self.net.log(self.slot(), level, text);
    }

    pub(super) fn note(&self, error: &str) {
        self.slot().counters.note_error(error);
        self.log(Level::Error, error);
    }

    /// Connects to the broker, and brings into the dump file what an earlier process left for it.
    fn connect(&self) -> Option<Box<dyn Link>> {
        let mut rest = BROKER_REST;
        loop {
            let linked = self.net.broker.link(&self.net.wiring(self.index)).and_then(|mut link| {
                outbox::recover(&self.net, self.slot(), link.as_mut())?;
                Ok(link)
            });
            match linked {
                Ok(link) => return self.slot().is_healthy().then_some(link),
                Err(error @ BrokerError::Refused { .. }) => {
                    self.slot().fail(&self.net, &error.to_string());
                    return None;
                }
                Err(error) => self.note(&error.to_string()),
            }
            if self.slot().switch.pause(rest) == Woken::Stop {
                return None;
            }
            rest = (rest * 2).min(LOOK);
        }
    }

    /// Makes the bot anew; a bot that refuses its parameters fails.
    pub(super) fn make_bot(&self) -> bool {
        let slot = self.slot();
        match (slot.spec.make)(&slot.params, &slot.site) {
            Ok(bot) => {
                let mut core = slot.core(self.instance);
                core.bot = Some(bot);
                core.cache = slot.rules.cache.as_ref().map(RedisCache::new);
                true
            }
            Err(failure) => {
                slot.fail(&self.net, &format!("Bot initialization failed: {failure}"));
                self.net.activity.bump();
                false
            }
        }
    }

    /// Returns the core with a bot in it, made anew if need be; `None` if it cannot be made.
    pub(super) fn ready_core(&self) -> Option<MutexGuard<'_, Core>> {
        loop {
            let core = self.slot().core(self.instance);
            if core.bot.is_some() {
                return Some(core);
            }
            drop(core);
            if !self.make_bot() {
                return None;
            }
        }
    }

    fn turn(&self, link: &mut dyn Link) -> Result<Next, BrokerError> {
        let slot = self.slot();
        outbox::recover(&self.net, slot, link)?;
        if slot.kind() == Kind::Collector {
            return match slot.switch.rest() {
                Woken::Stop => Ok(Next::End),
                woken => self.round(link, woken == Woken::Rung),
            };
        }
        if self.net.wait_for_room(self.index)? == Woken::Stop {
            return Ok(Next::End);
        }
        let single = slot.rules.scheduled || !slot.rules.rate_limit.is_zero() || slot.kind() == Kind::Parser;
        let deliveries = link.receive(if single { 1 } else { BATCH }, LOOK)?;
        if deliveries.is_empty() {
            return Ok(if slot.switch.stopping() { Next::End } else { Next::Go });
        }
        let next = if slot.kind() == Kind::Parser {
            self.report(link, &deliveries[0])?
        } else {
            self.batch(link, &deliveries)?
        };
        if next == Next::Go && slot.rules.scheduled {
            slot.life.finish();
            return Ok(Next::End);
        }
        if next == Next::Go && slot.switch.pause(slot.rules.rate_limit) == Woken::Stop {
            return Ok(Next::End);
        }
        Ok(next)
    }

    /// Lets a parser work on one report until it is finished or given up.
    fn report(&self, link: &mut dyn Link, delivery: &Delivery) -> Result<Next, BrokerError> {
        let slot = self.slot();
        let report = match Message::from_wire(&slot.site.idf, &delivery.body, None) {
            Ok(report) => report,
            Err(error) => {
                let input = Input::Unreadable(unpacked(delivery.body.clone()), error.to_string());
                return self.give_up(link, input, "", None);
            }
        };
        let resume = Resume::claim(slot, link, &report)?;
        let mut failures = 0;
        let mut excluded = HashSet::new();
        loop {
            if self.net.wait_for_room(self.index)? == Woken::Stop {
                return Ok(Next::End);
            }
            let mut core = slot.core(self.instance);
            let mut hop = Hop::new(&self.net, self.index, &excluded);
            let parsed = hop.parse(&mut core, link, &report, &resume).and_then(|done| {
                hop.hand_on(link)?;
                hop.commit(&mut core, link, usize::from(done)).map(|()| done)
            });
            drop(core);
            match parsed {
                Ok(true) => return Ok(Next::Go),
                Ok(false) => {
                    failures = 0;
                    excluded.clear();
                }
                Err(Trouble::Broker(error)) => return Err(error),
                Err(Trouble::Helper(index)) => drop(excluded.insert(index)),
                Err(Trouble::Head(failure)) => match self.after_failure(&failure, failures) {
                    Some(Next::End) => return Ok(Next::End),
                    Some(Next::Go) => failures += 1,
                    None => {
                        let input = Input::Message(report);
                        return self.finish_failed(link, input, &failure.to_string(), Some(&resume));
                    }
                },
            }
        }
    }

    /// Lets an expert or an output work on a batch.
    fn batch(&self, link: &mut dyn Link, deliveries: &[Delivery]) -> Result<Next, BrokerError> {
        let mut rest = deliveries;
        while !rest.is_empty() {
            if self.slot().switch.stopping() {
                return Ok(Next::End);
            }
            let served = self.attempt(link, rest)?;
            rest = &rest[served.finished..];
            let Some(failure) = served.failure else { continue };
            let Some(failed) = rest.first() else { continue };
            match self.retry(link, failed, &failure)? {
                Outcome::Done => {}
                Outcome::GivenUp(error) => {
                    let input = read(&self.slot().site.idf, failed);
                    if self.finish_failed(link, input, &error, None)? == Next::End {
                        return Ok(Next::End);
                    }
                }
                Outcome::End => return Ok(Next::End),
            }
            rest = &rest[1..];
        }
        Ok(Next::Go)
    }

    /// Tries one message again, as often as the bot's parameters say.
    fn retry(
        &self,
        link: &mut dyn Link,
        delivery: &Delivery,
        failure: &Failure,
    ) -> Result<Outcome, BrokerError> {
        let mut failure = failure.clone();
        let mut failures = 0;
        loop {
            match self.after_failure(&failure, failures) {
                Some(Next::End) => return Ok(Outcome::End),
                Some(Next::Go) => failures += 1,
                None => return Ok(Outcome::GivenUp(failure.to_string())),
            }
            let served = self.attempt(link, std::slice::from_ref(delivery))?;
            match served.failure {
                None if served.finished == 0 => return Ok(Outcome::End),
                None => return Ok(Outcome::Done),
                Some(again) => failure = again,
            }
        }
    }

    /// Does one hop over as many messages as it takes; without the bots further down that failed.
    fn attempt(&self, link: &mut dyn Link, deliveries: &[Delivery]) -> Result<Served, BrokerError> {
        let slot = self.slot();
        let mut excluded = HashSet::new();
        loop {
            // Without a bot the slot has failed, and the worker ends.
            let Some(mut core) = self.ready_core() else { return Ok(Served { finished: 0, failure: None }) };
            let mut hop = Hop::new(&self.net, self.index, &excluded);
            let mut inputs = deliveries.iter().map(|delivery| read(&slot.site.idf, delivery));
            let served = hop.serve(&mut core, link, &mut || inputs.next());
            if matches!(served.failure, Some(Failure::Panicked(_))) {
                // What a panic left behind is not to be trusted, also if this hop has to be done again.
                core.bot = None;
            }
            let done = if served.finished > 0 {
                hop.hand_on(link).and_then(|()| hop.commit(&mut core, link, served.finished))
            } else {
                drop(hop);
                Ok(())
            };
            match done {
                Ok(()) => return Ok(served),
                Err(Trouble::Broker(error)) => return Err(error),
                Err(Trouble::Helper(index)) => drop(excluded.insert(index)),
                Err(Trouble::Head(failure)) => return Ok(Served { finished: 0, failure: Some(failure) }),
            }
        }
    }
}

fn read(idf: &Arc<crate::message::Idf>, delivery: &Delivery) -> Input {
    match Message::from_wire(idf, &delivery.body, None) {
        Ok(message) => Input::Message(message),
        Err(error) => Input::Unreadable(unpacked(delivery.body.clone()), error.to_string()),
    }
}
