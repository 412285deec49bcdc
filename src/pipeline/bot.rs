//! One bot of a botnet, as the file has it.

use crate::diagnostic::{Located, Span};

use super::node::{Mapping, Node, Yaml};
use super::spec::Kind;

/// The keys beside `parameters` that become parameters of the bot.
pub(super) const SYSTEM_KEYS: [&str; 6] = ["enabled", "run_mode", "group", "description", "module", "name"];
/// Further keys that IntelMQ knows and ignores.
pub(super) const IGNORED_KEYS: [&str; 2] = ["bot_id", "groupname"];

/// How long a bot runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunMode {
    /// Until it is stopped.
    #[default]
    Continuous,
    /// Until it has done one round.
    Scheduled,
}

impl RunMode {
    /// Reads the word of the configuration; other words are `None`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "continuous" => Some(RunMode::Continuous),
            "scheduled" => Some(RunMode::Scheduled),
            _ => None,
        }
    }
}

/// One bot as its file has it; parameters with defaults and all are [`super::Pipeline::params`].
#[derive(Debug, Clone, PartialEq)]
pub struct BotConfig {
    pub(super) id: Located<String>,
    /// Everything but `parameters`.
    pub(super) system: Mapping,
    pub(super) parameters: Mapping,
}

impl BotConfig {
    /// Returns the id.
    pub fn id(&self) -> &str {
        &self.id.value
    }

    /// Returns where the id stands.
    pub fn span(&self) -> Span {
        self.id.span
    }

    /// Returns the module path, such as `intelmq.bots.experts.filter.expert`; empty if there is none.
    pub fn module(&self) -> &str {
        self.text("module").unwrap_or_default()
    }

    /// Returns the group as written.
    pub fn group(&self) -> Option<&str> {
        self.text("group")
    }

    /// Returns the display name.
    pub fn name(&self) -> Option<&str> {
        self.text("name")
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.text("description")
    }

    /// Tells whether the bot starts with the botnet.
    pub fn enabled(&self) -> bool {
        self.key("enabled").is_none_or(|(_, node)| node.value != Yaml::Bool(false))
    }

    /// Returns the run mode of the file; anything unknown is continuous.
    pub fn run_mode(&self) -> RunMode {
        let own = self.parameter("run_mode").or_else(|| self.key("run_mode"));
        own.and_then(|(_, node)| node.as_text()).and_then(RunMode::parse).unwrap_or_default()
    }

    /// Returns what kind of bot it is by its module path, or else by its group.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of_module(self.module()).or_else(|| self.group().and_then(Kind::of_group))
    }

    /// Returns its own parameters as the file has them, in order.
    pub fn parameters(&self) -> &Mapping {
        &self.parameters
    }

    /// Finds one of its own parameters; of two with one name the last counts.
    pub fn parameter(&self, name: &str) -> Option<(&Located<String>, &Node)> {
        find(&self.parameters, name)
    }

    /// Finds a key beside `parameters`.
    pub(super) fn key(&self, name: &str) -> Option<(&Located<String>, &Node)> {
        find(&self.system, name)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.key(key).and_then(|(_, node)| node.as_text())
    }
}

/// Finds a key of a mapping; of two with one name the last counts.
pub(super) fn find<'a>(mapping: &'a Mapping, name: &str) -> Option<(&'a Located<String>, &'a Node)> {
    mapping.iter().rev().find(|(key, _)| key.value == name).map(|(key, node)| (key, node))
}
