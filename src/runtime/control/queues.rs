//! Routes of the queues: looking into one, putting messages in, clearing it.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Refusal;
use super::server::{Answer, Service, blocking};
use super::types::{Changed, JournalEntry};
use crate::broker::{Hop, Outgoing, Wiring};
use crate::diagnostic::suggest;
use crate::message::unpacked;
use crate::runtime::Botnet;

/// The name under which the service itself sends messages; no bot can have it.
const SENDER: &str = "_control";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Max {
    /// How many to return, at most.
    max: Option<usize>,
}

/// The oldest messages of a queue.
#[utoipa::path(
    get, path = "/v1/queues/{queue}/messages", params(("queue" = String, Path, description = "the queue's name"), Max),
    responses((status = 200, body = Vec<String>))
)]
pub(super) async fn peek(
    State(service): State<Service>,
    Path(queue): Path<String>,
    Query(query): Query<Max>,
) -> Answer<Vec<String>> {
    let max = query.max.unwrap_or(10).min(1000);
    let bodies = blocking(move || service.botnet.peek(&queue, max)).await?;
    Ok(Json(bodies.into_iter().map(|body| String::from_utf8_lossy(&unpacked(body)).into_owned()).collect()))
}

/// Puts messages into a queue, as they are.
#[utoipa::path(
    post, path = "/v1/queues/{queue}/messages", params(("queue" = String, Path, description = "the queue's name")),
    request_body = Vec<String>, responses((status = 200, body = Changed))
)]
pub(super) async fn inject(
    State(service): State<Service>,
    Path(queue): Path<String>,
    Json(messages): Json<Vec<String>>,
) -> Answer<Changed> {
    blocking(move || inject_into(&service.botnet, &queue, messages)).await.map(Json)
}

pub(in crate::runtime) fn inject_into(
    botnet: &Botnet,
    queue: &str,
    messages: Vec<String>,
) -> Result<Changed, Refusal> {
    known_queue(botnet, queue)?;
    let messages = messages.into_iter().map(|body| (queue.to_owned(), body.into_bytes()));
    send(botnet, messages.collect(), &[])
}

/// Puts messages into their queues, all or none, together with what the journal shall say of them.
pub(super) fn send(
    botnet: &Botnet,
    messages: Vec<(String, Vec<u8>)>,
    entries: &[JournalEntry],
) -> Result<Changed, Refusal> {
    let destinations = messages.iter().map(|(queue, _)| queue.clone()).collect::<BTreeSet<_>>();
    let wiring =
        Wiring { bot: SENDER.to_owned(), source: None, destinations: destinations.into_iter().collect() };
    let mut link = botnet.broker().link(&wiring)?;
    let count = messages.len() as u64;
    let outgoing = messages.into_iter().map(|(queue, body)| Outgoing { queue: queue.into(), body }).collect();
    let hop = Hop { outgoing, ..Hop::default() };
    match &botnet.surroundings().journal {
        Some(journal) => journal.commit(&mut *link, entries, hop, botnet.broker().syncs())?,
        None => link.commit(hop)?,
    }
    botnet.activity().bump();
    Ok(Changed { count })
}

/// Refuses a queue that no bot reads or sends to: what is put there would lie in it for ever, unseen.
pub(super) fn known_queue(botnet: &Botnet, queue: &str) -> Result<(), Refusal> {
    let queues = botnet.queues();
    if queues.iter().any(|known| known == queue) {
        return Ok(());
    }
    let near = suggest(queue, queues.iter().map(String::as_str));
    let hint = near.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default();
    let title = format!("there is no queue {queue:?} in this botnet{hint}");
    Err(Refusal::not_found("unknown-queue", title).detail(format!("there are: {}", queues.join(", "))))
}

/// Removes the waiting messages of a queue.
#[utoipa::path(
    delete, path = "/v1/queues/{queue}/messages", params(("queue" = String, Path, description = "the queue's name")),
    responses((status = 200, body = Changed))
)]
pub(super) async fn clear(State(service): State<Service>, Path(queue): Path<String>) -> Answer<Changed> {
    let count = blocking(move || service.botnet.clear(&queue)).await?;
    Ok(Json(Changed { count }))
}
