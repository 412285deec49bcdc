//! A bot's id, module, group and the keys beside its parameters.

use crate::diagnostic::{Diagnostic, Span, suggest};

use super::super::bot::{IGNORED_KEYS, SYSTEM_KEYS};
use super::super::generic::{GENERIC, generic};
use super::super::node::Yaml;
use super::super::spec::Spec;
use super::super::{BotConfig, Pipeline};
use super::{Check, modules, parameters};

/// Makes the problem of a bot that the file does not have.
pub(super) fn unknown(pipeline: &Pipeline, id: &str) -> Diagnostic {
    let ids = || pipeline.bots().iter().map(BotConfig::id);
    let mut help = format!("the bots of this file are: {}", ids().collect::<Vec<_>>().join(", "));
    if let Some(near) = suggest(id, ids()) {
        help = format!("did you mean `{near}`? {help}");
    }
    Diagnostic::error("unknown-bot", format!("no bot is called {id:?}"))
        .at(pipeline.at(Span::default()))
        .help(help)
}

impl Check<'_> {
    /// Checks everything about one bot that can be told without the others.
    pub(super) fn bot(&mut self, bot: &BotConfig) {
        self.id(bot);
        let spec = self.module(bot);
        self.keys(bot, spec);
        self.parameters(bot, spec);
        self.paths(bot, spec);
    }

    fn id(&mut self, bot: &BotConfig) {
        let id = bot.id();
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return;
        }
        let plain: String =
            id.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
        let problem = self.error("illegal-bot-id", bot.span(), format!("{id:?} cannot be the id of a bot"));
        let problem = problem.label("letters of ASCII, digits and `-` only");
        let plain = plain.trim_matches('-').to_owned();
        self.add(if plain.is_empty() { problem } else { problem.help(format!("call it `{plain}`")) });
    }

    fn module(&mut self, bot: &BotConfig) -> Option<&'static Spec> {
        let module = match bot.key("module") {
            Some((_, node)) if !bot.module().is_empty() => node,
            // What is no text has been told as such.
            Some((_, node)) if !matches!(node.value, Yaml::Null | Yaml::Text(_)) => return None,
            _ => {
                let problem = self.error("missing-module", bot.span(), format!("{} has no module", bot.id()));
                self.add(problem.help("add `module:` with the path of the module that the bot runs"));
                return None;
            }
        };
        let found = self.spec(bot);
        if found.is_none() {
            let title = format!("no module is called {:?}", bot.module());
            let problem = self.error("unknown-module", module.span, title);
            let known = self.registry.modules();
            self.add(match modules::nearest(bot.module(), &known) {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => problem.help("only modules that are built in run here; others need IntelMQ itself"),
            });
        }
        found
    }

    fn keys(&mut self, bot: &BotConfig, spec: Option<&Spec>) {
        for (key, value) in &bot.system {
            match key.value.as_str() {
                "group" => self.group(bot, spec),
                "run_mode" => {
                    if let Some(param) = GENERIC.iter().find(|param| param.name == "run_mode") {
                        self.value(param, value);
                    }
                }
                name if SYSTEM_KEYS.contains(&name) || IGNORED_KEYS.contains(&name) => {}
                name => {
                    let title = format!("{name:?} is no key of a bot and will be ignored");
                    let problem = self.warning("unknown-key", key.span, title);
                    let known = SYSTEM_KEYS.into_iter().chain(["parameters"]);
                    let params = generic(bot.kind()).chain(spec.into_iter().flat_map(|spec| spec.params));
                    self.add(if params.into_iter().any(|param| param.name == name) {
                        problem
                            .label("this is a parameter")
                            .help("move it below `parameters:`, indented by two more")
                    } else if let Some(near) = suggest(name, known) {
                        problem.label(format!("did you mean `{near}`?"))
                    } else {
                        problem.help("parameters stand below `parameters:`")
                    });
                }
            }
        }
    }

    fn group(&mut self, bot: &BotConfig, spec: Option<&Spec>) {
        let kind = spec.map(|spec| spec.kind).or_else(|| bot.kind());
        let (Some(kind), Some(group), Some((_, node))) = (kind, bot.group(), bot.key("group")) else {
            return;
        };
        if group == kind.group() {
            return;
        }
        let title = format!("{} is in the group {group:?}, but its module is of another", bot.id());
        let problem = self.warning("wrong-group", node.span, title);
        self.add(problem.label(format!("write `{}`", kind.group())));
    }

    /// Checks what `global` says, apart from what only some bots read.
    pub(super) fn global(&mut self) {
        let modules = self.registry.modules();
        let specs: Vec<&Spec> = modules.iter().filter_map(|module| self.registry.find(module)).collect();
        let own = specs.iter().flat_map(|spec| spec.params);
        let known: Vec<&str> = parameters::everywhere().chain(own).map(|param| param.name).collect();
        for (key, value) in self.pipeline.global() {
            if let Some(param) = parameters::everywhere().find(|param| param.name == key.value) {
                self.value(param, value);
            } else if !known.contains(&key.value.as_str()) {
                let title = format!("no bot has a parameter {:?}", key.value);
                let problem = self.warning("unknown-parameter", key.span, title);
                self.add(match suggest(&key.value, known.iter().copied()) {
                    Some(near) => problem.label(format!("did you mean `{near}`?")),
                    None => problem.help("it is kept; remove it if no bot of your own reads it"),
                });
            }
        }
    }
}
