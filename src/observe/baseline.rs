//! What was there when a step began.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::runtime::control::BotStatus;

/// What was there when a step began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Bytes of output files.
    pub(super) outputs: BTreeMap<String, usize>,
    /// Ids of dumped messages by bot.
    pub(super) dumps: BTreeMap<String, BTreeSet<String>>,
    /// Lines of the log.
    pub(super) log: usize,
    /// The bots with their numbers.
    pub(super) bots: Vec<BotStatus>,
}

impl Baseline {
    /// Returns what was added to an output file; all of it if it is shorter than it was, for then it is another file.
    pub(super) fn after<'a>(&self, file: &str, text: &'a str) -> &'a str {
        text.get(self.outputs.get(file).copied().unwrap_or(0)..).unwrap_or(text)
    }

    pub(super) fn is_new(&self, bot: &str, id: &str) -> bool {
        !self.dumps.get(bot).is_some_and(|ids| ids.contains(id))
    }

    pub(super) fn bot(&self, id: &str) -> Option<&BotStatus> {
        self.bots.iter().find(|bot| bot.id == id)
    }
}
