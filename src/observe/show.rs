//! What a text's blocks show of a lab: events, dumped messages, log lines, a bot's part of the runtime file.

use serde_json::{Map, Value as Json};

use super::{Baseline, Observer};
use crate::check::{Event, LogSeen, Need, Places, dumped_row, events_of, fits};
use crate::diagnostic::Source;
use crate::pipeline::Pipeline;
use crate::playbook::{Show, ShowDump, ShowEvents, ShowLog};
use crate::runtime::control::ControlError;

/// How many lines of a dumped message are shown: its head, and a row.
const LINES: usize = 2;

/// What is shown where there is nothing to show.
const NOTHING: &str = "(nothing)";

/// Returns what must be known before a step, so that a block shows only what came since.
pub fn need_of(show: &Show) -> Option<Need> {
    match show {
        Show::Events(events) => Some(Need::Output(events.file.value.clone())),
        Show::Dump(dump) => Some(Need::Dump(dump.bot.value.clone())),
        Show::Log(_) => Some(Need::Log(None)),
        Show::Lines(_) | Show::Change(_) | Show::Bot(_) => None,
    }
}

impl Observer {
    /// Returns what a block shows of what came since; what stands in the playbook itself is empty.
    pub fn show(&mut self, show: &Show, since: &Baseline) -> Result<String, ControlError> {
        let texts = match show {
            Show::Lines(_) | Show::Change(_) => return Ok(String::new()),
            Show::Bot(bot) => Vec::from_iter(part_of(&self.client.configuration()?.text, bot)),
            Show::Events(events) => self.events(events, since)?,
            Show::Dump(dump) => self.dumped(dump, since)?,
            Show::Log(log) => self.logged(log, since)?,
        };
        Ok(if texts.is_empty() { NOTHING.to_owned() } else { texts.join("\n") })
    }

    fn events(&self, show: &ShowEvents, since: &Baseline) -> Result<Vec<String>, ControlError> {
        let text = self.output(&show.file)?.unwrap_or_default();
        let seen = events_of(since.after(&show.file, &text), &Places::default());
        let found = seen.events.iter().filter(|event| fits(event, &show.filter));
        Ok(found.take(show.most).map(|event| of_event(event, &show.only)).collect())
    }

    fn dumped(&self, show: &ShowDump, since: &Baseline) -> Result<Vec<String>, ControlError> {
        let entries = self.dump(&show.bot)?.unwrap_or_default();
        let new = entries.iter().filter(|entry| since.is_new(&show.bot, &entry.id));
        let texts = new.map(|entry| (entry.traceback.trim().to_owned(), dumped_row(&entry.message)));
        let has = |(error, row): &(String, String)| {
            show.contains.as_ref().is_none_or(|text| error.contains(text) || row.contains(text))
        };
        Ok(texts.filter(has).take(show.most).map(|(error, row)| of_dump(&error, &row)).collect())
    }

    fn logged(&mut self, show: &ShowLog, since: &Baseline) -> Result<Vec<String>, ControlError> {
        let lines = self.log.read(&self.client)?;
        let fits = |line: &&LogSeen| {
            show.bot.as_ref().is_none_or(|bot| bot.value == line.bot)
                && show.level.is_none_or(|level| line.level >= level)
                && show.contains.as_ref().is_none_or(|text| line.text.contains(text))
        };
        let found = lines.get(since.log..).unwrap_or_default().iter().filter(fits);
        Ok(found.take(show.most).map(of_line).collect())
    }
}

/// Writes an event as JSON, a field a line, in the order that is asked for.
fn of_event(event: &Event, only: &[String]) -> String {
    let all: Vec<&String> = if only.is_empty() { event.keys().collect() } else { only.iter().collect() };
    let fields = all.into_iter().filter_map(|name| Some((name.clone(), event.get(name)?.clone())));
    let fields = Json::Object(fields.collect::<Map<_, _>>());
    format!("{fields:#}")
}

fn of_dump(error: &str, row: &str) -> String {
    let mut lines: Vec<String> = vec![error.to_owned()];
    lines.extend(row.lines().take(LINES).map(|line| format!("  {line}")));
    let more = row.lines().count().saturating_sub(LINES);
    lines.extend((more > 0).then(|| format!("  and {more} more")));
    lines.join("\n")
}

fn of_line(line: &LogSeen) -> String {
    let level = line.level.word().to_uppercase();
    format!("{level} {}: {}", line.bot, line.text)
}

/// Cuts a bot's part out of a runtime file, as it is written there: from its id to the next line that is not indented.
fn part_of(runtime: &str, bot: &str) -> Option<String> {
    let pipeline = Pipeline::parse(Source::new("runtime.yaml", runtime)).ok()?;
    let mut lines = runtime.get(pipeline.bot(bot)?.span().start..)?.lines();
    let first = lines.next()?;
    let inner = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let part: Vec<&str> = std::iter::once(first).chain(inner).collect();
    Some(part.join("\n").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_shown_is_cut_to_what_is_asked_for() {
        let event: Event =
            serde_json::from_value(json!({"source.asn": 64500, "source.ip": "192.0.2.1"})).unwrap();
        let only = ["source.ip".to_owned(), "source.port".to_owned()];
        assert_eq!(of_event(&event, &only), "{\n  \"source.ip\": \"192.0.2.1\"\n}");
        assert_eq!(of_event(&event, &[]).lines().count(), 4);
        assert_eq!(of_dump("why", "ip\n1\n2\n3\n"), "why\n  ip\n  1\n  and 2 more");
        let runtime =
            "a-parser:\n  module: x\n\nparser:\n  module: y\n  parameters:\n    z: 1\noutput:\n  module: w\n";
        assert_eq!(part_of(runtime, "parser").unwrap(), "parser:\n  module: y\n  parameters:\n    z: 1");
        assert_eq!(part_of(runtime, "none"), None);
        let by_hand = "\"parser\":  # of rows\n  module: y\nother: {module: z}\n";
        assert_eq!(part_of(by_hand, "parser").unwrap(), "\"parser\":  # of rows\n  module: y");
        assert_eq!(part_of(by_hand, "other").unwrap(), "other: {module: z}");
    }
}
