//! Dumped messages through the control service: list, put back, delete.

use super::problem::Refusal;
use super::queues::{known_queue, send};
use super::types::{Changed, DumpEntry, JournalEntry, Requeue};
use crate::message::{Message, MessageType};
use crate::runtime::Botnet;
use crate::runtime::dump::{Record, Which};
use crate::runtime::journal;

pub(super) fn list(botnet: &Botnet, bot: &str) -> Result<Vec<DumpEntry>, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    Ok(file.list()?)
}

/// Removes entries; no ids means all.
pub(super) fn delete(botnet: &Botnet, bot: &str, ids: &[String]) -> Result<Changed, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    let count = file.remove(which(ids))?;
    botnet.activity().bump();
    Ok(Changed { count })
}

/// Changes the message of one entry, which must be JSON then, as IntelMQ's tool wants it too.
pub(super) fn edit(botnet: &Botnet, (bot, entry): (&str, &str), message: String) -> Result<Changed, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    if let Err(error) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&message) {
        return Err(Refusal::bad_request("not-a-message", format!("the message is no JSON object: {error}")));
    }
    if !file.edit(entry, message)? {
        let title = format!("the dump of {bot} has no entry {entry:?}");
        return Err(Refusal::not_found("unknown-entry", title));
    }
    botnet.activity().bump();
    Ok(Changed { count: 1 })
}

fn which(ids: &[String]) -> Which<'_> {
    if ids.is_empty() { Which::All } else { Which::Ids(ids) }
}

/// Puts all chosen entries back, or none. Sends first and removes then: a crash between the two may double messages, but loses
/// none.
pub(in crate::runtime) fn requeue(botnet: &Botnet, bot: &str, what: &Requeue) -> Result<Changed, Refusal> {
    let file = botnet.with_slot(bot, |slot| slot.dump.clone())?;
    let records = file.records()?;
    if let Some(unknown) = what.ids.iter().find(|id| !records.contains_key(*id)) {
        return Err(Refusal::not_found(
            "unknown-entry",
            format!("the dump of {bot} has no entry {unknown:?}"),
        ));
    }
    let chosen = which(&what.ids);
    let mut ids = Vec::new();
    let (mut messages, mut entries) = (Vec::new(), Vec::new());
    for (id, record) in records.into_iter().filter(|(id, _)| chosen.takes(id)) {
        let queue = what.queue.as_deref().or(record.source_queue()).ok_or_else(|| {
            Refusal::bad_request(
                "no-queue",
                format!("the entry {id} names no queue; say which it shall go to"),
            )
        })?;
        known_queue(botnet, queue)?;
        let (body, entry) = repaired(botnet, (&id, &record), queue, (bot, &what.replace))?;
        messages.push((queue.to_owned(), body));
        entries.extend(entry);
        ids.push(id);
    }
    let count = ids.len() as u64;
    if count > 0 {
        send(botnet, messages, &entries)?;
        file.remove(Which::Ids(&ids))?;
    }
    botnet.activity().bump();
    Ok(Changed { count })
}

/// Returns the message to send: with replacements in `raw`, and as a report if a parser reads the queue; and what the journal says of it.
fn repaired(
    botnet: &Botnet,
    (id, record): (&str, &Record),
    queue: &str,
    (bot, replace): (&str, &[(String, String)]),
) -> Result<(Vec<u8>, Option<JournalEntry>), Refusal> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Refusal::bad_request("unreadable-entry", format!("the entry {id}: {error}"))
    };
    let body = record.body().map_err(|error| unreadable(&error))?;
    let replaced = |bytes: Vec<u8>| {
        replace.iter().fold(bytes, |bytes, (old, new)| replace_bytes(&bytes, old.as_bytes(), new.as_bytes()))
    };
    if record.is_unreadable() {
        return Ok((replaced(body), None));
    }
    let mut message = Message::from_wire(&botnet.idf(), &body, None).map_err(|error| unreadable(&error))?;
    let dumped = journal::identity(&message);
    if message.message_type() == MessageType::Event && botnet.is_parsers(queue) {
        message = message.into_report();
    }
    if !replace.is_empty()
        && let Some(raw) = message.raw()
    {
        message
            .change("raw", replaced(raw))
            .map_err(|error| Refusal::bad_request("unusable-repair", error.to_string()))?;
    }
    Ok((message.to_wire().into_bytes(), Some(journal::put_back(bot, dumped, &message))))
}

/// Replaces a text in bytes that need not be text; an empty one is nowhere.
fn replace_bytes(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(old.len().max(1)).position(|window| window == old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_replaced_like_text() {
        for (bytes, old, new, expected) in [
            (&b"a,b,a"[..], "a", "xy", &b"xy,b,xy"[..]),
            (b"\xff,23/tcp\xfe", "23/tcp", "23", b"\xff,23\xfe"),
            (b"aaa", "aa", "b", b"ba"),
            (b"abc", "", "x", b"abc"),
            (b"", "a", "x", b""),
        ] {
            assert_eq!(replace_bytes(bytes, old.as_bytes(), new.as_bytes()), expected);
        }
    }
}
