//! Databases through the control service: what is in one that an output of the botnet writes.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Refusal;
use super::server::{Answer, Service, blocking};
use super::types::Rows;
use crate::bots::Failure;
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
    responses((status = 200, body = Rows))
)]
pub(super) async fn rows(
    State(service): State<Service>,
    Path(bot): Path<String>,
    Query(asked): Query<Asked>,
) -> Answer<Rows> {
    blocking(move || rows_of(&service.botnet, &bot, &asked.query)).await.map(Json)
}

/// Asks beside the bot, so that it goes on meanwhile, and need not run.
pub(in crate::runtime) fn rows_of(botnet: &Botnet, bot: &str, query: &str) -> Result<Rows, Refusal> {
    let (ask, params, site) = botnet.with_slot(bot, |slot| {
        (crate::bots::asks(slot.spec.spec.module), slot.params.clone(), slot.site.clone())
    })?;
    let none = || Refusal::bad_request("no-database", format!("{bot} writes no database that can be asked"));
    let mut rows = ask.ok_or_else(none)?(&params, &site, query, MOST + 1).map_err(|failure| {
        let kind = if matches!(failure, Failure::Configuration(_)) { "not-possible" } else { "query" };
        Refusal::bad_request(kind, failure.to_string())
    })?;
    let more = rows.len() > MOST;
    rows.truncate(MOST);
    Ok(Rows { rows, more })
}
