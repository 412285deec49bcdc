//! Walks the journal backwards: from what a bot did to what the bot before it did.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::End;
use crate::diagnostic::Source;
use crate::pipeline::Pipeline;
use crate::runtime::control::{BotStatus, Client, ControlError, JournalEntry, JournalOut};

/// What must be known of a botnet to read its journal.
#[derive(Debug, Default)]
pub(super) struct Botnet {
    /// The group of each bot.
    groups: BTreeMap<String, String>,
    /// Who sends to whom, as the botnet is now: bot, path, bot.
    edges: HashSet<(String, String, String)>,
}

impl Botnet {
    /// Asks the control service.
    pub(super) fn read(client: &Client) -> Result<Self, ControlError> {
        let snapshot = client.snapshot()?;
        let runtime = Source::new("runtime.yaml", client.configuration()?.text);
        let edges = Pipeline::parse(runtime).map(|pipeline| pipeline.edges()).unwrap_or_default();
        let edges = edges.into_iter().filter_map(|edge| edge.to.map(|to| (edge.from, edge.path, to)));
        Ok(Botnet::new(&snapshot.bots, edges.collect()))
    }

    pub(super) fn new(bots: &[BotStatus], edges: HashSet<(String, String, String)>) -> Self {
        Botnet { groups: bots.iter().map(|bot| (bot.id.clone(), bot.group.clone())).collect(), edges }
    }

    /// Tells whether it has a bot.
    pub(super) fn has(&self, bot: &str) -> bool {
        self.groups.contains_key(bot)
    }

    fn group(&self, bot: &str) -> &str {
        self.groups.get(bot).map_or("", String::as_str)
    }

    /// Tells whether a message's life ended with an entry, and how.
    pub(super) fn end(&self, entry: &JournalEntry) -> Option<End> {
        match entry {
            JournalEntry { failed: Some(_), .. } => Some(End::Failed),
            JournalEntry { dropped: Some(_), .. } => Some(End::Dropped),
            JournalEntry { input: None, .. } => None,
            entry if !entry.out.is_empty() => None,
            entry => match self.group(&entry.bot) {
                "Output" => Some(End::Delivered),
                "Expert" => Some(End::Dropped),
                _ => None,
            },
        }
    }

    /// Tells whether what a bot sent to a path comes to another bot, as the botnet is now.
    fn feeds(&self, from: &JournalEntry, out: &JournalOut, to: &str) -> bool {
        if from.bot == to {
            return from.failed.is_some() || from.is_put_back();
        }
        self.edges.contains(&(from.bot.clone(), out.path.clone(), to.to_owned()))
    }
}

/// One bot's part of a way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    /// What it did.
    pub(super) entry: &'a JournalEntry,
    /// What it sent on, if it did.
    pub(super) out: Option<&'a JournalOut>,
}

/// A journal, ready to be walked.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    entries: &'a [JournalEntry],
    botnet: &'a Botnet,
    /// By identity: where it was sent, in order.
    sent: HashMap<&'a str, Vec<(usize, &'a JournalOut)>>,
    /// By bot and identity: where it was received, in order.
    received: HashMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(entries: &'a [JournalEntry], botnet: &'a Botnet) -> Self {
        let mut walk = Walk { entries, botnet, sent: HashMap::new(), received: HashMap::new() };
        for (index, entry) in entries.iter().enumerate() {
            if let Some(input) = &entry.input {
                walk.received.entry((&entry.bot, input)).or_default().push(index);
            }
            for out in &entry.out {
                walk.sent.entry(&out.id).or_default().push((index, out));
            }
        }
        walk
    }

    pub(super) fn entry(&self, index: usize) -> &'a JournalEntry {
        &self.entries[index]
    }

    /// Returns the way that led to an entry, in order.
    pub(super) fn way_to(&self, index: usize) -> Vec<Step<'a>> {
        let last = self.entry(index);
        // The row that a parser gave up stands in its own entry.
        let failed_row = last.failed.as_ref().and(last.out.first());
        let mut way = vec![Step { entry: last, out: failed_row }];
        let mut at = index;
        while let Some((before, out)) = self.before(at) {
            way.push(Step { entry: self.entry(before), out: Some(out) });
            at = before;
        }
        way.reverse();
        way
    }

    /// Finds who sent what came in with an entry. Equal messages are paired in order: the third received is the third sent.
    fn before(&self, index: usize) -> Option<(usize, &'a JournalOut)> {
        let entry = self.entry(index);
        let input = entry.input.as_deref()?;
        let sent = self.sent.get(input)?;
        let received = self.received.get(&(entry.bot.as_str(), input))?;
        let turn = received.iter().position(|at| *at == index)?;
        let feeds = |(at, out): &&(usize, &JournalOut)| self.botnet.feeds(self.entry(*at), out, &entry.bot);
        let fed: Vec<_> = sent.iter().filter(feeds).collect();
        let paired = fed.get(turn).copied().filter(|(at, _)| *at < index);
        let latest = || fed.iter().rev().copied().find(|(at, _)| *at < index);
        // The botnet may have been another one when this happened: then whoever sent it last.
        let anybody = || sent.iter().rev().find(|(at, _)| *at < index && self.entry(*at).bot != entry.bot);
        paired.or_else(latest).or_else(anybody).map(|(at, out)| (*at, *out))
    }
}
