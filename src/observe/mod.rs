//! Looks at a lab, through its control service only, and says what was seen in the words of `check`.

mod baseline;
mod log;
mod show;

use std::collections::BTreeSet;
use std::time::Duration;

pub use baseline::Baseline;
use log::LogReader;
use serde_json::Value as Json;
pub use show::need_of;

use crate::check::{
    Answer, BotSeen, DumpSeen, Expectation, Need, Observation, Places, Row, State, dumped_row, events_of,
};
use crate::runtime::control::{
    BotState, BotStatus, Client, ControlError, DumpEntry, Outside, Question, Snapshot,
};
use crate::template::{Variables, fill};

/// How long a URL may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Looks at one lab.
#[derive(Debug)]
pub struct Observer {
    client: Client,
    variables: Variables,
    places: Places,
    log: LogReader,
}

impl Observer {
    /// Looks at a lab where templates have these values; nothing is asked yet.
    pub fn new(client: Client, variables: Variables, places: Places) -> Self {
        Observer { client, variables, places, log: LogReader::default() }
    }

    /// Remembers what is there now, so that later only what came since is seen.
    pub fn baseline(&mut self, needs: &[Need], snapshot: &Snapshot) -> Result<Baseline, ControlError> {
        let mut baseline = Baseline { bots: snapshot.bots.clone(), ..Baseline::default() };
        for need in needs {
            match need {
                Need::Output(file) => {
                    let length = self.output(file)?.map_or(0, |text| text.len());
                    baseline.outputs.insert(file.clone(), length);
                }
                Need::Dump(bot) => {
                    let ids = self.dump(bot)?.unwrap_or_default().into_iter().map(|entry| entry.id);
                    baseline.dumps.insert(bot.clone(), ids.collect());
                }
                Need::Log(_) => baseline.log = self.log.read(&self.client)?.len(),
                _ => {}
            }
        }
        Ok(baseline)
    }

    /// Looks at what is needed; with a baseline only at what came since.
    ///
    /// Whether the botnet is idle is left open.
    pub fn look(
        &mut self,
        needs: &[Need],
        since: Option<&Baseline>,
        snapshot: &Snapshot,
    ) -> Result<Observation, ControlError> {
        let nothing = Baseline::default();
        let since = since.unwrap_or(&nothing);
        let mut seen = Observation::default();
        for need in needs {
            self.add(&mut seen, need, since, snapshot)?;
        }
        Ok(seen)
    }

    fn add(
        &mut self,
        seen: &mut Observation,
        need: &Need,
        since: &Baseline,
        snapshot: &Snapshot,
    ) -> Result<(), ControlError> {
        match need {
            Need::Output(file) => {
                if let Some(text) = self.output(file)? {
                    seen.outputs.insert(file.clone(), events_of(since.after(file, &text), &self.places));
                }
            }
            Need::Queue(name) => {
                let queue = snapshot.queues.iter().find(|queue| queue.name == *name);
                seen.queues.extend(queue.map(|queue| (name.clone(), queue.waiting + queue.in_flight)));
            }
            Need::Dump(bot) => {
                if let Some(entries) = self.dump(bot)? {
                    let new = entries.iter().filter(|entry| since.is_new(bot, &entry.id));
                    seen.dumps.insert(bot.clone(), new.map(dump_seen).collect());
                }
            }
            Need::Log(_) => {
                let lines = self.log.read(&self.client)?;
                seen.log = lines.get(since.log..).unwrap_or_default().to_vec();
            }
            Need::Bot(id) => {
                let bot = snapshot.bots.iter().find(|bot| bot.id == *id);
                seen.bots.extend(bot.map(|bot| (id.clone(), bot_seen(bot, since.bot(id)))));
            }
            Need::File(path) => {
                let text = self.output(path)?.map(|text| self.places.hide(&text));
                seen.files.extend(text.map(|text| (path.clone(), text)));
            }
            Need::Http(url, method) => {
                seen.answers.insert((url.clone(), method.clone()), self.ask(url, method));
            }
            Need::Table(bot, query) => {
                seen.tables.insert((bot.clone(), query.clone()), self.rows(bot, query)?);
            }
        }
        Ok(())
    }

    /// Returns the text of a file below `lab.out`; `None` if there is none.
    fn output(&self, file: &str) -> Result<Option<String>, ControlError> {
        let bytes = self.client.get_file(&format!("out/{file}"))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns what a bot gave up; `None` if there is no such bot.
    fn dump(&self, bot: &str) -> Result<Option<Vec<DumpEntry>>, ControlError> {
        match self.client.dump(bot) {
            Err(ControlError::Refused(problem)) if problem.status == 404 => Ok(None),
            entries => entries.map(Some),
        }
    }

    /// Returns what the database that a bot writes answers to a query, or why it does not.
    fn rows(&self, bot: &str, query: &str) -> Result<Result<Vec<Row>, String>, ControlError> {
        let mut rows = match self.client.rows(bot, query) {
            Ok(rows) if rows.more => {
                return Ok(Err(format!("more than {} rows; ask for fewer", rows.rows.len())));
            }
            Ok(rows) => rows.rows,
            Err(ControlError::Refused(problem)) => return Ok(Err(problem.title)),
            Err(error) => return Err(error),
        };
        for cell in rows.iter_mut().flatten() {
            if let Json::String(text) = cell {
                *text = self.places.hide(text);
            }
        }
        Ok(Ok(rows))
    }

    fn ask(&self, url: &str, method: &str) -> Result<Answer, String> {
        let url = fill(url, &self.variables.from_outside()).map_err(|problems| {
            problems.iter().map(|problem| problem.title.clone()).collect::<Vec<_>>().join("; ")
        })?;
        let question = Question { method: method.to_owned(), url, ..Question::default() };
        let reply = Outside::new(ANSWER)?.ask(&question)?;
        Ok(Answer { status: reply.status, body: self.places.hide(&reply.body) })
    }
}

fn dump_seen(entry: &DumpEntry) -> DumpSeen {
    DumpSeen { error: entry.traceback.clone(), row: dumped_row(&entry.message) }
}

fn bot_seen(bot: &BotStatus, before: Option<&BotStatus>) -> BotSeen {
    let sent = |bot: &BotStatus| bot.sent.values().sum::<u64>();
    // Counters that are less than before began anew.
    let since =
        |now: u64, count: fn(&BotStatus) -> u64| now.checked_sub(before.map_or(0, count)).unwrap_or(now);
    BotSeen {
        state: match bot.state {
            BotState::Running => State::Running,
            BotState::Starting | BotState::Stopped => State::Stopped,
            BotState::Disabled => State::Disabled,
            BotState::Failed => State::Failed,
            BotState::Finished => State::Finished,
        },
        received: since(bot.received, |bot| bot.received),
        sent: since(sent(bot), |bot| bot.sent.values().sum()),
        dropped: since(bot.dropped, |bot| bot.dropped),
        failed: since(bot.failed, |bot| bot.failed),
    }
}

/// Lists what must be looked at for some expectations, each thing once.
pub fn needs_of<'a>(expectations: impl IntoIterator<Item = &'a Expectation>) -> Vec<Need> {
    let needs: BTreeSet<Need> = expectations.into_iter().map(Expectation::need).collect();
    needs.into_iter().collect()
}
