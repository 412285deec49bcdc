//! What is done to a lab by hand, as steps do it: bots, feeds, messages, configuration, dumps.

use serde_json::{Map, Value as Json};

use super::SessionError;
use super::lab::{Lab, file};
use super::open::{LabWish, Opened};
use super::reader::GAP;
use super::world::World;
use crate::bots::Modules;
use crate::diagnostic::{Diagnostic, Located, Source, Span, suggest};
use crate::message::{Idf, MessageType};
use crate::pipeline::{Change, Pipeline};
use crate::playbook::{Action, Inject, Playbook, Seed};
use crate::runtime::control::{BotAction, Changed, Client, Requeue};
use crate::seed::{Actor, SeedError};
use crate::template;

/// A lab that somebody changes by hand; nobody else can change it meanwhile.
///
/// The next step is then taken as done if its checks hold. If they do not, the lab is emptied before the step is done.
pub struct Hand<'a> {
    opened: Opened<'a>,
    playbook: &'a Playbook,
    client: Client,
}

/// A feed to put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// A file of the playbook, or `sample:NAME`.
    Known(String),
    /// Any other, with its name.
    Bytes(String, Vec<u8>),
}

/// What came of a feed that was put in.
#[derive(Debug, Clone, PartialEq)]
pub struct Seeded {
    /// How many rows it has, if it has any.
    pub rows: Option<u64>,
    /// That nobody will take it, if that is so.
    pub warnings: Vec<Diagnostic>,
}

/// What a new configuration came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// What it changed: bots, and `global`.
    pub names: Vec<String>,
    /// What can run with it, but perhaps not as meant.
    pub warnings: Vec<Diagnostic>,
}

impl<'a> Hand<'a> {
    /// Takes a lab that runs; `playbook` is its own.
    pub fn open(world: &'a World, playbook: &'a Playbook, lab: &Lab) -> Result<Self, SessionError> {
        let client = world.client(lab)?;
        client.snapshot()?;
        let wish = LabWish { name: Some(lab.record.name.clone()), ..LabWish::default() };
        let opened = Opened::open(world, playbook, &wish, false)?;
        Ok(Hand { opened, playbook, client })
    }

    /// Does something to a bot and returns once it is done.
    pub fn bot(&mut self, bot: &str, action: BotAction) -> Result<(), SessionError> {
        self.change(|hand| Ok(hand.client.act(bot, action).map(drop)?))
    }

    /// Puts a feed in, under another name if one is given, and makes the collectors fetch it.
    pub fn seed(
        &mut self,
        feed: Feed,
        name: Option<&str>,
        service: Option<&str>,
    ) -> Result<Seeded, SessionError> {
        let located = |text: &str| Located::new(text.to_owned(), Span::default());
        let target = match (&feed, name) {
            (_, Some(name)) => name.to_owned(),
            (Feed::Bytes(file, _), None) => file.clone(),
            (Feed::Known(file), None) => {
                Seed { file: located(file), name: None, service: None }.target().to_owned()
            }
        };
        let rows = self.change(|hand| {
            let actor = hand.actor();
            let done = match feed {
                Feed::Known(file) => {
                    let (name, service) = (name.map(located), service.map(located));
                    actor.act(&Action::Seed(Seed { file: located(&file), name, service }))
                }
                Feed::Bytes(file, bytes) => actor.put(name.unwrap_or(&file), service, bytes),
            };
            let rows = done.map_err(broken)?.rows;
            actor.collect().map_err(broken)?;
            Ok(rows)
        })?;
        if service.is_some() {
            return Ok(Seeded { rows, warnings: Vec::new() });
        }
        let botnet = Pipeline::parse(Source::new("runtime.yaml", self.client.configuration()?.text));
        let folder = self.opened.plan.variables.get("lab.in").unwrap_or_default();
        let warning = botnet.ok().and_then(|botnet| untaken(&botnet, &folder, &target));
        Ok(Seeded { rows, warnings: warning.into_iter().collect() })
    }

    /// Puts a message into a queue, so many times; `__type` is `Event` unless it is there. Returns warnings about it.
    pub fn inject(
        &mut self,
        queue: &str,
        message: Map<String, Json>,
        times: u32,
    ) -> Result<Vec<Diagnostic>, SessionError> {
        let queue = Located::new(queue.to_owned(), Span::default());
        let warnings = unknown_fields(&message);
        let inject = Action::Inject(Inject { queue, message, times });
        self.change(|hand| hand.actor().act(&inject).map(drop).map_err(broken))?;
        Ok(warnings)
    }

    /// Lays a change over the botnet, by bot id, as a step's `configure` does, and reloads.
    pub fn configure(&mut self, change: Source) -> Result<Configured, SessionError> {
        let variables = &self.opened.plan.variables;
        let fill = |text: &str| if text == GAP { Err(vec![gap()]) } else { template::fill(text, variables) };
        let name = format!("the botnet with {}", change.name());
        let change = Change::parse(change).and_then(|change| change.filled(&fill));
        let change = change.map_err(SessionError::Invalid)?;
        let botnet = Pipeline::parse(Source::new(name, self.client.configuration()?.text));
        let laid = botnet.and_then(|botnet| change.over(&botnet, &Modules));
        let (botnet, warnings) = laid.map_err(SessionError::Invalid)?;
        self.change(|hand| Ok(hand.client.configure(&botnet.write())?))?;
        Ok(Configured { names: change.names().map(str::to_owned).collect(), warnings })
    }

    /// Takes the runtime file of the lab into use, as it is on disk; returns warnings about it.
    pub fn reload(&mut self) -> Result<Vec<Diagnostic>, SessionError> {
        let path = self.opened.lab.folder.join("etc/runtime.yaml");
        let text = std::fs::read_to_string(&path).map_err(|cause| file(&path, cause))?;
        let source = Source::new(path.display().to_string(), text);
        let (_, warnings) = Pipeline::load(source, &Modules).map_err(SessionError::Invalid)?;
        // The service reloads all of them, whichever is named.
        let bots = self.client.snapshot()?.bots;
        let Some(bot) = bots.first() else {
            let help = "`intelmq-lab reset` brings them back";
            return Err(SessionError::usage("no-bots", "the botnet has no bots", help));
        };
        self.bot(&bot.id, BotAction::Reload)?;
        Ok(warnings)
    }

    /// Puts dumped messages of a bot back.
    pub fn requeue(&mut self, bot: &str, what: &Requeue) -> Result<Changed, SessionError> {
        self.change(|hand| Ok(hand.client.requeue(bot, what)?))
    }

    /// Deletes dumped messages of a bot; no ids means all.
    pub fn delete_dump(&mut self, bot: &str, ids: &[String]) -> Result<Changed, SessionError> {
        self.change(|hand| Ok(hand.client.delete_dump(bot, ids)?))
    }

    /// Does something that changes the lab, which is noted before. What was refused has changed nothing.
    fn change<T>(&mut self, work: impl FnOnce(&Self) -> Result<T, SessionError>) -> Result<T, SessionError> {
        let before = self.touch(true)?;
        let done = work(self);
        if done.as_ref().is_err_and(SessionError::is_refusal) {
            self.touch(before)?;
        }
        done
    }

    /// Notes whether something was changed by hand, and returns what was noted before.
    fn touch(&mut self, touched: bool) -> Result<bool, SessionError> {
        let lab = &mut self.opened.lab;
        let before = std::mem::replace(&mut lab.record.touched, touched);
        if before != touched {
            lab.save()?;
        }
        Ok(before)
    }

    fn actor(&self) -> Actor<'a> {
        Actor::new(self.playbook, self.client.clone(), self.opened.plan.variables.clone())
    }
}

fn broken(error: SeedError) -> SessionError {
    match error {
        SeedError::Control(error) => SessionError::Control(error),
        error => SessionError::Broken(vec![Diagnostic::error("action", error.to_string())]),
    }
}

/// The complaint about a value that a lesson leaves to the learner.
fn gap() -> Diagnostic {
    Diagnostic::error("open-gap", format!("{GAP} is a gap that nobody has filled in yet"))
        .help("write the value in its place; the step's text and hints say which")
}

/// Warns of fields that the data format does not know: whoever reads such a message gives it up.
fn unknown_fields(message: &Map<String, Json>) -> Vec<Diagnostic> {
    let idf = Idf::builtin();
    let is_report = message.get("__type").and_then(Json::as_str) == Some("Report");
    let kind = if is_report { MessageType::Report } else { MessageType::Event };
    let unknown = message.keys().filter(|name| *name != "__type" && idf.key(kind, name).is_err());
    let warning = |name: &String| {
        let title =
            format!("the data format has no field `{name}`: the bot that reads this message gives it up");
        Diagnostic::warning("unknown-field", title).help(
            match suggest(name, idf.fields(kind).map(|field| &*field.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("what has no field of its own is called `extra.{name}`"),
            },
        )
    };
    unknown.map(warning).collect()
}

/// Warns of a file in the folder of feeds that no collector takes and no bot names.
fn untaken(botnet: &Pipeline, folder: &str, file: &str) -> Option<Diagnostic> {
    let path = format!("{}/{file}", folder.trim_end_matches('/'));
    let (folder, name) = path.rsplit_once('/')?;
    let mut takers = Vec::new();
    for bot in botnet.bots() {
        let text = |wanted: &str| bot.parameter(wanted).and_then(|(_, node)| node.as_text());
        let looks = text("path").is_some_and(|path| path.trim_end_matches('/') == folder);
        let end = text("postfix").unwrap_or_default();
        let named = bot.parameters().iter().any(|(_, node)| node.as_text() == Some(path.as_str()));
        if named || looks && name.ends_with(end) {
            return None;
        }
        takers.extend(looks.then(|| format!("{} takes names that end with {end}", bot.id())));
    }
    let warning = Diagnostic::warning("nobody-takes", format!("no bot takes {name}: it stays in {folder}"));
    Some(takers.into_iter().fold(warning, Diagnostic::help).help("`--as NAME` puts it in under another name"))
}
