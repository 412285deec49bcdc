//! A change that somebody wrote, to be laid over a botnet. What is wrong then is told at its place in the change.

use crate::diagnostic::{Diagnostic, Location, Source, Span, suggest};

use super::node::{Mapping, Node, Yaml};
use super::validate::{Registry, validate};
use super::{Pipeline, read};

/// A change in the form of a runtime file: only what is to be different.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    source: Source,
    root: Node,
}

/// One part of the way from the root of a file to a value in it.
enum Part<'a> {
    Key(&'a str),
    Index(usize),
}

impl Change {
    /// Reads a change.
    pub fn parse(source: Source) -> Result<Change, Vec<Diagnostic>> {
        let root = read::parse(&source).map_err(|problem| vec![problem])?;
        let mut problems = read::duplicates(&source, &root);
        if !matches!(root.value, Yaml::Map(_)) {
            let title = format!("a change is a mapping of bots, not {}", root.kind());
            let problem = Diagnostic::error("wrong-type", title).at(source.at(root.span));
            problems.push(problem.help("write `BOT:`, and below it only what is to be different"));
        }
        if problems.is_empty() { Ok(Change { source, root }) } else { Err(problems) }
    }

    /// Lists what it changes: bots, and `global`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().map(|(key, _)| key.value.as_str())
    }

    /// Replaces every text in it; keys stay as they are.
    pub fn filled(
        mut self,
        fill: &dyn Fn(&str) -> Result<String, Vec<Diagnostic>>,
    ) -> Result<Change, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        each_text(&mut self.root, &mut |text, span| match fill(text) {
            Ok(filled) => *text = filled,
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| problem.at(self.source.at(span))));
            }
        });
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// Lays it over a botnet: the botnet and warnings about the change, or everything that is wrong with what comes of it.
    pub fn over(
        &self,
        botnet: &Pipeline,
        registry: &dyn Registry,
    ) -> Result<(Pipeline, Vec<Diagnostic>), Vec<Diagnostic>> {
        let unknown: Vec<Diagnostic> = self.unknown_bots(botnet).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let merged = botnet.merged(&self.root.to_json());
        let (merged, problems) = match merged {
            Ok(merged) => {
                let problems = validate(&merged, registry);
                (Some(merged), problems)
            }
            Err(problems) => (None, problems),
        };
        let mut problems: Vec<Diagnostic> = problems.into_iter().map(|problem| self.place(problem)).collect();
        match merged {
            Some(merged) if !problems.iter().any(Diagnostic::is_error) => {
                // What the botnet was warned about before is no matter of this change.
                problems.retain(|problem| problem.at.as_ref().is_some_and(|at| at.source == self.source));
                Ok((merged, problems))
            }
            _ => Err(problems),
        }
    }

    fn entries(&self) -> &Mapping {
        static EMPTY: Mapping = Mapping::new();
        if let Yaml::Map(entries) = &self.root.value { entries } else { &EMPTY }
    }

    /// Finds bots that are neither there nor made by the change: slips of the pen.
    fn unknown_bots<'a>(&'a self, botnet: &'a Pipeline) -> impl Iterator<Item = Diagnostic> {
        let ids = || botnet.bots().iter().map(super::BotConfig::id);
        let is_new = |node: &Node| match &node.value {
            Yaml::Map(entries) => entries.iter().any(|(key, _)| key.value == "module"),
            _ => false,
        };
        let unknown = self
            .entries()
            .iter()
            .filter(move |(key, node)| key.value != "global" && botnet.bot(key).is_none() && !is_new(node));
        unknown.map(move |(key, _)| {
            let problem = Diagnostic::error("unknown-bot", format!("there is no bot {:?}", key.value));
            let problem = problem.at(self.source.at(key.span));
            match suggest(key, ids()) {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => problem,
            }
            .help(format!("there are: {}", ids().collect::<Vec<_>>().join(", ")))
            .help("a new bot needs a `module:`")
        })
    }

    /// Points a complaint about what came of the change at what was written in it; what does not stand in it keeps its place.
    fn place(&self, problem: Diagnostic) -> Diagnostic {
        let mut known: Option<(Source, Node)> = None;
        let mut here = |at: Location| {
            if known.as_ref().is_none_or(|(source, _)| *source != at.source) {
                known = read::parse(&at.source).ok().map(|root| (at.source.clone(), root));
            }
            let found = known.as_ref().and_then(|(_, root)| self.find(&way(root, at.span.start)));
            found.map_or(at, |span| self.source.at(span))
        };
        Diagnostic {
            at: problem.at.map(&mut here),
            related: problem.related.into_iter().map(|(at, label)| (here(at), label)).collect(),
            ..problem
        }
    }

    /// Finds what stands at the end of a way, or the last key on it that the change has.
    fn find(&self, (way, at_key): &(Vec<Part<'_>>, bool)) -> Option<Span> {
        let mut node = &self.root;
        let mut found = None;
        for (index, part) in way.iter().enumerate() {
            let (place, next) = match (part, &node.value) {
                (Part::Key(name), Yaml::Map(entries)) => {
                    let Some((key, value)) = entries.iter().find(|(key, _)| key.value == *name) else {
                        break;
                    };
                    (key.span, value)
                }
                (Part::Index(index), Yaml::List(items)) => match items.get(*index) {
                    Some(item) => (item.span, item),
                    None => break,
                },
                _ => break,
            };
            let is_end = index + 1 == way.len() && !at_key && next.span.end > next.span.start;
            found = Some(if is_end { next.span } else { place });
            node = next;
        }
        found
    }
}

/// Returns the way to what stands at a place of a file, and whether that is a key. Mappings in block style know their start only.
fn way(root: &Node, at: usize) -> (Vec<Part<'_>>, bool) {
    let mut way = Vec::new();
    let mut node = root;
    loop {
        node = match &node.value {
            Yaml::Map(entries) => {
                let Some((key, value)) = entries.iter().rev().find(|(key, _)| key.span.start <= at) else {
                    return (way, true);
                };
                way.push(Part::Key(&key.value));
                if at < value.span.start || at < key.span.end {
                    return (way, true);
                }
                value
            }
            Yaml::List(items) => {
                let Some((index, item)) =
                    items.iter().enumerate().rev().find(|(_, item)| item.span.start <= at)
                else {
                    return (way, false);
                };
                way.push(Part::Index(index));
                item
            }
            _ => return (way, false),
        };
    }
}

fn each_text(node: &mut Node, change: &mut dyn FnMut(&mut String, Span)) {
    let span = node.span;
    match &mut node.value {
        Yaml::Text(text) => change(text, span),
        Yaml::List(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Yaml::Map(entries) => entries.iter_mut().for_each(|(_, value)| each_text(value, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bots::Modules;
    use crate::diagnostic::{Style, render};

    const BOTNET: &str = "\
collector:
  module: intelmq.bots.collectors.file.collector_file
  group: Collector
  parameters:
    path: /in/
    destination_queues: {_default: [dedup-queue]}
dedup:
  module: intelmq.bots.experts.deduplicator.expert
  group: Expert
  parameters:
    filter_type: whitelist
    filter_keys: source.ip
    destination_queues: {_default: [events-queue]}
events:
  module: intelmq.bots.outputs.file.output
  group: Output
  parameters: {file: /out/events.jsonl}
";

    /// Lays a change over the botnet: what it says then, or code, place and label of each complaint.
    fn laid(text: &str) -> Result<Pipeline, Vec<String>> {
        let botnet = Pipeline::parse(Source::new("botnet", BOTNET)).unwrap();
        let refuse = |text: &str| match text {
            "___" => Err(vec![Diagnostic::error("gap", "a gap")]),
            text => Ok(text.replace("OUT", "/out")),
        };
        let change = Change::parse(Source::new("mine", text)).and_then(|change| change.filled(&refuse));
        let problem = |problem: &Diagnostic| {
            let at = problem.at.as_ref().map(ToString::to_string).unwrap_or_default();
            let text = problem.at.as_ref().map_or("", |at| &at.source.text()[at.span.start..at.span.end]);
            format!("{} {at} `{text}`", problem.code)
        };
        match change.and_then(|change| change.over(&botnet, &Modules)) {
            Ok((merged, _)) => Ok(merged),
            Err(problems) => {
                // Every place can be shown.
                assert!(!render(&problems, Style::Plain).is_empty());
                Err(problems.iter().filter(|problem| problem.is_error()).map(problem).collect())
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_where_it_was_written() {
        let cases = [
            ("# mine\ndedup:\n  parameters:\n    filter_type: whitelst\n", "wrong-type mine:4:18 `whitelst`"),
            ("dedup: {module: a.b}", "unknown-module mine:1:17 `a.b`"),
            ("dedup:\n  parameters: {filter_type: 3}\n", "wrong-type mine:2:29 `3`"),
            ("dedup:\n  enabled: maybe\n", "wrong-type mine:2:12 `maybe`"),
            ("dedap:\n  enabled: false\n", "unknown-bot mine:1:1 `dedap`"),
            ("[dedup]", "wrong-type mine:1:1 `[`"),
            ("{dedup: {}, dedup: {}}", "duplicate-key mine:1:13 `dedup`"),
            ("dedup: {", "yaml-syntax mine:1:8 ``"),
            ("dedup:\n  parameters:\n    filter_keys: ___\n", "gap mine:3:18 `___`"),
        ];
        let found = cases.map(|(change, _)| (change, laid(change).expect_err(change).join(", ")));
        assert_eq!(found, cases.map(|(change, told)| (change, told.to_owned())));
    }

    #[test]
    fn a_change_is_laid_over_the_botnet() {
        let merged =
            laid("{events: {parameters: {file: OUT/x}}, dedup: {enabled: false}}").unwrap().to_json();
        assert_eq!(merged["events"]["parameters"]["file"], "/out/x");
        assert_eq!(merged["dedup"]["enabled"], false);
        assert_eq!(merged["dedup"]["parameters"]["filter_keys"], "source.ip");
    }
}
