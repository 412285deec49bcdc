//! Bots through the control service: one with its parameters, all at once, and their dumped messages edited.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value as Json_, json};
use utoipa::IntoParams;

use super::problem::Refusal;
use super::server::{Answer, Service, blocking};
use super::types::{
    BotAction, BotDetails, BotState, BotnetAction, Changed, Configuration, Edited, ParameterDetails, Snapshot,
};
use crate::diagnostic::Source;
use crate::pipeline::{GENERIC, Kind, Param, Params, Pipeline};
use crate::runtime::Botnet;

/// One bot, with its parameters and what they mean.
#[utoipa::path(
    get, path = "/v1/bots/{bot}", params(("bot" = String, Path, description = "the bot's id")),
    responses((status = 200, body = BotDetails))
)]
pub(super) async fn details(State(service): State<Service>, Path(bot): Path<String>) -> Answer<BotDetails> {
    blocking(move || of(&service.botnet, &bot)).await.map(Json)
}

fn of(botnet: &Botnet, bot: &str) -> Result<BotDetails, Refusal> {
    let (summary, parameters) = botnet.with_slot(bot, |slot| {
        let own = slot.spec.spec.params;
        (slot.spec.spec.summary.to_owned(), parameters(own, &slot.params))
    })?;
    let status = botnet.snapshot()?.bots.into_iter().find(|status| status.id == bot);
    let status =
        status.ok_or_else(|| Refusal::not_found("unknown-bot", format!("there is no bot {bot:?}")))?;
    let enabled = pipeline(botnet)?.bot(bot).is_some_and(crate::pipeline::BotConfig::enabled);
    Ok(BotDetails { status, summary, enabled, parameters })
}

/// Lists a bot's own parameters, then those of every bot that are set, then what nobody documents.
fn parameters(own: &[Param], params: &Params) -> Vec<ParameterDetails> {
    let of = |param: &Param| {
        let value = params.get(param.name).cloned();
        let default = param.default_json();
        ParameterDetails {
            name: param.name.to_owned(),
            set: value.as_ref().is_some_and(|value| *value != default),
            value: value.unwrap_or_else(|| default.clone()),
            default,
            doc: param.doc.to_owned(),
        }
    };
    let mut listed: Vec<ParameterDetails> = own.iter().map(of).collect();
    let known: BTreeSet<&str> = own.iter().map(|param| param.name).collect();
    let generic = GENERIC.iter().filter(|param| !known.contains(param.name));
    listed.extend(generic.map(of).filter(|parameter| parameter.set));
    listed
}

/// Makes a bot start with the botnet, and starts it.
#[utoipa::path(
    post, path = "/v1/bots/{bot}/enable", params(("bot" = String, Path, description = "the bot's id")),
    responses((status = 200, body = Configuration))
)]
pub(super) async fn enable(State(service): State<Service>, Path(bot): Path<String>) -> Answer<Configuration> {
    blocking(move || set_enabled(&service.botnet, &bot, true)).await.map(Json)
}

/// Stops a bot, and makes it not start with the botnet.
#[utoipa::path(
    post, path = "/v1/bots/{bot}/disable", params(("bot" = String, Path, description = "the bot's id")),
    responses((status = 200, body = Configuration))
)]
pub(super) async fn disable(
    State(service): State<Service>,
    Path(bot): Path<String>,
) -> Answer<Configuration> {
    blocking(move || set_enabled(&service.botnet, &bot, false)).await.map(Json)
}

fn set_enabled(botnet: &Botnet, bot: &str, enabled: bool) -> Result<Configuration, Refusal> {
    botnet.with_slot(bot, |_| ())?;
    change(botnet, &json!({ bot: { "enabled": enabled } }))
}

/// Lays a change over the configuration and takes it into use.
pub(super) fn change(botnet: &Botnet, change: &Json_) -> Result<Configuration, Refusal> {
    let changed = pipeline(botnet)?.merged(change).map_err(|complaints| invalid(&complaints))?;
    Ok(botnet.configure(&changed.write())?)
}

pub(super) fn pipeline(botnet: &Botnet) -> Result<Pipeline, Refusal> {
    let source = Source::new("runtime.yaml", botnet.configuration().text);
    Pipeline::parse(source).map_err(|complaints| invalid(&complaints))
}

pub(super) fn invalid(complaints: &[crate::diagnostic::Diagnostic]) -> Refusal {
    let title = "the configuration is invalid; the old one goes on";
    Refusal::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration", title)
        .complaining(complaints)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only bots of this group: Collector, Parser, Expert or Output; a reload is for all.
    #[param(value_type = Option<String>)]
    group: Option<Kind>,
}

/// Does something to all bots, or to those of a group, and returns once it is done.
#[utoipa::path(
    post, path = "/v1/botnet/{action}", params(("action" = BotnetAction, Path, description = "what to do"), Which),
    responses((status = 200, body = Snapshot))
)]
pub(super) async fn all(
    State(service): State<Service>,
    Path(action): Path<BotnetAction>,
    Query(which): Query<Which>,
) -> Answer<Snapshot> {
    blocking(move || {
        let botnet = &service.botnet;
        if action == BotnetAction::Reload {
            botnet.reload()?;
            return botnet.snapshot();
        }
        let mut bots = botnet.snapshot()?.bots;
        let wanted = |group: &str| which.group.is_none_or(|kind| kind.group() == group);
        bots.retain(|bot| bot.state != BotState::Disabled && wanted(&bot.group));
        if action != BotnetAction::Start {
            for bot in &bots {
                botnet.act(&bot.id, BotAction::Stop)?;
            }
        }
        if action != BotnetAction::Stop {
            // Outputs first, so that nothing waits for its reader longer than it must.
            for bot in bots.iter().rev() {
                botnet.act(&bot.id, BotAction::Start)?;
            }
        }
        botnet.snapshot()
    })
    .await
    .map(Json)
}

/// Changes a dumped message where it is.
#[utoipa::path(
    put, path = "/v1/bots/{bot}/dump/{entry}",
    params(("bot" = String, Path, description = "the bot's id"), ("entry" = String, Path, description = "the entry's id")),
    request_body = Edited,
    responses((status = 200, body = Changed))
)]
pub(super) async fn edit_dump(
    State(service): State<Service>,
    Path((bot, entry)): Path<(String, String)>,
    Json(edited): Json<Edited>,
) -> Answer<Changed> {
    blocking(move || super::dumps::edit(&service.botnet, (&bot, &entry), edited.message)).await.map(Json)
}
