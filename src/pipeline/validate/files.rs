//! What bots share outside their queues: two outputs must not append to one file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::super::BotConfig;
use super::super::spec::Kind;
use super::Check;

/// The parameter of an output that names the file which it appends to.
const FILE: &str = "file";

impl Check<'_> {
    /// Checks that no two enabled outputs name the same file.
    pub(super) fn files(&mut self) {
        let mut first: HashMap<PathBuf, &BotConfig> = HashMap::new();
        for bot in self.pipeline.bots().iter().filter(|bot| bot.enabled()) {
            let Some(file) = self.file(bot) else { continue };
            // `./` makes no other file.
            let plain: PathBuf = Path::new(&file).components().collect();
            let Some(other) = first.get(&plain) else {
                first.insert(plain, bot);
                continue;
            };
            // A bot that stands twice in the file is another fault, which has been told.
            if other.id() == bot.id() {
                continue;
            }
            let place =
                |bot: &BotConfig| self.pipeline.effective(bot, FILE).map_or(bot.span(), |node| node.span);
            let title = format!("{} and {} both write to {file:?}", other.id(), bot.id());
            let problem = self.error("same-file", place(bot), title);
            let problem = problem.related(self.pipeline.at(place(other)), "written to here too");
            self.add(
                problem.help("give each a file of its own, or let both bots before them send to one output"),
            );
        }
    }

    /// Returns the file that an output appends to, unless its name depends on the event.
    fn file(&self, bot: &BotConfig) -> Option<String> {
        let spec = self.spec(bot).filter(|spec| spec.kind == Kind::Output)?;
        let param = spec.params.iter().find(|param| param.name == FILE)?;
        let named = self.pipeline.effective(bot, "format_filename").map(|node| node.to_json());
        if named.is_some_and(|flag| flag == Json::Bool(true)) {
            return None;
        }
        let set = self.pipeline.effective(bot, FILE).and_then(|node| node.as_text()).map(str::to_owned);
        set.or_else(|| param.default_json().as_str().map(str::to_owned))
    }
}
