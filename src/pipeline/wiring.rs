//! How bots are connected: queues, edges, and the order of the flow.

use std::collections::HashMap;

use super::bot::find;
use super::destinations::Destinations;
use super::spec::Kind;
use super::{BotConfig, Node, Pipeline};

/// The queues of one bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotWiring {
    /// The bot's id.
    pub bot: String,
    /// The queue it reads; collectors have none.
    pub source: Option<String>,
    /// The queues it sends to, by path.
    pub destinations: Destinations,
}

/// One way that messages take.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The bot that sends.
    pub from: String,
    /// The path it sends on.
    pub path: String,
    /// The queue.
    pub queue: String,
    /// The bot that reads the queue; `None` if nobody does.
    pub to: Option<String>,
}

impl Pipeline {
    /// Returns the queues of every bot as the file has them, in its order. Queues that the environment sets are not seen.
    pub fn wiring(&self) -> Vec<BotWiring> {
        let wiring = self.bots().iter().map(|bot| BotWiring {
            bot: bot.id().to_owned(),
            source: self.source_queue(bot),
            destinations: self
                .effective(bot, "destination_queues")
                .map(Destinations::lenient)
                .unwrap_or_default(),
        });
        wiring.collect()
    }

    /// Returns the queue that a bot reads; collectors read none.
    pub(super) fn source_queue(&self, bot: &BotConfig) -> Option<String> {
        if bot.kind() == Some(Kind::Collector) {
            return None;
        }
        let own = self.effective(bot, "source_queue").and_then(|node| node.as_text());
        Some(own.map_or_else(|| format!("{}-queue", bot.id()), str::to_owned))
    }

    /// Finds a parameter among the bot's own, or else in `global`.
    pub(super) fn effective(&self, bot: &BotConfig, name: &str) -> Option<&Node> {
        // The borrow of the bot is a borrow of this pipeline only if it is one of its bots.
        let bot = self.bot(bot.id())?;
        bot.parameter(name).or_else(|| find(self.global(), name)).map(|(_, node)| node)
    }

    /// Returns every way from bot to bot, in the order of the file. A queue with several readers gives several edges.
    pub fn edges(&self) -> Vec<Edge> {
        let wiring = self.wiring();
        let mut readers: HashMap<&str, Vec<&str>> = HashMap::new();
        for bot in &wiring {
            if let Some(queue) = &bot.source {
                readers.entry(queue).or_default().push(&bot.bot);
            }
        }
        let mut edges = Vec::new();
        for bot in &wiring {
            for (path, queue) in bot
                .destinations
                .iter()
                .flat_map(|(path, queues)| queues.iter().map(move |queue| (path, queue)))
            {
                let edge = |to: Option<&str>| Edge {
                    from: bot.bot.clone(),
                    path: path.to_owned(),
                    queue: queue.clone(),
                    to: to.map(str::to_owned),
                };
                match readers.get(queue.as_str()) {
                    Some(bots) => edges.extend(bots.iter().map(|reader| edge(Some(reader)))),
                    None => edges.push(edge(None)),
                }
            }
        }
        edges
    }

    /// Returns the bots' ids in layers: each bot stands below all that send to it, those that nobody sends to come first.
    ///
    /// Where bots form a cycle, the edge that closes it (by the order of the file) does not count.
    pub fn layers(&self) -> Vec<Vec<&str>> {
        let ids: Vec<&str> = self.bots().iter().map(BotConfig::id).collect();
        let index: HashMap<&str, usize> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
        for edge in self.edges() {
            let from = index.get(edge.from.as_str());
            let to = edge.to.as_deref().and_then(|to| index.get(to));
            if let (Some(&from), Some(&to)) = (from, to) {
                next[from].push(to);
            }
        }
        let depths = depths(&next);
        let mut layers = vec![Vec::new(); depths.iter().max().map_or(0, |deepest| deepest + 1)];
        for (id, depth) in ids.into_iter().zip(depths) {
            layers[depth].push(id);
        }
        layers
    }
}

/// Returns the length of the longest way to each node; edges that close a cycle do not count.
fn depths(next: &[Vec<usize>]) -> Vec<usize> {
    let order = order(next);
    let mut place = vec![0; next.len()];
    for (position, &node) in order.iter().enumerate() {
        place[node] = position;
    }
    let mut depths = vec![0; next.len()];
    for &node in &order {
        for &to in next[node].iter().filter(|&&to| place[to] > place[node]) {
            depths[to] = depths[to].max(depths[node] + 1);
        }
    }
    depths
}

/// Returns the nodes so that each comes before those it leads to, as far as there is no cycle.
fn order(next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    let mut finished = Vec::with_capacity(next.len());
    for start in 0..next.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        // A node and how many of its edges were followed; no recursion, as a chain of bots may be long.
        let mut stack = vec![(start, 0)];
        while let Some((node, followed)) = stack.pop() {
            match next[node].get(followed) {
                Some(&to) => {
                    stack.push((node, followed + 1));
                    if !std::mem::replace(&mut seen[to], true) {
                        stack.push((to, 0));
                    }
                }
                None => finished.push(node),
            }
        }
    }
    finished.reverse();
    finished
}
