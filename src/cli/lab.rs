//! The lab that a command acts on, and the way to its botnet.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::diagnostic::suggest;
use crate::runtime::control::Client;
use crate::session::{Hand, Lab, SessionError, World, playbook_of};

/// A lab that exists, and a client of its botnet.
pub(super) struct Chosen {
    /// What every session needs.
    pub(super) world: World,
    /// The lab.
    pub(super) lab: Lab,
    /// Talks to its botnet; nothing was sent yet.
    pub(super) client: Client,
}

/// Finds the labs of the user, for commands that end when they are interrupted.
pub(super) fn world() -> Result<World, Failure> {
    Ok(World::of_user(Arc::new(AtomicBool::new(false)))?)
}

/// Changes the lab that is meant by hand; tells the lab's name too.
pub(super) fn by_hand<T>(
    arg: &LabArg,
    common: &Common,
    work: impl FnOnce(&mut Hand<'_>) -> Result<T, Failure>,
) -> Result<(String, T), Failure> {
    let world = world()?;
    let lab = world.labs.pick(arg.lab.as_deref())?;
    output::hide_secrets(&lab)?;
    let playbook = playbook_of(&lab, common.playbooks.as_deref())?;
    let mut hand = Hand::open(&world, &playbook, &lab)?;
    Ok((lab.record.name.clone(), work(&mut hand)?))
}

/// Says what was done, and in which lab.
pub(super) fn done(lab: &str, what: &str, common: &Common) -> Result<Exit, Failure> {
    if common.json {
        output::json(&json!({ "lab": lab, "done": what }))?;
    } else {
        output::data(&format!("{what} in lab {lab}"))?;
    }
    Ok(Exit::Ok)
}

/// Finds the lab that is meant: the named one, or the only one.
pub(super) fn choose(arg: &LabArg) -> Result<Chosen, Failure> {
    let world = world()?;
    let lab = world.labs.pick(arg.lab.as_deref())?;
    output::hide_secrets(&lab)?;
    let client = world.client(&lab)?;
    Ok(Chosen { world, lab, client })
}

impl Chosen {
    /// Makes sure that the botnet has a bot; the error names the nearest one.
    pub(super) fn known_bot(&self, bot: &str) -> Result<(), Failure> {
        let snapshot = self.client.snapshot().map_err(SessionError::from)?;
        let bots: Vec<&str> = snapshot.bots.iter().map(|bot| bot.id.as_str()).collect();
        if bots.contains(&bot) {
            return Ok(());
        }
        let failure =
            Failure::usage("unknown-bot", format!("lab `{}` has no bot `{bot}`", self.lab.record.name));
        Err(failure.help(match suggest(bot, bots.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", bots.join(", ")),
        }))
    }
}
