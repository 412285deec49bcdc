//! The configuration: the runtime file whole, where bots are drawn, and the data format.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::super::error::{Answer, control, refused};
use super::super::reach::Api;
use super::Of;
use super::fault::{Told, words};
use crate::diagnostic::Source;
use crate::message::Idf;
use crate::pipeline::Pipeline;
use crate::runtime::control::{Client, Refusal, blocking};
use crate::session::SessionError;

/// What IntelMQ Manager writes to a bot beside what it read.
const MANAGERS: &[&str] = &["bot_id", "groupname", "defaults", "id"];

/// Reads the configuration in use.
pub(super) fn pipeline(client: &Client) -> Answer<Pipeline> {
    let text = client.configuration().map_err(control)?.text;
    Pipeline::parse(Source::new("runtime.yaml", text))
        .map_err(|complaints| refused(SessionError::Invalid(complaints)))
}

/// The runtime file, with destinations in the one form that IntelMQ Manager draws: lists by path.
pub(super) async fn runtime(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    let told = api.with(lab, |_, _, client| {
        let pipeline = pipeline(client)?;
        let mut json = pipeline.to_json();
        for wiring in pipeline.wiring() {
            let paths = wiring.destinations.iter().map(|(path, queues)| (path.to_owned(), json!(queues)));
            let paths: Map<String, Value> = paths.collect();
            let parameters = &mut json[wiring.bot.as_str()]["parameters"];
            if parameters.get("destination_queues").is_some() {
                parameters["destination_queues"] = Value::Object(paths);
            }
        }
        Ok(json)
    });
    Ok(Json(told.await?))
}

/// Takes a runtime file into use, and says `success` or what is wrong with it; then the old one goes on.
pub(super) async fn set_runtime(
    State(api): State<Api>,
    Of(lab): Of,
    Json(mut wanted): Json<Map<String, Value>>,
) -> Told<String> {
    for bot in wanted.values_mut().filter_map(Value::as_object_mut) {
        bot.retain(|key, _| !MANAGERS.contains(&key.as_str()));
    }
    let done = api.with(lab, move |_, _, client| {
        let pipeline = Pipeline::from_json("runtime.yaml", &Value::Object(wanted))
            .map_err(|complaints| refused(SessionError::Invalid(complaints)))?;
        client.configure(&pipeline.write()).map_err(control)
    });
    Ok(success(done.await.map(drop)))
}

/// Where the bots are drawn.
pub(super) async fn positions(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    Ok(Json(blocking(move || api.lab(&lab)?.positions().map_err(refused)).await?))
}

/// Keeps where the bots are drawn.
pub(super) async fn set_positions(
    State(api): State<Api>,
    Of(lab): Of,
    Json(positions): Json<Map<String, Value>>,
) -> Told<String> {
    let done = blocking(move || api.lab(&lab)?.keep_positions(&positions).map_err(refused));
    Ok(success(done.await))
}

/// IntelMQ Manager looks at the text, not at the status.
fn success(done: Result<(), Refusal>) -> String {
    done.map_or_else(|refusal| words(&refusal), |()| "success".to_owned())
}

/// The data format: that of the lab if it has one of its own.
pub(super) async fn harmonization(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    let told = blocking(move || {
        let own = api.lab(&lab)?.folder.join("etc/harmonization.conf");
        let own = std::fs::read_to_string(own).ok().and_then(|text| serde_json::from_str(&text).ok());
        Ok::<_, Refusal>(own.unwrap_or_else(|| Idf::builtin().to_conf()))
    });
    Ok(Json(told.await?))
}
