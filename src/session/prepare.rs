//! Brings a lab to where a step begins, for somebody who will do the step.

use super::SessionError;
use super::event::Event;
use super::lab::Lab;
use super::open::LabWish;
use super::run::{Ran, Range, reset, up};
use super::world::World;
use crate::playbook::Playbook;

/// Brings a lab to where a step begins, counted from 1: steps before it are done, what was done of it is undone.
pub fn prepare(
    world: &World,
    playbook: &Playbook,
    lab: &Lab,
    number: usize,
    emit: &mut dyn FnMut(Event),
) -> Result<Ran, SessionError> {
    if lab.passed(playbook) + 1 >= number {
        return reset(world, playbook, lab, Some(number), emit);
    }
    let wish = LabWish { name: Some(lab.record.name.clone()), ..LabWish::default() };
    up(world, playbook, &wish, Range { only: None, to: Some(number - 1) }, emit)
}

/// Makes a lab for a playbook, or goes on with it as it is, and brings it up without doing a step.
pub fn begin(
    world: &World,
    playbook: &Playbook,
    wish: &LabWish,
    emit: &mut dyn FnMut(Event),
) -> Result<Ran, SessionError> {
    let name = wish.name.as_deref().unwrap_or(&playbook.id);
    let passed = world.labs.find(name)?.map_or(0, |lab| lab.passed(playbook));
    up(world, playbook, wish, Range { only: None, to: Some(passed) }, emit)
}
