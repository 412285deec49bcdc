//! Queues: what waits in them, cleared, looked into, and a message put in.

use axum::extract::{Form, State};
use axum::{Json, extract::rejection::FormRejection};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::error::{Answer, control, refused};
use super::super::reach::Api;
use super::Of;
use super::botnet::{statuses, unknown_bot};
use super::configuration::pipeline;
use super::fault::{Asked, Told};
use crate::pipeline::BotWiring;
use crate::runtime::control::{Client, Refusal, Snapshot};
use crate::session::{Hand, Lab};

/// How the name of the queue ends that holds what a bot has in work; `queues` names it as IntelMQ does.
const INTERNAL: &str = "-internal";

fn waiting(client: &Client, snapshot: &Snapshot) -> Answer<Value> {
    let count = |name: &str| {
        let found = snapshot.queues.iter().find(|queue| queue.name == name);
        found.map_or((0, 0), |queue| (queue.waiting, queue.in_flight))
    };
    let of_bot = |wiring: BotWiring| {
        let mut told = Map::new();
        if let Some(source) = &wiring.source {
            let (waiting, in_work) = count(source);
            told.insert("source_queue".to_owned(), json!([source, waiting]));
            told.insert("internal_queue".to_owned(), json!(in_work));
        }
        let queues = wiring.destinations.queues();
        let sums: Vec<Value> = queues.iter().map(|queue| json!([queue, count(queue).0])).collect();
        told.insert("destination_queues".to_owned(), json!(sums));
        (wiring.bot, Value::Object(told))
    };
    Ok(Value::Object(pipeline(client)?.wiring().into_iter().map(of_bot).collect()))
}

/// How many messages wait in the queues of each bot.
pub(super) async fn queues(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    let told = api.with(lab, |_, _, client| waiting(client, &client.snapshot().map_err(control)?));
    Ok(Json(told.await?))
}

/// The same, and the status of each bot.
pub(super) async fn queues_and_status(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    let told = api.with(lab, |_, _, client| {
        let snapshot = client.snapshot().map_err(control)?;
        Ok(json!([waiting(client, &snapshot)?, statuses(&snapshot, None)]))
    });
    Ok(Json(told.await?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    id: String,
}

/// Removes what waits in a queue. What a bot has in work is not taken from it.
pub(super) async fn clear(
    State(api): State<Api>,
    Of(lab): Of,
    Asked(asked): Asked<Named>,
) -> Told<Json<Value>> {
    let told = api.with(lab, move |_, _, client| {
        let queues = client.snapshot().map_err(control)?.queues;
        let known = |name: &str| queues.iter().any(|queue| queue.name == name);
        if known(&asked.id) {
            client.clear(&asked.id).map_err(control)?;
            return Ok("success");
        }
        Ok(if asked.id.strip_suffix(INTERNAL).is_some_and(known) { "error" } else { "not-found" })
    });
    Ok(Json(json!(told.await?)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Command {
    Get,
    Pop,
    Send,
    Process,
}

#[derive(Debug, Deserialize)]
pub(super) struct Run {
    bot: String,
    cmd: Command,
    #[serde(default)]
    dry: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    msg: String,
}

/// Looks at a bot's next message, or hands it one; the bot goes on running, so nothing can be taken from it or tried with it.
pub(super) async fn run(
    State(api): State<Api>,
    Of(lab): Of,
    Asked(asked): Asked<Run>,
    message: Result<Form<Message>, FormRejection>,
) -> Told<Json<String>> {
    let message = message.map(|Form(message)| message.msg).unwrap_or_default();
    let told = api.with(lab, move |api, lab, client| {
        let wiring = pipeline(client)?.wiring().into_iter().find(|wiring| wiring.bot == asked.bot);
        let wiring = wiring.ok_or_else(|| unknown_bot(&asked.bot))?;
        match asked.cmd {
            Command::Get => next(client, wiring.source.as_deref()),
            Command::Send => {
                let queues = wiring.destinations.path("_default").unwrap_or_default();
                put(api, lab, queues, &message)?;
                Ok("Message sent to output pipelines.".to_owned())
            }
            Command::Process if !asked.dry && !message.is_empty() => {
                let Some(queue) = wiring.source else { return Ok("Bot has no source queues.".to_owned()) };
                put(api, lab, std::slice::from_ref(&queue), &message)?;
                Ok(format!("Message put into {queue}; the bot processes it as it runs."))
            }
            Command::Pop | Command::Process => Err(running(&asked.bot)),
        }
    });
    Ok(Json(told.await?))
}

/// Shows the message that a bot will take next.
fn next(client: &Client, queue: Option<&str>) -> Answer<String> {
    let Some(queue) = queue else { return Ok("Bot has no source queues.".to_owned()) };
    let Some(wire) = client.peek(queue, 1).map_err(control)?.pop() else {
        return Ok("No message waits.".to_owned());
    };
    let Ok(Value::Object(mut message)) = serde_json::from_str(&wire) else { return Ok(wire) };
    message.sort_keys();
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(
        &mut text,
        serde_json::ser::PrettyFormatter::with_indent(b"    "),
    );
    // Writing to memory does not fail.
    let _ = serde::Serialize::serialize(&message, &mut writer);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn put(api: &Api, lab: &Lab, queues: &[String], message: &str) -> Answer<()> {
    let message: Map<String, Value> = serde_json::from_str(message).map_err(|error| {
        Refusal::bad_request("bad-message", format!("the message is no JSON object: {error}"))
    })?;
    let playbook = api.playbook(lab)?;
    let mut hand = Hand::open(api.world(), &playbook, lab).map_err(refused)?;
    for queue in queues {
        hand.inject(queue, message.clone(), 1).map_err(refused)?;
    }
    Ok(())
}

fn running(bot: &str) -> Refusal {
    let title = format!(
        "{bot} runs, and takes its messages by itself: none can be taken from it, and it tries none; get shows the next one"
    );
    Refusal::new(axum::http::StatusCode::CONFLICT, "not-possible", title)
}
