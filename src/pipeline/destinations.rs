//! Where a bot sends: queues by path, from every form that `destination_queues` may have.

use crate::diagnostic::Located;

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
        Yaml::Text(text) => {
            text.split_whitespace().map(|queue| Located::new(queue.to_owned(), node.span)).collect()
        }
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
