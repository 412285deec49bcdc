//! What a lab's own process cannot do with the lab, as it would end itself: another process does it.

use std::ffi::OsString;
use std::path::Path;

use super::SessionError;
use super::lab::Lab;
use super::world::World;
use crate::playbook::Playbook;
use crate::target::Errand;

/// What is done with a step, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Bring the lab back to where it begins.
    Reset(usize),
    /// Bring the lab to where it begins.
    Prepare(usize),
    /// Do its actions, and check.
    Do(usize),
}

/// Starts the command that does it; what it tells is kept in the lab.
pub fn elsewhere(
    world: &World,
    (playbook, playbooks): (&Playbook, Option<&Path>),
    lab: &Lab,
    deed: Deed,
) -> Result<Errand, SessionError> {
    let up = |option: &str, number: usize| words(&["up", &playbook.id.value, option, &number.to_string()]);
    let reset = |number: usize| words(&["reset", &number.to_string()]);
    let mut arguments = match deed {
        Deed::Reset(number) => reset(number),
        Deed::Prepare(number) if lab.passed(playbook) + 1 >= number => reset(number),
        Deed::Prepare(number) => up("--to", number - 1),
        Deed::Do(number) => up("--step", number),
    };
    arguments.extend(words(&["--lab", &lab.record.name]));
    if let Some(folder) = playbooks.or(lab.record.playbooks.as_deref()) {
        arguments.extend(["--playbooks".into(), folder.into()]);
    }
    Ok(Errand::start(&world.site(&lab.record.name), &arguments)?)
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
