//! A bot's parameters: their names, their types, those that must be there, and how many instances there may be.

use crate::diagnostic::{Span, suggest};

use super::super::BotConfig;
use super::super::bot::{SYSTEM_KEYS, find};
use super::super::generic::{COLLECTOR, GENERIC, OUTPUT, PARSER, generic};
use super::super::node::{Node, Yaml};
use super::super::spec::{Kind, Param, ParamKind, Spec};
use super::Check;

/// Generic parameters that this program takes and does not use, by how they start.
const WITHOUT_EFFECT: &[&str] = &[
    "error_log_exception",
    "log_processed_messages_",
    "logging_handler",
    "logging_max_",
    "logging_path",
    "logging_syslog",
    "process_manager",
    "stop_retry_limit",
];

/// Returns the parameters that `global` may set for one bot or another without knowing its module.
pub(super) fn everywhere() -> impl Iterator<Item = &'static Param> {
    [GENERIC, COLLECTOR, PARSER, OUTPUT].into_iter().flatten()
}

impl Check<'_> {
    pub(super) fn parameters(&mut self, bot: &BotConfig, spec: Option<&'static Spec>) {
        let kind = spec.map(|spec| spec.kind).or_else(|| bot.kind());
        let own = spec.map_or(&[][..], |spec| spec.params);
        // A module may say more about a generic parameter than the table does, so its own come first.
        let known = || own.iter().chain(generic(kind));
        for (key, value) in bot.parameters() {
            match known().find(|param| param.name == key.value) {
                Some(param) => self.value(param, value),
                None if spec.is_some() => {
                    let near = suggest(&key.value, known().map(|param| param.name));
                    let title = format!("{} has no parameter {:?}", bot.id(), key.value);
                    self.add(match near {
                        Some(near) => self
                            .error("unknown-parameter", key.span, title)
                            .label(format!("did you mean `{near}`?"))
                            .help(names_of(own)),
                        None => self
                            .warning("unknown-parameter", key.span, title)
                            .help(format!("it is kept, but nothing reads it; {}", names_of(own))),
                    });
                }
                // Of a module that is not known neither are the parameters.
                None => {}
            }
        }
        for param in own {
            match find(self.pipeline.global(), param.name) {
                Some((_, value)) if bot.parameter(param.name).is_none() => self.value(param, value),
                _ => {}
            }
            self.required(bot, param);
        }
        if let Some(spec) = spec {
            self.instances(bot, spec);
        }
    }

    /// Warns once of all parameters that are set to something else than their default and have no effect here.
    pub(super) fn without_effect(&mut self) {
        let bots = self.pipeline.bots().iter().flat_map(BotConfig::parameters);
        let mut idle: Vec<(&str, Span)> = Vec::new();
        for (key, value) in self.pipeline.global().iter().chain(bots) {
            let name = key.value.as_str();
            let known = GENERIC.iter().find(|param| param.name == name);
            let unused = WITHOUT_EFFECT.iter().any(|start| name.starts_with(start));
            let changed = known.is_some_and(|param| param.default_json() != value.to_json());
            if unused && changed && !idle.iter().any(|(other, _)| *other == name) {
                idle.push((name, key.span));
            }
        }
        let Some((_, at)) = idle.first() else { return };
        let names = idle.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let title = format!("what is set here is IntelMQ's own and has no effect in this program: {names}");
        let problem = self.warning("no-effect", *at, title);
        self.add(problem.help(
            "it may stay for IntelMQ; logs, queues and dumps are where this program was told to put them",
        ));
    }

    /// Checks the type of a parameter's value.
    pub(super) fn value(&mut self, param: &Param, value: &Node) {
        let Some(wanted) = misfit(param.kind, &value.value) else { return };
        let found = match &value.value {
            Yaml::Text(text) => format!("{text:?}"),
            Yaml::Number(number) => number.to_string(),
            Yaml::Bool(flag) => flag.to_string(),
            other => other.kind().to_owned(),
        };
        let title = format!("{} must be {wanted}, not {found}", param.name);
        let problem = self.error("wrong-type", value.span, title);
        let near = match (param.kind, value.as_text()) {
            (ParamKind::Choice(words), Some(text)) => suggest(text, words.iter().copied()),
            (ParamKind::Bool, Some(text)) => boolean(text),
            _ => None,
        };
        let problem = match near {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem,
        };
        self.add(problem.help(format!("{}: {}", param.name, param.doc)));
    }

    fn required(&mut self, bot: &BotConfig, param: &Param) {
        let set = |found: Option<&Node>| found.is_some_and(|node| node.value != Yaml::Null);
        let there = !param.required
            || set(self.pipeline.effective(bot, param.name))
            || SYSTEM_KEYS.contains(&param.name) && set(bot.key(param.name).map(|(_, node)| node))
            || self.environment.iter().any(|(name, _)| name == param.name);
        if there {
            return;
        }
        let title = format!("{} needs the parameter {:?}", bot.id(), param.name);
        let at = bot.parameter(param.name).map_or(bot.span(), |(key, _)| key.span);
        let problem = self.error("missing-parameter", at, title);
        self.add(problem.help(format!("add `{}:` to its parameters: {}", param.name, param.doc)));
    }

    fn instances(&mut self, bot: &BotConfig, spec: &Spec) {
        let Some(node) = self.pipeline.effective(bot, "instances_threads") else { return };
        let count = match &node.value {
            Yaml::Number(number) => number.as_i64(),
            Yaml::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let reason = match (count, spec.kind) {
            (None | Some(..=1), _) => return,
            (_, Kind::Collector) => "a collector has no queue to share, each instance would fetch everything",
            _ if spec.stateful => "it remembers what it saw, and instances do not know each other's memory",
            _ => return,
        };
        let title = format!("{} cannot run as several instances: {reason}", bot.id());
        let problem = self.error("instances", node.span, title);
        self.add(match bot.parameter("instances_threads") {
            Some(_) => problem.help("remove it, or set it to 1"),
            None => problem.help(format!("set `instances_threads: 1` in the parameters of {}", bot.id())),
        });
    }
}

fn names_of(own: &[Param]) -> String {
    let names: Vec<&str> = own.iter().map(|param| param.name).collect();
    if names.is_empty() {
        "its module has no parameters of its own, only the generic ones".to_owned()
    } else {
        format!("its module's own parameters: {}", names.join(", "))
    }
}

/// Returns what a value must be, if it is not.
fn misfit(kind: ParamKind, value: &Yaml) -> Option<String> {
    let is_number = |value: &Yaml, fits: fn(&str) -> bool| match value {
        Yaml::Number(number) => fits(&number.to_string()),
        Yaml::Text(text) => fits(text.trim()),
        _ => false,
    };
    let is_text = |value: &Yaml| matches!(value, Yaml::Text(_) | Yaml::Number(_));
    let (fits, wanted) = match kind {
        _ if *value == Yaml::Null => return None,
        ParamKind::Any => return None,
        ParamKind::Text => (is_text(value), "a text"),
        ParamKind::Int => (is_number(value, |text| text.parse::<i64>().is_ok()), "a whole number"),
        ParamKind::Float => (is_number(value, |text| text.parse().is_ok_and(f64::is_finite)), "a number"),
        ParamKind::Bool => (is_flag(value), "true or false"),
        ParamKind::Map => (matches!(value, Yaml::Map(_)), "a mapping of keys to values"),
        ParamKind::List => match value {
            Yaml::List(list) => (list.iter().all(|item| is_text(&item.value)), "a list of texts"),
            other => (matches!(other, Yaml::Text(_)), "a list, or a text with commas between the items"),
        },
        ParamKind::Choice(words) => {
            let fits = value.as_text().is_some_and(|text| words.contains(&text));
            return (!fits).then(|| format!("one of {}", words.join(", ")));
        }
    };
    (!fits).then(|| wanted.to_owned())
}

/// Tells whether a value is a flag; 0 and 1 are, as Python takes them.
fn is_flag(value: &Yaml) -> bool {
    match value {
        Yaml::Bool(_) => true,
        Yaml::Number(number) => matches!(number.as_i64(), Some(0 | 1)),
        _ => false,
    }
}

/// Returns the flag that a text means; Python takes any text that is not empty for true.
fn boolean(text: &str) -> Option<&'static str> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "1" => Some("true"),
        "false" | "no" | "off" | "n" | "0" => Some("false"),
        _ => None,
    }
}
