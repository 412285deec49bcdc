//! Databases through the control service: what is in one that an output of the botnet writes.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Refusal;
use super::server::{Answer, Service, blocking};
use super::types::{Problem, Rows};
use crate::bots::Bot;
use crate::pipeline::Kind;
use crate::runtime::Botnet;

/// The most rows that a question gives.
const MOST: usize = 10_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// One statement of SQL that changes nothing.
    query: String,
}

/// What the database that an output writes answers to a query.
#[utoipa::path(
    get, path = "/v1/bots/{bot}/rows", params(("bot" = String, Path, description = "the bot's id"), Asked),
    responses((status = 200, body = Rows), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn rows(
    State(service): State<Service>,
    Path(bot): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Rows> {
    blocking(move || rows_of(&service.botnet, &bot, &asked.query)).await.map(Json)
}

/// Asks with an output of its own, so that the bot goes on meanwhile, and need not run.
pub(in crate::runtime) fn rows_of(botnet: &Botnet, bot: &str, query: &str) -> Result<Rows, Refusal> {
    let made = botnet.with_slot(bot, |slot| {
        (slot.kind() == Kind::Output).then(|| (slot.spec.make)(&slot.params, &slot.site))
    })?;
    let answer = match made.transpose() {
        Ok(Some(Bot::Output(output))) => output.ask(query, MOST + 1),
        Ok(_) => None,
        Err(failure) => return Err(Refusal::bad_request("not-possible", failure.to_string())),
    };
    let none = || Refusal::bad_request("no-database", format!("{bot} writes no database that can be asked"));
    let mut rows = answer.ok_or_else(none)?.map_err(|problem| Refusal::bad_request("query", problem))?;
    let more = rows.len() > MOST;
    rows.truncate(MOST);
    Ok(Rows { rows, more })
}
