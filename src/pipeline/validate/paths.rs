//! A bot's paths: that there are some, that each has a queue, and that the bot sends to them.

use crate::diagnostic::{Located, Span, suggest};

use super::super::BotConfig;
use super::super::destinations::{self, Path};
use super::super::node::Yaml;
use super::super::spec::{Kind, Spec};
use super::Check;

/// The paths that every bot may have.
const COMMON: [&str; 2] = ["_default", "_on_error"];

impl Check<'_> {
    pub(super) fn paths(&mut self, bot: &BotConfig, spec: Option<&'static Spec>) {
        let node = self.pipeline.effective(bot, "destination_queues");
        let (paths, faults) = node.map(destinations::located).unwrap_or_default();
        for fault in &faults {
            let problem = self.error("wrong-type", fault.span, format!("destination_queues {}", fault.value));
            self.add(
                problem.help("write a list of queues, or paths with such lists: `_default: [next-queue]`"),
            );
        }
        let kind = spec.map(|spec| spec.kind).or_else(|| bot.kind());
        if kind == Some(Kind::Output) {
            self.no_way_out(bot, &paths);
            return;
        }
        if paths.is_empty() && faults.is_empty() && kind.is_some() {
            let at = bot.parameter("destination_queues").map_or(bot.span(), |(key, _)| key.span);
            let title = format!("{} sends to no queue, so that its messages have nowhere to go", bot.id());
            let problem = self.error("no-destinations", at, title);
            self.add(
                problem.help("add `destination_queues: [ID-queue]` with the id of the bot that comes next"),
            );
        }
        for path in &paths {
            self.path(bot, spec, path, faults.is_empty());
        }
        self.default_path(bot, spec, &paths);
        self.load_balance(bot, &paths);
    }

    fn no_way_out(&mut self, bot: &BotConfig, paths: &[Path]) {
        let own = bot.parameter("destination_queues");
        if let (Some((key, _)), false) = (own, paths.iter().all(|path| path.name.value == "_on_error")) {
            let title = format!("{} is an output and sends to no other bot", bot.id());
            let problem = self.warning("output-with-destinations", key.span, title);
            self.add(problem.help("remove its destination_queues; only `_on_error` has a use here"));
        }
    }

    fn path(&mut self, bot: &BotConfig, spec: Option<&Spec>, path: &Path, complete: bool) {
        let name = path.name.value.as_str();
        if path.queues.is_empty() && complete {
            let title = format!("the path {name:?} of {} has no queue, its messages would be lost", bot.id());
            let problem = self.error("empty-path", path.name.span, title);
            self.add(problem.help("name a queue, or remove the path"));
        }
        for (index, queue) in path.queues.iter().enumerate() {
            if path.queues.iter().take(index).any(|other| other.value == queue.value) {
                let title = format!("the queue {:?} stands twice in one path", queue.value);
                let problem = self.warning("queue-twice", queue.span, title);
                self.add(problem.help("each message would arrive twice; keep one of them"));
            }
        }
        let Some(spec) = spec else { return };
        let known = || COMMON.iter().chain(spec.paths).copied();
        if known().any(|other| other == name || other == "*") {
            return;
        }
        let title = format!("{} never sends to the path {name:?}", bot.id());
        let problem = self.warning("unknown-path", path.name.span, title);
        let problem = match suggest(name, known()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem,
        };
        self.add(problem.help(format!("its paths are: {}", known().collect::<Vec<_>>().join(", "))));
    }

    /// Complains of a bot that has paths, but none for messages that go their normal way.
    fn default_path(&mut self, bot: &BotConfig, spec: Option<&Spec>, paths: &[Path]) {
        let Some(spec) = spec else { return };
        let normal =
            |path: &Path| path.name.value == "_default" || spec.paths.contains(&path.name.value.as_str());
        if paths.is_empty() || spec.paths.contains(&"*") || paths.iter().any(normal) {
            return;
        }
        let at = bot.parameter("destination_queues").map_or(bot.span(), |(key, _)| key.span);
        let title = format!("{} has no path \"_default\", so that its messages have nowhere to go", bot.id());
        let problem = self.error("no-default-path", at, title);
        self.add(problem.help("add `_default:` with the queue of the bot that comes next"));
    }

    fn load_balance(&mut self, bot: &BotConfig, paths: &[Path]) {
        let Some((_, node)) = bot.parameter("load_balance") else { return };
        if node.value != Yaml::Bool(true) || paths.is_empty() {
            return;
        }
        let counts: Vec<usize> = paths.iter().map(|path| path.queues.len()).collect();
        if counts.iter().all(|count| *count <= 1) {
            let title = format!("load_balance does nothing: no path of {} has several queues", bot.id());
            let problem = self.warning("load-balance", node.span, title);
            self.add(problem.help("name several queues in a path, or remove load_balance"));
        } else if counts.iter().any(|count| *count != counts[0]) {
            let title =
                format!("load_balance with paths of unequal length makes IntelMQ's {} fail", bot.id());
            let problem = self.warning("load-balance", node.span, title);
            self.add(problem.help("here it works; for IntelMQ give each path as many queues as the others"));
        }
    }

    /// Returns the places where a bot names queues.
    pub(super) fn located_queues(&self, bot: &BotConfig) -> Vec<Located<String>> {
        let node = self.pipeline.effective(bot, "destination_queues");
        let (paths, _) = node.map(destinations::located).unwrap_or_default();
        paths.into_iter().flat_map(|path| path.queues).collect()
    }

    /// Returns the place where a bot's source queue is named, or else its id.
    pub(super) fn source_span(bot: &BotConfig) -> Span {
        bot.parameter("source_queue").map_or(bot.span(), |(_, node)| node.span)
    }
}
