//! What is wrong with a botnet: every fault at once, each with its line and what to do.
//!
//! An error is what cannot run, or would lose or double messages, or is almost surely a slip of the pen (a name that is
//! nearly a known one). A warning is what runs, if perhaps not as meant; a site's own parameters are no more than that.

mod bots;
mod files;
mod modules;
mod parameters;
mod paths;
mod queues;

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Source, Span};

use super::environment::Environment;
use super::read;
use super::spec::Spec;
use super::{BotConfig, Pipeline};

/// The modules that bots may be of.
pub trait Registry {
    /// Finds a module by its path.
    fn find(&self, module: &str) -> Option<&'static Spec>;

    /// Lists the paths of all modules.
    fn modules(&self) -> Vec<&'static str>;

    /// Tells whether bots of a module write a database that can be asked what is in it.
    fn asks(&self, _module: &str) -> bool {
        false
    }
}

/// Returns everything that is wrong with a botnet.
pub fn validate(pipeline: &Pipeline, registry: &dyn Registry) -> Vec<Diagnostic> {
    let environment = Environment::default();
    let mut check = Check::new(pipeline, registry, &environment);
    if pipeline.bots().is_empty() {
        check.add(
            Diagnostic::error("no-bots", "the file has no bots")
                .at(pipeline.at(Span::default()))
                .help("add a bot: its id, and below it `module:` and `parameters:`"),
        );
    }
    check.global();
    for bot in pipeline.bots() {
        check.bot(bot);
    }
    check.queues();
    check.files();
    check.without_effect();
    check.problems()
}

/// Returns what is wrong with one bot, whatever the rest of the botnet is like; for processes that run a single bot.
///
/// Parameters that the environment sets count as set. An unknown bot is an error.
pub fn validate_bot(
    pipeline: &Pipeline,
    id: &str,
    registry: &dyn Registry,
    environment: &Environment,
) -> Vec<Diagnostic> {
    let mut check = Check::new(pipeline, registry, environment);
    match pipeline.bot(id) {
        Some(bot) => check.bot(bot),
        None => check.add(bots::unknown(pipeline, id)),
    }
    check.problems()
}

impl Pipeline {
    /// Reads and validates a file: the botnet and its warnings, or everything that is wrong, warnings included.
    pub fn load(
        source: Source,
        registry: &dyn Registry,
    ) -> Result<(Pipeline, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (pipeline, mut problems) = read::read(source);
        if let Some(pipeline) = &pipeline {
            problems.extend(validate(pipeline, registry));
        }
        match pipeline {
            Some(pipeline) if !problems.iter().any(Diagnostic::is_error) => Ok((pipeline, problems)),
            _ => Err(problems),
        }
    }
}

/// One validation under way.
struct Check<'a> {
    pipeline: &'a Pipeline,
    registry: &'a dyn Registry,
    environment: &'a Environment,
    found: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn new(pipeline: &'a Pipeline, registry: &'a dyn Registry, environment: &'a Environment) -> Self {
        Check { pipeline, registry, environment, found: Vec::new() }
    }

    fn add(&mut self, problem: Diagnostic) {
        self.found.push(problem);
    }

    /// Makes an error that points at a place of the file.
    fn error(&self, code: &'static str, at: Span, title: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, title).at(self.pipeline.at(at))
    }

    /// Makes a warning that points at a place of the file.
    fn warning(&self, code: &'static str, at: Span, title: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, title).at(self.pipeline.at(at))
    }

    fn spec(&self, bot: &BotConfig) -> Option<&'static Spec> {
        self.registry.find(bot.module())
    }

    /// Returns the problems; what several bots inherit from `global` is told once.
    fn problems(self) -> Vec<Diagnostic> {
        let mut seen = HashSet::new();
        let mut found = self.found;
        found.retain(|problem| {
            let place = problem.at.as_ref().map(|at| (at.span, problem.title.clone()));
            seen.insert((problem.code, place))
        });
        found
    }
}

/// A list of modules is a registry, for tests whose complaints shall not change with the real ones.
#[cfg(test)]
impl Registry for &'static [Spec] {
    fn find(&self, module: &str) -> Option<&'static Spec> {
        self.iter().find(|spec| spec.module == module)
    }

    fn modules(&self) -> Vec<&'static str> {
        self.iter().map(|spec| spec.module).collect()
    }
}

#[cfg(test)]
mod tests;
