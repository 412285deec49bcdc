//! Bots: their status, started and stopped; and which modules there are.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::error::control;
use super::super::reach::Api;
use super::Of;
use super::fault::{Asked, Told};
use crate::bots;
use crate::docgen;
use crate::pipeline::Kind;
use crate::runtime::control::{BotAction, BotState, BotStatus, BotnetAction, Refusal, Snapshot};

/// The word for what is asked of bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Start,
    Stop,
    Restart,
    Reload,
    Status,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Group {
    Collectors,
    Parsers,
    Experts,
    Outputs,
    Botnet,
}

impl Group {
    fn kind(self) -> Option<Kind> {
        match self {
            Group::Collectors => Some(Kind::Collector),
            Group::Parsers => Some(Kind::Parser),
            Group::Experts => Some(Kind::Expert),
            Group::Outputs => Some(Kind::Output),
            Group::Botnet => None,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct All {
    action: Action,
    group: Option<Group>,
}

#[derive(Debug, Deserialize)]
pub(super) struct One {
    action: Action,
    id: String,
}

/// IntelMQ's word for what a bot does: there is a process of it, or there is none, and none is wanted.
fn word(state: BotState) -> &'static str {
    match state {
        BotState::Running | BotState::Starting => "running",
        BotState::Stopped | BotState::Failed | BotState::Finished => "stopped",
        BotState::Disabled => "disabled",
    }
}

/// The status of each bot of a group, or of all.
pub(super) fn statuses(snapshot: &Snapshot, kind: Option<Kind>) -> Value {
    let wanted = |bot: &&BotStatus| kind.is_none_or(|kind| kind.group() == bot.group);
    let mut listed: Vec<&BotStatus> = snapshot.bots.iter().filter(wanted).collect();
    listed.sort_by(|a, b| a.id.cmp(&b.id));
    Value::Object(listed.into_iter().map(|bot| (bot.id.clone(), json!(word(bot.state)))).collect())
}

/// Does something to all bots or to a group, and tells their statuses.
pub(super) async fn all(State(api): State<Api>, Of(lab): Of, Asked(asked): Asked<All>) -> Told<Json<Value>> {
    let kind = asked.group.and_then(Group::kind);
    let snapshot = api.with(lab, move |_, _, client| {
        let act = |action| client.act_all(action, kind);
        let snapshot = match asked.action {
            Action::Status => client.snapshot(),
            Action::Start => act(BotnetAction::Start),
            Action::Stop => act(BotnetAction::Stop),
            Action::Restart => act(BotnetAction::Restart),
            Action::Reload => act(BotnetAction::Reload),
        };
        snapshot.map_err(control)
    });
    Ok(Json(statuses(&snapshot.await?, kind)))
}

/// Does something to a bot, and tells its status; a restart tells both.
pub(super) async fn one(State(api): State<Api>, Of(lab): Of, Asked(asked): Asked<One>) -> Told<Json<Value>> {
    let One { action, id } = asked;
    let status = api.with(lab, move |_, _, client| {
        let act = |action| client.act(&id, action).map_err(control);
        let snapshot = match action {
            Action::Status => client.snapshot().map_err(control)?,
            Action::Start => act(BotAction::Start)?,
            Action::Stop => act(BotAction::Stop)?,
            Action::Restart => act(BotAction::Restart)?,
            Action::Reload => act(BotAction::Reload)?,
        };
        let found = snapshot.bots.iter().find(|bot| bot.id == id);
        found.map(|bot| word(bot.state)).ok_or_else(|| unknown_bot(&id))
    });
    let status = status.await?;
    Ok(Json(if action == Action::Restart { json!(["stopped", status]) } else { json!(status) }))
}

pub(super) fn unknown_bot(id: &str) -> Refusal {
    Refusal::not_found("unknown-bot", format!("there is no bot {id:?}"))
}

/// Every module that there is, by group and name, with its parameters as they are unless they are set.
pub(super) async fn modules() -> Json<Value> {
    let mut groups: Map<String, Value> = ["Collector", "Parser", "Expert", "Output"]
        .into_iter()
        .map(|group| (group.to_owned(), json!({})))
        .collect();
    for bot in bots::all() {
        let spec = &bot.spec;
        let parameters: Map<String, Value> =
            spec.params.iter().map(|param| (param.name.to_owned(), param.default_json())).collect();
        groups[spec.kind.group()][name(&docgen::page_of(spec).name)] =
            json!({ "module": spec.module, "description": spec.summary, "parameters": parameters });
    }
    Json(Value::Object(groups))
}

/// Names a module as IntelMQ names a class: `shodan_stream` is `ShodanStream`.
fn name(page: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_uppercase() + rest
    };
    page.split('_').map(capital).collect()
}
