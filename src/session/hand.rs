//! What is done to a lab by hand, as steps do it: bots, feeds, messages, configuration, dumps.

use serde_json::{Map, Value as Json};

use super::SessionError;
use super::lab::Lab;
use super::open::{LabWish, Opened};
use super::world::World;
use crate::diagnostic::{Diagnostic, Located, Span};
use crate::playbook::{Action, Inject, Playbook, Seed};
use crate::runtime::control::{BotAction, Changed, Client, Requeue};
use crate::seed::{Actor, SeedError};

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

impl<'a> Hand<'a> {
    /// Takes a lab that runs; `playbook` is its own.
    pub fn open(world: &'a World, playbook: &'a Playbook, lab: &Lab) -> Result<Self, SessionError> {
        let client = world.client(lab)?;
        client.snapshot()?;
        let wish = LabWish { name: Some(lab.record.name.clone()), ..LabWish::default() };
        let mut opened = Opened::open(world, playbook, &wish, false)?;
        opened.lab.record.touched = true;
        opened.lab.save()?;
        Ok(Hand { opened, playbook, client })
    }

    /// Does something to a bot and returns once it is done.
    pub fn bot(&self, bot: &str, action: BotAction) -> Result<(), SessionError> {
        Ok(self.client.act(bot, action).map(drop)?)
    }

    /// Puts a feed in, under another name if one is given, and makes the collectors fetch it; returns its rows.
    pub fn seed(
        &self,
        feed: Feed,
        name: Option<&str>,
        service: Option<&str>,
    ) -> Result<Option<u64>, SessionError> {
        let actor = self.actor();
        let located = |text: &str| Located::new(text.to_owned(), Span::default());
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
    }

    /// Puts a message into a queue, so many times; `__type` is `Event` unless it is there.
    pub fn inject(&self, queue: &str, message: Map<String, Json>, times: u32) -> Result<(), SessionError> {
        let queue = Located::new(queue.to_owned(), Span::default());
        self.act(&Action::Inject(Inject { queue, message, times }))
    }

    /// Lays a change over the botnet, by bot id, as a step's `configure` does, and reloads.
    pub fn configure(&self, change: Map<String, Json>) -> Result<(), SessionError> {
        self.act(&Action::Configure(change))
    }

    /// Takes the runtime file of the lab into use, as it is on disk.
    pub fn reload(&self) -> Result<(), SessionError> {
        // The service reloads all of them, whichever is named.
        let bots = self.client.snapshot()?.bots;
        match bots.first() {
            Some(bot) => self.bot(&bot.id, BotAction::Reload),
            None => Err(SessionError::usage(
                "no-bots",
                "the botnet has no bots",
                "`intelmq-lab reset` brings them back",
            )),
        }
    }

    /// Puts dumped messages of a bot back.
    pub fn requeue(&self, bot: &str, what: &Requeue) -> Result<Changed, SessionError> {
        Ok(self.client.requeue(bot, what)?)
    }

    /// Deletes dumped messages of a bot; no ids means all.
    pub fn delete_dump(&self, bot: &str, ids: &[String]) -> Result<Changed, SessionError> {
        Ok(self.client.delete_dump(bot, ids)?)
    }

    fn act(&self, action: &Action) -> Result<(), SessionError> {
        self.actor().act(action).map(drop).map_err(broken)
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
