//! How bots are connected: queues, edges, and the order of the flow.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::bot::find;
use super::destinations::Destinations;
use super::order::{depths, forward};
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
        let depths = depths(&forward(&ids, &self.edges()));
        let mut layers = vec![Vec::new(); depths.iter().max().map_or(0, |deepest| deepest + 1)];
        for (id, depth) in ids.into_iter().zip(depths) {
            layers[depth].push(id);
        }
        layers
    }
}
