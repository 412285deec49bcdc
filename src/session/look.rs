//! Looks whether somebody has done a step by hand, without doing anything for them.

use super::SessionError;
use super::event::Event;
use super::lab::Lab;
use super::open::LabWish;
use super::run::{Ran, Session};
use super::world::World;
use crate::playbook::Playbook;

/// Checks a step of a lab, counted from 1, by what was there before it; one that holds is noted as passed if it is due.
///
/// A step that passed before is only judged. One that is not due yet cannot be judged, as it is not known what was there before it.
pub fn look(
    world: &World,
    playbook: &Playbook,
    lab: &Lab,
    number: usize,
    emit: &mut dyn FnMut(Event),
) -> Result<Ran, SessionError> {
    let wish = LabWish { name: Some(lab.record.name.clone()), ..LabWish::default() };
    let mut session = Session::open(world, playbook, &wish, emit, false)?;
    session.look(number)
}
