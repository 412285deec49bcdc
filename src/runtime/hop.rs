//! One hop: a bot works on a batch, the bots after it take what it sends straight on where they can, and everything that all
//! of them did is committed together, or not at all. A bot is handed messages straight only if it is one instance that runs,
//! rests, and whose queue is empty. If it fails there the whole hop is done again without it: the message then goes through
//! its queue, so that failures, retries and dumps happen in one place only, the worker that owns the queue.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, MutexGuard};

use super::control::BotState;
use super::journal;
use super::ledger::{Ledger, Share};
use super::net::Net;
use super::recall::Recall;
use super::resume::Resume;
use super::slot::{Core, Slot};
use crate::bots::{Bell, Bot, Context, Failure, Note, Progress, Reach, Round, StateWrite};
use crate::broker::{BrokerError, Link, Outgoing};
use crate::message::Message;
use crate::pipeline::Kind;

/// How many messages a hop takes or makes, at most a little more.
pub(super) const BATCH: usize = 500;

/// One hop in the making.
pub(super) struct Hop<'n> {
    net: &'n Net,
    head: usize,
    /// Bots that must get their messages through the queue this time.
    excluded: &'n HashSet<usize>,
    /// The queue that was sent to last, and its reader.
    last: Option<(Arc<str>, Option<usize>)>,
    /// What waits to be handed straight on, by bot.
    inputs: Vec<Vec<Message>>,
    /// Who takes part beside the head; held until everything is committed.
    pub(super) helpers: Vec<(usize, MutexGuard<'n, Core>)>,
    pub(super) ledger: Ledger,
}

/// One message for a bot.
pub(super) enum Input {
    /// It can be read.
    Message(Message),
    /// It cannot be read, and why; it goes to the dump.
    Unreadable(Vec<u8>, String),
}

/// Why a hop did not happen.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A bot further down failed: the hop is to be done again without it.
    Helper(usize),
    /// The bot at the head failed.
    Head(Failure),
    /// The broker failed.
    Broker(BrokerError),
}

impl From<BrokerError> for Trouble {
    fn from(error: BrokerError) -> Self {
        Trouble::Broker(error)
    }
}

/// How far the head of a hop came.
pub(super) struct Served {
    /// Messages that are finished.
    pub(super) finished: usize,
    /// Why it stopped before the end.
    pub(super) failure: Option<Failure>,
}

impl<'n> Hop<'n> {
    pub(super) fn new(net: &'n Net, head: usize, excluded: &'n HashSet<usize>) -> Self {
        let inputs = net.slots.iter().map(|_| Vec::new()).collect();
        Hop { net, head, excluded, last: None, inputs, helpers: Vec::new(), ledger: Ledger::default() }
    }

    pub(super) fn net(&self) -> &'n Net {
        self.net
    }

    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// Lets the bot at the head do one portion of a collector's round.
    pub(super) fn collect(
        &mut self,
        core: &mut Core,
        link: &mut dyn Link,
        rung: bool,
    ) -> Result<Round, Trouble> {
        let slot = &self.net.slots[self.head];
        let Core { bot: Some(Bot::Collector(bot)), cache, .. } = core else {
            return Err(Trouble::Head(missing()));
        };
        let mut memory = Recall::new(link, &slot.id, cache.as_mut());
        let mut context = Context::new(&slot.site, &slot.path_names, &mut memory, BATCH);
        let switch = slot.switch.clone();
        context.set_bell(Bell::new(move || switch.ring()), rung);
        let round = guarded(|| bot.collect(&mut context));
        let effects = context.finish();
        let round = round.map_err(|failure| {
            for note in &effects.notes {
                if let Note::Log(level, text) = note {
                    self.net.log(slot, *level, text);
                }
            }
            Trouble::Head(failure)
        })?;
        let mut share = Share::new(self.head, slot);
        if self.keeps_journal() && !effects.sent.is_empty() {
            share.note_work(slot, None, &effects);
        }
        self.absorb(share, effects);
        Ok(round)
    }

    /// Lets the parser at the head work on a report; tells whether the report is finished.
    pub(super) fn parse(
        &mut self,
        core: &mut Core,
        link: &mut dyn Link,
        report: &Message,
        resume: &Resume,
    ) -> Result<bool, Trouble> {
        let slot = &self.net.slots[self.head];
        let from = resume.position(link)?;
        let mut memory = Recall::new(link, &slot.id, None);
        let mut context = Context::new(&slot.site, &slot.path_names, &mut memory, BATCH);
        let Some(Bot::Parser(bot)) = &mut core.bot else { return Err(Trouble::Head(missing())) };
        let progress = guarded(|| bot.parse(report, from, &mut context)).map_err(Trouble::Head)?;
        match progress {
            Progress::Done if from > 0 => context.forget(resume.key()),
            Progress::Done => {}
            Progress::More(position) => context.remember(resume.key(), position.to_le_bytes(), None),
        }
        let effects = context.finish();
        let mut share = Share::new(self.head, slot);
        if self.keeps_journal() {
            share.note_work(slot, Some(report), &effects);
        }
        self.absorb(share, effects);
        Ok(progress == Progress::Done)
    }

    /// Forgets how far the parser came in a report that is given up.
    pub(super) fn forget_progress(&mut self, resume: &Resume) {
        let slot = &self.net.slots[self.head];
        self.ledger.remember(slot, vec![StateWrite { key: resume.key().to_vec(), value: None, ttl: None }]);
    }

    /// Lets the expert or output at the head work on messages until one fails or the batch is full.
    pub(super) fn serve(
        &mut self,
        core: &mut Core,
        link: &mut dyn Link,
        next: &mut dyn FnMut() -> Option<Input>,
    ) -> Served {
        self.work(self.head, core, link, next, BATCH)
    }

    /// Hands on what was sent: straight to bots that can take it, else to their queues.
    pub(super) fn hand_on(&mut self, link: &mut dyn Link) -> Result<(), Trouble> {
        for index in self.head + 1..self.net.slots.len() {
            if self.inputs[index].is_empty() {
                continue;
            }
            let messages = std::mem::take(&mut self.inputs[index]);
            let Some(mut core) = self.helper(index)?.filter(|core| core.bot.is_some()) else {
                self.enqueue(index, &messages);
                continue;
            };
            let mut messages = messages.into_iter();
            let mut next = || messages.next().map(Input::Message);
            let served = self.work(index, &mut core, link, &mut next, usize::MAX);
            if let Some(failure) = served.failure {
                if matches!(failure, Failure::Panicked(_)) {
                    // What a panic left behind is not to be trusted; its own worker makes the bot anew.
                    core.bot = None;
                }
                return Err(Trouble::Helper(index));
            }
            self.helpers.push((index, core));
        }
        Ok(())
    }

    /// Lets one bot work on messages until one fails, none is left, or it has sent `limit`.
    fn work(
        &mut self,
        index: usize,
        core: &mut Core,
        link: &mut dyn Link,
        next: &mut dyn FnMut() -> Option<Input>,
        limit: usize,
    ) -> Served {
        let slot = &self.net.slots[index];
        let journal = self.keeps_journal();
        let mut served = Served { finished: 0, failure: None };
        let Core { bot: Some(bot), cache, .. } = core else {
            return Served { failure: Some(missing()), ..served };
        };
        let far = cache.is_some() || self.net.broker.recalls_afar();
        let mut memory = Recall::new(link, &slot.id, cache.as_mut());
        let mut taken = VecDeque::new();
        if let (Bot::Expert(expert), true) = (&*bot, far) {
            match memory.ask_ahead(expert.as_ref(), next) {
                Ok(inputs) => taken = inputs,
                Err(failure) => return Served { failure: Some(failure), ..served },
            }
        }
        let mut context = Context::new(&slot.site, &slot.path_names, &mut memory, limit);
        context.set_durable(self.net.broker.syncs());
        let mut share = Share::new(index, slot);
        let mut works = Vec::new();
        let reach = reach(bot);
        while let Some(input) = taken.pop_front().or_else(&mut *next) {
            match input {
                Input::Unreadable(body, error) => share.give_up_unreadable(slot, &body, &error),
                Input::Message(message) => {
                    let id = journal.then(|| journal::identity(&message));
                    let mark = context.mark();
                    let before = context.counts();
                    if let Err(failure) = step(bot, message, &mut context) {
                        context.rewind(mark);
                        served.failure = Some(failure);
                        break;
                    }
                    works.extend(id.map(|id| (id, before, context.counts())));
                }
            }
            served.finished += 1;
            if context.is_full() || reach == Reach::AtOnce {
                break;
            }
        }
        if let Err(failure) = flush(bot, &mut context, served.failure.as_ref()) {
            return Served { finished: 0, failure: Some(failure) };
        }
        let effects = context.finish();
        // The head's share gets what is acknowledged in the end.
        share.tally.received = served.finished as u64;
        for (id, before, after) in works {
            share.note_one(id, &effects, (before, after), &slot.path_names);
        }
        self.absorb(share, effects);
        served
    }

    /// Takes over everything that a bot asked for.
    pub(super) fn absorb(&mut self, mut share: Share, effects: crate::bots::Effects) {
        let slot = &self.net.slots[share.slot];
        if slot.rules.cache.is_some() {
            share.cached = effects.state;
        } else {
            self.ledger.remember(slot, effects.state);
        }
        share.take_failed_rows(slot, &effects.failed_rows);
        if let Some(path) = slot.on_error() {
            for (row, _) in effects.failed_rows {
                self.route(&mut share, path, row);
            }
        }
        for (path, message) in effects.sent {
            self.route(&mut share, path, message);
        }
        share.appends = effects.appends;
        share.after = effects.after;
        share.take_notes(effects.notes);
        self.ledger.shares.push(share);
    }

    /// Sends a message along a path: to bots of this process first, which may take it straight, or to queues.
    pub(super) fn route(&mut self, share: &mut Share, path: usize, message: Message) {
        let slot = &self.net.slots[share.slot];
        share.tally.sent[path] += 1;
        let targets = slot.targets(path);
        let Some((last, others)) = targets.split_last() else { return };
        for queue in others {
            self.deliver(slot, queue, message.clone());
        }
        self.deliver(slot, last, message);
    }

    /// Returns the bot of this process that reads a queue; most messages go where the one before went.
    fn reader(&mut self, queue: &Arc<str>) -> Option<usize> {
        match &self.last {
            Some((last, reader)) if Arc::ptr_eq(last, queue) => *reader,
            _ => {
                let reader = self.net.readers.get(queue).copied();
                self.last = Some((Arc::clone(queue), reader));
                reader
            }
        }
    }

    fn deliver(&mut self, sender: &Slot, queue: &Arc<str>, message: Message) {
        match self.reader(queue) {
            // A parser's report may take more than one hop, so it must lie in its queue meanwhile. So must what a collector
            // fetched: if a bot further down failed, the fetching could not be done again.
            Some(reader)
                if reader > self.head
                    && self.net.slots[self.head].kind() != Kind::Collector
                    && !sender.rules.load_balance
                    && matches!(self.net.slots[reader].kind(), Kind::Expert | Kind::Output) =>
            {
                self.inputs[reader].push(message);
            }
            _ => self.ledger.outgoing.push(Outgoing { queue: queue.clone(), body: self.net.body(&message) }),
        }
    }

    fn enqueue(&mut self, index: usize, messages: &[Message]) {
        if let Some(queue) = &self.net.slots[index].source {
            let outgoing = messages
                .iter()
                .map(|message| Outgoing { queue: queue.clone(), body: self.net.body(message) });
            self.ledger.outgoing.extend(outgoing);
        }
    }

    /// Takes the core of a bot that may be handed messages straight, if it may.
    fn helper(&self, index: usize) -> Result<Option<MutexGuard<'n, Core>>, BrokerError> {
        let slot = &self.net.slots[index];
        let willing = self.net.broker.hands_on()
            && slot.cores.len() == 1
            && self.net.slots[self.head].cores.len() == 1
            && slot.rules.rate_limit.is_zero()
            && !slot.rules.scheduled
            && !self.excluded.contains(&index)
            && slot.state() == BotState::Running
            && !slot.switch.stopping();
        if !willing {
            return Ok(None);
        }
        let Some(core) = slot.try_core() else { return Ok(None) };
        // What the world has seen cannot be taken back, should somebody else in this hop fail.
        if core.bot.as_ref().is_some_and(|bot| reach(bot) != Reach::WithCommit) {
            return Ok(None);
        }
        let Some(queue) = &slot.source else { return Ok(None) };
        // Looked at with the core in hand: its worker can take nothing from the queue meanwhile without being seen.
        let queued = self.ledger.outgoing.iter().any(|outgoing| &outgoing.queue == queue);
        if queued || self.net.broker.depth(queue)?.total() > 0 || !self.net.has_room(index)? {
            return Ok(None);
        }
        Ok(Some(core))
    }

    fn keeps_journal(&self) -> bool {
        self.net.journal.is_some()
    }
}

/// Lets a bot handle one message.
fn step(bot: &mut Bot, message: Message, context: &mut Context) -> Result<(), Failure> {
    guarded(|| match bot {
        Bot::Expert(expert) => expert.process(message, context),
        Bot::Output(output) => output.write(&message, context),
        Bot::Parser(_) | Bot::Collector(_) => Err(missing()),
    })
}

/// Lets an output bring its batch to the world, unless it panicked: then the batch is done again by one that is made anew.
fn flush(bot: &mut Bot, context: &mut Context, failure: Option<&Failure>) -> Result<(), Failure> {
    match (bot, failure) {
        (Bot::Output(output), Some(panic @ Failure::Panicked(_))) if output.reach() == Reach::WithFlush => {
            Err(panic.clone())
        }
        (Bot::Output(output), _) => guarded(|| output.flush(context)),
        _ => Ok(()),
    }
}

fn reach(bot: &Bot) -> Reach {
    if let Bot::Output(output) = bot { output.reach() } else { Reach::WithCommit }
}

/// Turns a panic of a bot into a failure of the message in hand.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(Failure::Panicked(text))
    })
}

fn missing() -> Failure {
    Failure::Other("the bot is not ready".to_owned())
}
