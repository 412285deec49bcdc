//! Which bots of a lab somebody stopped, so that they stay so when the process dies and comes up again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::BotnetError;
use super::surroundings::Surroundings;
use crate::whole;

/// Returns the bots that somebody stopped; what cannot be read counts as none.
pub(super) fn read(surroundings: &Surroundings) -> BTreeSet<String> {
    let text = file(surroundings).and_then(|path| std::fs::read(path).ok());
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Notes that somebody stopped a bot, or wants it again. Of bots that run for themselves the agent does so.
pub(super) fn note(surroundings: &Surroundings, id: &str, stop: bool) -> Result<(), BotnetError> {
    let Some(path) = file(surroundings).filter(|_| surroundings.only.is_none()) else { return Ok(()) };
    let mut ids = read(surroundings);
    let new = if stop { ids.insert(id.to_owned()) } else { ids.remove(id) };
    if !new {
        return Ok(());
    }
    let text = serde_json::Value::from_iter(ids).to_string();
    whole::replace(&path, text.as_bytes(), 0o600)
        .map_err(|error| BotnetError::File { path: path.display().to_string(), error })
}

/// Returns the file of a lab; outside labs nothing is remembered, as in IntelMQ.
fn file(surroundings: &Surroundings) -> Option<PathBuf> {
    surroundings.journal.as_ref().map(|_| surroundings.state.join("stopped.json"))
}
