//! `playbook.yaml` as it is written, before texts and golden events are read.

use serde::Deserialize;
use serde_json::Value as Json;

use super::action::Action;
use super::period::Period;
use crate::check::Expectation;
use crate::diagnostic::Located;

/// The version of the format that this program reads.
pub const FORMAT: u64 = 1;

/// Just the version, so that a playbook of another version is told so before its keys are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) format: Option<Located<Json>>,
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(rename = "format")]
    _format: u64,
    pub(super) id: Located<String>,
    pub(super) title: Located<String>,
    pub(super) summary: Located<String>,
    pub(super) level: Level,
    pub(super) minutes: Located<u32>,
    pub(super) botnet: Located<String>,
    #[serde(default)]
    pub(super) services: Vec<Service>,
    #[serde(default)]
    pub(super) secrets: Vec<Located<String>>,
    pub(super) steps: Vec<StepDocument>,
}

/// Who a playbook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Has never seen IntelMQ.
    Beginner,
    /// Has run a botnet.
    Intermediate,
    /// Runs one every day.
    Advanced,
}

impl Level {
    /// Returns the word that playbooks have for it.
    pub fn word(self) -> &'static str {
        match self {
            Level::Beginner => "beginner",
            Level::Intermediate => "intermediate",
            Level::Advanced => "advanced",
        }
    }
}

/// A simulated feed, or something else that runs beside the botnet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What templates call it.
    pub id: Located<String>,
    /// What it is.
    pub kind: Located<String>,
    /// What it publishes: `sample:NAME` or files of the playbook.
    #[serde(default)]
    pub data: Vec<Located<String>>,
    /// Its own options, whose texts may hold variables.
    #[serde(default)]
    pub options: serde_json::Map<String, Json>,
}

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    pub(super) id: Located<String>,
    pub(super) title: Option<Located<String>>,
    pub(super) say: Located<String>,
    pub(super) notes: Option<Located<String>>,
    #[serde(default, rename = "do")]
    pub(super) actions: Vec<Located<Action>>,
    #[serde(default)]
    pub(super) expect: Vec<Located<Expectation>>,
    #[serde(default)]
    pub(super) still: Vec<Located<Expectation>>,
    #[serde(default)]
    pub(super) hint: Vec<Located<String>>,
    pub(super) within: Option<Located<Period>>,
}
