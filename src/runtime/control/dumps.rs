//! Dumped messages through the control service: list, put back, delete.

use super::problem::Refusal;
use super::server::send;
use super::types::{Changed, DumpEntry, Requeue};
use crate::message::{Message, MessageType};
use crate::runtime::Botnet;

pub(super) fn list(botnet: &Botnet, bot: &str) -> Result<Vec<DumpEntry>, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    Ok(file.list()?)
}

pub(super) fn delete(botnet: &Botnet, bot: &str, ids: &[String]) -> Result<Changed, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    let count = file.remove(ids)?;
    botnet.activity().bump();
    Ok(Changed { count })
}

/// Sends first and removes then: a crash between the two may double a message, but loses none.
pub(super) fn requeue(botnet: &Botnet, bot: &str, what: &Requeue) -> Result<Changed, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    let entries = file.list()?;
    if let Some(unknown) = what.ids.iter().find(|id| !entries.iter().any(|entry| entry.id == **id)) {
        return Err(Refusal::not_found(
            "unknown-entry",
            format!("the dump of {bot} has no entry {unknown:?}"),
        ));
    }
    let chosen = entries.iter().filter(|entry| what.ids.is_empty() || what.ids.contains(&entry.id));
    let mut ids = Vec::new();
    for entry in chosen {
        let queue = what.queue.as_ref().or(entry.source_queue.as_ref()).ok_or_else(|| {
            Refusal::bad_request(
                "no-queue",
                format!("the entry {} names no queue; say which it shall go to", entry.id),
            )
        })?;
        let body = repaired(botnet, entry, queue, &what.replace)?;
        send(botnet, queue, vec![body])?;
        ids.push(entry.id.clone());
    }
    let count = ids.len() as u64;
    if count > 0 {
        file.remove(&ids)?;
    }
    botnet.activity().bump();
    Ok(Changed { count })
}

/// Returns the message to send: with replacements in `raw`, and as a report if a parser reads the queue.
fn repaired(
    botnet: &Botnet,
    entry: &DumpEntry,
    queue: &str,
    replace: &[(String, String)],
) -> Result<Vec<u8>, Refusal> {
    if entry.unreadable {
        let text = replace.iter().fold(entry.message.clone(), |text, (old, new)| text.replace(old, new));
        return Ok(text.into_bytes());
    }
    let idf = &botnet.idf();
    let mut message = Message::from_wire(idf, entry.message.as_bytes(), None).map_err(|error| {
        Refusal::bad_request("unreadable-entry", format!("the entry {}: {error}", entry.id))
    })?;
    if message.message_type() == MessageType::Event && botnet.is_parsers(queue) {
        message = message.into_report();
    }
    if !replace.is_empty()
        && let Some(raw) = message.raw()
    {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let text = replace.iter().fold(text, |text, (old, new)| text.replace(old, new));
        message
            .change("raw", text)
            .map_err(|error| Refusal::bad_request("unusable-repair", error.to_string()))?;
    }
    Ok(message.to_wire().into_bytes())
}
