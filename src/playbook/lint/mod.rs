//! What is wrong with a playbook, all at once and without running it.
//!
//! The other half of `lint`, that each step fails before its actions and passes after them, needs a lab and is `session`'s: it
//! takes [`Step::expect`](super::Step) as a whole before and after [`Step::actions`](super::Step), and `still` both times.

mod botnet;
mod files;
mod services;
mod structure;
mod style;

use serde_json::{Map, Value as Json};

use super::catalog::Entry;
use super::load::{Playbook, assemble};
use crate::diagnostic::{Diagnostic, Located, Source, suggest};
use crate::pipeline::Registry;

/// What a playbook may name beside what is in its folder.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// The kinds of services that targets can run.
    pub services: &'a [KnownService],
    /// The modules that bots may be of; without them a botnet is read, and its meaning is not looked at.
    pub modules: Option<&'a dyn Registry>,
    /// Files that bots read in a language of their own.
    pub languages: &'a [Language],
}

/// A language of files that bots read.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// How the names of its files end.
    pub end: &'static str,
    /// Says what is wrong with a file.
    pub check: fn(&Source) -> Vec<Diagnostic>,
}

/// A kind of service, as far as playbooks name things of it.
#[derive(Debug, Clone, Copy)]
pub struct KnownService {
    /// Its name.
    pub kind: &'static str,
    /// The names of its options.
    pub options: &'static [&'static str],
    /// The names of the faults that it can have.
    pub faults: &'static [&'static str],
    /// Whether it publishes files.
    pub publishes: bool,
    /// What it writes below `lab.out`; `ID` stands for the service's id, and a folder ends with `/`.
    pub writes: &'static [&'static str],
    /// Says what is wrong with options, which are filled in, of the kind with this name.
    pub check: fn(&str, &Map<String, Json>) -> Result<(), String>,
}

/// Returns every problem that can be found without running the playbook, errors and warnings.
pub fn lint(entry: &Entry, known: Known<'_>) -> Vec<Diagnostic> {
    let (playbook, problems) = assemble(&entry.folder, &entry.samples);
    let Some(playbook) = playbook else { return problems };
    let mut linter = Linter { playbook: &playbook, known, problems };
    structure::check(&mut linter, &entry.id);
    files::check(&mut linter);
    services::check(&mut linter);
    style::check(&mut linter, &entry.glossary);
    botnet::check(&mut linter);
    for language in playbook.languages() {
        linter.problems.extend(playbook.translation(&language).1);
    }
    linter.problems
}

struct Linter<'a> {
    playbook: &'a Playbook,
    known: Known<'a>,
    problems: Vec<Diagnostic>,
}

impl Linter<'_> {
    /// Finds what is known of a kind of service.
    fn kind(&self, name: &str) -> Option<KnownService> {
        self.known.services.iter().copied().find(|known| known.kind == name)
    }

    fn add(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Adds a problem that is at a value of `playbook.yaml`.
    fn at<T>(&mut self, value: &Located<T>, problem: Diagnostic) {
        let problem = problem.at(self.playbook.at(value));
        self.problems.push(problem);
    }
}

/// Makes the problem of a name that does not exist, with the nearest one and, if they are few, all of them.
fn unknown<'a>(
    code: &'static str,
    what: &str,
    name: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let names: Vec<&str> = names.into_iter().collect();
    let problem = Diagnostic::error(code, format!("there is no {what} {name:?}"));
    let problem = match suggest(name, names.iter().copied()) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem,
    };
    match names.len() {
        0 => problem.help(format!("there is no {what} at all")),
        1..=10 => problem.help(format!("there are: {}", names.join(", "))),
        _ => problem,
    }
}
