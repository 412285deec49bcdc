//! What bots are to each other: queues that nobody reads or fills, two readers of one queue, cycles.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::suggest;

use super::super::BotConfig;
use super::super::bot::find;
use super::super::node::Yaml;
use super::super::spec::Kind;
use super::super::wiring::Edge;
use super::Check;

impl Check<'_> {
    /// Checks how the bots are connected.
    pub(super) fn queues(&mut self) {
        self.readers();
        self.unread();
        self.unfilled();
        self.cycles();
    }

    /// Returns the bots that read queues, each with its queue, in the order of the file.
    fn reading(&self) -> Vec<(&BotConfig, String)> {
        let bots = self.pipeline.bots().iter();
        bots.filter_map(|bot| Some((bot, self.pipeline.source_queue(bot)?))).collect()
    }

    fn readers(&mut self) {
        let pipeline = self.pipeline;
        let mut first: HashMap<String, &BotConfig> = HashMap::new();
        for bot in pipeline.bots() {
            let Some(queue) = pipeline.source_queue(bot) else { continue };
            let Some(other) = first.get(&queue) else {
                first.insert(queue, bot);
                continue;
            };
            // A bot that stands twice in the file is another fault, which has been told.
            if other.id() == bot.id() {
                continue;
            }
            let title = format!("{} and {} both read the queue {queue:?}", other.id(), bot.id());
            let problem = self.error("two-readers", Self::source_span(bot), title);
            let problem = problem
                .related(pipeline.at(Self::source_span(other)), "read here too")
                .help("they would take each other's messages; give one of them a queue of its own")
                .help("to share the work set `instances_threads` of one bot, or use load_balance and two queues");
            self.add(problem);
        }
    }

    fn unread(&mut self) {
        let pipeline = self.pipeline;
        let read: Vec<String> = self.reading().into_iter().map(|(_, queue)| queue).collect();
        let collectors: Vec<&BotConfig> =
            pipeline.bots().iter().filter(|bot| bot.kind() == Some(Kind::Collector)).collect();
        let ignored = self.ignored();
        for bot in pipeline.bots() {
            for queue in self.located_queues(bot) {
                let name = queue.value.as_str();
                if read.iter().any(|other| other == name) || ignored.contains(name) {
                    continue;
                }
                let collector = collectors.iter().find(|bot| format!("{}-queue", bot.id()) == name);
                let problem = if let Some(collector) = collector {
                    let title = format!(
                        "{} sends to the collector {}, which reads no queue",
                        bot.id(),
                        collector.id()
                    );
                    self.error("collector-as-destination", queue.span, title)
                        .help("a collector makes messages and takes none; name the queue of another bot")
                } else {
                    let title = format!("no bot reads the queue {name:?}");
                    let problem = self.error("unread-queue", queue.span, title);
                    let of_bot = read.iter().find(|other| **other == format!("{name}-queue"));
                    match of_bot.map(String::as_str).or_else(|| suggest(name, read.iter().map(String::as_str))) {
                        Some(near) => problem.label(format!("did you mean `{near}`?")),
                        None => problem,
                    }
                    .help("messages would pile up in it; name the queue of one of the bots")
                    .help("if something else reads it, list it in `global` under `intelmqctl_check_orphaned_queues_ignore`")
                };
                self.add(problem);
            }
        }
    }

    /// Returns the queues that `global` declares to be read or filled by something else.
    fn ignored(&self) -> HashSet<String> {
        let node = find(self.pipeline.global(), "intelmqctl_check_orphaned_queues_ignore");
        match node.map(|(_, node)| &node.value) {
            Some(Yaml::List(list)) => {
                list.iter().filter_map(|node| node.as_text()).map(str::to_owned).collect()
            }
            Some(Yaml::Text(text)) => text.split(',').map(|queue| queue.trim().to_owned()).collect(),
            _ => HashSet::new(),
        }
    }

    fn unfilled(&mut self) {
        let pipeline = self.pipeline;
        let bots = pipeline.bots().iter();
        let filled: HashSet<String> =
            bots.flat_map(|bot| self.located_queues(bot)).map(|queue| queue.value).collect();
        let ignored = self.ignored();
        for bot in pipeline.bots() {
            let Some(queue) = pipeline.source_queue(bot) else { continue };
            // Of a bot that is of no known kind nobody can tell whether it reads.
            if filled.contains(&queue) || ignored.contains(&queue) || bot.kind().is_none() {
                continue;
            }
            let title = format!("nobody sends to {}: no bot names the queue {queue:?}", bot.id());
            let problem = self.warning("unfilled-queue", Self::source_span(bot), title);
            self.add(problem.help("add the queue to the destination_queues of the bot that comes before"));
        }
    }

    fn cycles(&mut self) {
        let pipeline = self.pipeline;
        let edges = pipeline.edges();
        for cycle in cycles(&edges) {
            let bots: Vec<&BotConfig> = cycle.iter().filter_map(|edge| pipeline.bot(&edge.from)).collect();
            let (Some(first), Some(last)) = (bots.first(), cycle.last()) else { continue };
            let names: Vec<&str> = bots.iter().map(|bot| bot.id()).chain([first.id()]).collect();
            let title = format!("messages go in a circle: {}", names.join(" → "));
            let mut problem = self.error("cycle", first.span(), title).label("from here");
            for bot in &bots[1..] {
                problem = problem.related(pipeline.at(bot.span()), "over this bot");
            }
            let help = format!("take the queue {:?} out of the destinations of {}", last.queue, last.from);
            self.add(problem.help(help));
        }
    }
}

/// Finds one cycle for each set of bots that lead to each other, starting with the bot that comes first in the file.
fn cycles(edges: &[Edge]) -> Vec<Vec<&Edge>> {
    let mut known: HashSet<&str> = HashSet::new();
    let mut found = Vec::new();
    for edge in edges {
        if known.contains(edge.from.as_str()) {
            continue;
        }
        if let Some(cycle) = way(edges, &edge.from, &edge.from) {
            // All bots that lead to this one and back are of the same knot.
            known.insert(&edge.from);
            let back =
                |bot: &str| way(edges, &edge.from, bot).is_some() && way(edges, bot, &edge.from).is_some();
            known.extend(edges.iter().map(|other| other.from.as_str()).filter(|bot| back(bot)));
            found.push(cycle);
        }
    }
    found
}

/// Returns a shortest way of at least one edge from one bot to another.
fn way<'e>(edges: &'e [Edge], from: &str, to: &str) -> Option<Vec<&'e Edge>> {
    let mut came_by: HashMap<&str, &Edge> = HashMap::new();
    let mut border = vec![from];
    while !border.is_empty() && !came_by.contains_key(to) {
        let mut next = Vec::new();
        for edge in edges.iter().filter(|edge| border.contains(&edge.from.as_str())) {
            if let Some(bot) = edge.to.as_deref().filter(|bot| !came_by.contains_key(bot)) {
                came_by.insert(bot, edge);
                next.push(bot);
            }
        }
        border = next;
    }
    let mut way = vec![*came_by.get(to)?];
    while let Some(edge) = way.last().filter(|edge| edge.from != from) {
        way.push(came_by.get(edge.from.as_str())?);
    }
    way.reverse();
    Some(way)
}
