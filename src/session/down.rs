//! Removes labs, and everything that they started.

use super::SessionError;
use super::lab::Lock;
use super::world::World;
use crate::target::TARGETS;

/// Removes a lab with all its processes and files, also one that was left half made; tells whether there was one.
pub fn down(world: &World, name: &str) -> Result<bool, SessionError> {
    let Some(lock) = world.labs.lock(name)? else {
        world.labs.tidy();
        return Ok(false);
    };
    remove(world, name, lock)?;
    Ok(true)
}

/// Removes a lab whose lock is held.
pub(super) fn remove(world: &World, name: &str, lock: Lock) -> Result<(), SessionError> {
    // What is known of the lab may be missing or damaged, so every target is asked.
    for target in TARGETS {
        target.down(&world.site(name))?;
    }
    world.labs.remove(name, lock)
}

/// Removes every lab, those of `check` included, and returns the names of those that are gone and why others are not.
pub fn down_all(world: &World) -> Result<(Vec<String>, Vec<SessionError>), SessionError> {
    let mut gone = Vec::new();
    let mut errors = Vec::new();
    for name in world.labs.names()? {
        match down(world, &name) {
            Ok(true) => gone.push(name),
            Ok(false) => {}
            Err(error) => errors.push(error),
        }
    }
    world.labs.tidy();
    Ok((gone, errors))
}
