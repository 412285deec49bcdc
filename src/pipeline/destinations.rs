//! Where a bot sends: queues by path, from every form that `destination_queues` may have.

use crate::diagnostic::{Located, Span};

use super::node::{self, Node, Yaml};
use super::params::{ParamError, Params};

/// A bot's queues by path, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    paths: Vec<(String, Vec<String>)>,
}

impl Destinations {
    /// Reads `destination_queues` of resolved parameters: a list of queues, a text with blanks between them, or a mapping of
    /// paths to either. Without a mapping the path is `_default`.
    pub fn of(params: &Params) -> Result<Self, ParamError> {
        let Some(value) = params.get("destination_queues") else { return Ok(Destinations::default()) };
        let (paths, problems) = located(&node::from_json(value));
        match problems.into_iter().next() {
            Some(problem) => {
                Err(ParamError { name: "destination_queues".to_owned(), problem: problem.value })
            }
            None => Ok(Destinations::from_located(&paths)),
        }
    }

    /// Takes a value as it stands in a file; what cannot be understood is left out.
    pub(super) fn lenient(node: &Node) -> Self {
        Destinations::from_located(&located(node).0)
    }

    fn from_located(paths: &[Path]) -> Self {
        let paths = paths.iter().map(|path| {
            let queues = path.queues.iter().map(|queue| queue.value.clone()).collect();
            (path.name.value.clone(), queues)
        });
        Destinations { paths: paths.collect() }
    }

    /// Returns paths and their queues.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.paths.iter().map(|(path, queues)| (path.as_str(), queues.as_slice()))
    }

    /// Returns the names of the paths.
    pub fn paths(&self) -> Vec<String> {
        self.paths.iter().map(|(path, _)| path.clone()).collect()
    }

    /// Returns the queues of a path, if it is configured.
    pub fn path(&self, name: &str) -> Option<&[String]> {
        self.iter().find(|(path, _)| *path == name).map(|(_, queues)| queues)
    }

    /// Returns every queue once, in order.
    pub fn queues(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for queue in self.paths.iter().flat_map(|(_, queues)| queues) {
            if !all.contains(queue) {
                all.push(queue.clone());
            }
        }
        all
    }

    /// Tells whether there is no path at all.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

/// One path and where it stands.
pub(super) struct Path {
    pub(super) name: Located<String>,
    pub(super) queues: Vec<Located<String>>,
}

/// Reads all forms with their places; problems are sentences that go on after the parameter's name.
pub(super) fn located(node: &Node) -> (Vec<Path>, Vec<Located<String>>) {
    let mut problems = Vec::new();
    let paths = match &node.value {
        Yaml::Null => Vec::new(),
        Yaml::Map(mapping) => mapping
            .iter()
            .map(|(name, value)| Path { name: name.clone(), queues: queues(value, &mut problems) })
            .collect(),
        Yaml::List(list) if list.is_empty() => Vec::new(),
        Yaml::Text(text) if text.trim().is_empty() => Vec::new(),
        _ => {
            let name = Located::new("_default".to_owned(), node.span);
            vec![Path { name, queues: queues(node, &mut problems) }]
        }
    };
    (paths, problems)
}

fn queues(node: &Node, problems: &mut Vec<Located<String>>) -> Vec<Located<String>> {
    match &node.value {
        Yaml::Null => Vec::new(),
        Yaml::Text(text) => words(text, node.span),
        Yaml::List(list) => list
            .iter()
            .filter_map(|queue| match &queue.value {
                Yaml::Text(name) => Some(Located::new(name.clone(), queue.span)),
                Yaml::Number(number) => Some(Located::new(number.to_string(), queue.span)),
                other => {
                    let problem = format!("must list names of queues, not {}", other.kind());
                    problems.push(Located::new(problem, queue.span));
                    None
                }
            })
            .collect(),
        other => {
            let problem = format!("must be queues, or paths with their queues, not {}", other.kind());
            problems.push(Located::new(problem, node.span));
            Vec::new()
        }
    }
}

/// Splits a text at blanks; each word has its own place if the text stands in the file as it is, bare or in quotes.
fn words(text: &str, span: Span) -> Vec<Located<String>> {
    let lead = match (span.end - span.start).checked_sub(text.len()) {
        Some(0) => Some(0),
        Some(2) => Some(1),
        _ => None,
    };
    let place = |word: &str| {
        let offset = word.as_ptr().addr() - text.as_ptr().addr();
        let start = span.start + lead? + offset;
        Some(Span { start, end: start + word.len() })
    };
    text.split_whitespace().map(|word| Located::new(word.to_owned(), place(word).unwrap_or(span))).collect()
}
