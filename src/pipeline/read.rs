//! Reads `runtime.yaml`, going on after a fault so that all of them are told at once.

use crate::diagnostic::{Diagnostic, Located, Source, Span, yaml};

use super::Pipeline;
use super::bot::BotConfig;
use super::node::{self, Mapping, Node, Yaml};

/// Reads a file; what can be understood is returned beside the faults of what cannot.
pub(super) fn read(source: Source) -> (Option<Pipeline>, Vec<Diagnostic>) {
    let root = match parse(&source) {
        Ok(root) => root,
        Err(problem) => return (None, vec![problem]),
    };
    let mut reader = Reader { source: &source, problems: Vec::new() };
    let Some(entries) = reader.mapping(&root, "the file") else {
        return (None, reader.problems);
    };
    let mut global = Mapping::new();
    let mut bots: Vec<BotConfig> = Vec::new();
    for (key, value) in entries {
        reader.problems.extend(duplicates(reader.source, value));
        if key.value == "global" {
            global.extend(reader.mapping(value, "global").cloned().unwrap_or_default());
            continue;
        }
        if let Some(first) = bots.iter().find(|bot| bot.id.value == key.value) {
            reader.problems.push(
                Diagnostic::error("duplicate-bot", format!("two bots are called {:?}", key.value))
                    .at(source.at(key.span))
                    .label("again here")
                    .related(source.at(first.id.span), "first here")
                    .help("give one of them another id; IntelMQ reads no file with the same id twice"),
            );
        }
        if let Some(bot) = reader.bot(key, value) {
            bots.push(bot);
        }
    }
    let problems = reader.problems;
    (Some(Pipeline { source, global, bots }), problems)
}

/// Parses YAML; like IntelMQ, a file whose tabs YAML refuses is tried as JSON.
pub(super) fn parse(source: &Source) -> Result<Node, Diagnostic> {
    let error = match yaml::read_lenient::<Node>(source) {
        Ok(mut root) => {
            node::python_numbers(&mut root, source.text());
            return Ok(root);
        }
        Err(error) => error,
    };
    let text = source.text();
    if !text.contains('\t') || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Err(error);
    }
    // In JSON a tab is white space and never part of a text, so that places stay what they are.
    let untabbed = Source::new(source.name(), text.replace('\t', " "));
    yaml::read_lenient(&untabbed).map_err(|_| error)
}

struct Reader<'a> {
    source: &'a Source,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn bot(&mut self, id: &Located<String>, node: &Node) -> Option<BotConfig> {
        let entries = match &node.value {
            Yaml::Null => &Mapping::new(),
            _ => self.mapping(node, &format!("the bot {:?}", id.value))?,
        };
        let mut bot = BotConfig { id: id.clone(), system: Mapping::new(), parameters: Mapping::new() };
        for (key, value) in entries {
            match (key.value.as_str(), &value.value) {
                ("parameters", _) => {
                    bot.parameters.extend(self.mapping(value, "parameters").cloned().unwrap_or_default());
                    continue;
                }
                ("enabled", Yaml::Bool(_))
                | ("module" | "group" | "run_mode", Yaml::Text(_) | Yaml::Null)
                | ("name" | "description", Yaml::Text(_) | Yaml::Number(_) | Yaml::Null) => {}
                ("enabled", _) => self.wrong(value.span, "enabled", "true or false", value),
                (name @ ("module" | "group" | "name" | "description" | "run_mode"), _) => {
                    self.wrong(value.span, name, "a text", value);
                }
                _ => {}
            }
            bot.system.push((key.clone(), value.clone()));
        }
        Some(bot)
    }

    /// Returns the entries of what must be a mapping; nothing counts as an empty one.
    fn mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Mapping> {
        static EMPTY: Mapping = Mapping::new();
        match &node.value {
            Yaml::Map(mapping) => Some(mapping),
            Yaml::Null => Some(&EMPTY),
            _ => {
                self.wrong(node.span, what, "a mapping of keys to values", node);
                None
            }
        }
    }

    fn wrong(&mut self, span: Span, what: &str, wanted: &str, found: &Node) {
        let problem =
            Diagnostic::error("wrong-type", format!("{what} must be {wanted}, not {}", found.kind()));
        let label = if wanted.starts_with("a mapping") { "write `key: value` lines here" } else { "" };
        self.problems.push(problem.at(self.source.at(span)).label(label));
    }
}

/// Returns a complaint about every key that stands twice in one mapping.
pub(super) fn duplicates(source: &Source, node: &Node) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    node::duplicate_keys(node, &mut |key, first| {
        problems.push(
            Diagnostic::error("duplicate-key", format!("{:?} stands twice in one mapping", key.value))
                .at(source.at(key.span))
                .label("again here")
                .related(source.at(first), "first here")
                .help("keep one of them; IntelMQ reads no file with the same key twice"),
        );
    });
    problems
}
