//! What came out of a botnet, what did not, and the life of one event.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::error::{Answer, refused};
use super::reach::Api;
use crate::runtime::control::Refusal;
use crate::session::explain::{End, Life, Lives, Selector};

/// How many events are returned unless it is said, and at most.
const SOME: usize = 100_000;

/// The events that came out, in order; any field can be a filter: `?source.asn=64500`.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/output/events",
    params(("lab" = String, Path, description = "the lab's name"),
        ("after" = Option<usize>, Query, description = "how many are left out at the beginning"),
        ("max" = Option<usize>, Query, description = "how many to return, at most")),
    responses((status = 200, body = Object))
)]
pub(super) async fn events(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<Json<Value>> {
    let count = |name: &str, otherwise: usize| match query.get(name).map(|text| text.parse::<usize>()) {
        None => Ok(otherwise),
        Some(Ok(count)) => Ok(count),
        Some(Err(_)) => Err(Refusal::bad_request("bad-query", format!("`{name}` is a number"))),
    };
    let (after, max) = (count("after", 0)?, count("max", SOME)?.min(SOME));
    let words: Vec<String> = query
        .iter()
        .filter(|(name, _)| !["after", "max"].contains(&name.as_str()))
        .map(|(field, value)| format!("{field}={value}"))
        .collect();
    api.with(lab, move |_, _, client| {
        let lives = Lives::read(client).map_err(refused)?;
        let mut found = if words.is_empty() {
            lives.delivered()
        } else {
            lives.select(&Selector::parse(&words).map_err(refused)?)
        };
        found.retain(|life| life.end == End::Delivered);
        let total = found.len();
        let events: Vec<Value> = found.into_iter().skip(after).take(max).map(|life| short(&life)).collect();
        Ok(Json(json!({ "total": total, "complete": !lives.is_cut_short(), "events": events })))
    })
    .await
}

/// Leaves out what happened on the way.
fn short(life: &Life) -> Value {
    json!({ "number": life.number, "end": life.end, "bot": life.bot, "message": life.message })
}

/// The whole life of one event that came out, counted from 1.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/output/events/{number}/life",
    params(("lab" = String, Path, description = "the lab's name"), ("number" = u32, Path, description = "counted from 1")),
    responses((status = 200, body = Object))
)]
pub(super) async fn life(
    State(api): State<Api>,
    Path((lab, number)): Path<(String, u32)>,
) -> Answer<Json<Value>> {
    api.with(lab, move |_, _, client| {
        let lives = Lives::read(client).map_err(refused)?;
        let found = lives.select(&Selector::Number(number as usize)).into_iter().next();
        found.map(|life| Json(json!(life))).ok_or_else(|| {
            Refusal::not_found("no-such-event", format!("no event with the number {number} came out"))
        })
    })
    .await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only what did not arrive.
    #[serde(default)]
    dropped: bool,
}

/// The lives of all messages, or of those that did not arrive.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/lives", params(("lab" = String, Path, description = "the lab's name"), Which),
    responses((status = 200, body = Object))
)]
pub(super) async fn lives(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Query(which): Query<Which>,
) -> Answer<Json<Value>> {
    api.with(lab, move |_, _, client| {
        let lives = Lives::read(client).map_err(refused)?;
        let mut found = lives.lost();
        if !which.dropped {
            found.extend(lives.delivered());
        }
        Ok(Json(json!({ "complete": !lives.is_cut_short(), "lives": found })))
    })
    .await
}
