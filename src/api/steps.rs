//! Steps of a lab's lesson done, checked and taken back; and what is done to a lab by hand.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::error::{Answer, refused};
use super::playbook::step;
use super::reach::Api;
use crate::diagnostic::Source;
use crate::runtime::control::{Refusal, blocking};
use crate::session::{self, Feed, Hand, LabWish, Range};

/// What can be done with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Deed {
    /// Bring the lab to where it begins.
    Prepare,
    /// Do its actions, and check.
    Do,
    /// Look whether somebody has done it by hand.
    Check,
}

/// Brings the lab to a step, does it, or checks what was done by hand.
#[utoipa::path(
    post, path = "/v1/labs/{lab}/steps/{number}/{deed}",
    params(("lab" = String, Path, description = "the lab's name"),
        ("number" = u32, Path, description = "the step, counted from 1"), ("deed" = Deed, Path, description = "what to do")),
    responses((status = 200, body = Object))
)]
pub(super) async fn act(
    State(api): State<Api>,
    Path((lab, number, deed)): Path<(String, u32, Deed)>,
) -> Answer<Json<Value>> {
    blocking(move || {
        let number = number as usize;
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        step(&playbook, number)?;
        let name = lab.record.name.clone();
        let wish = LabWish { name: Some(name.clone()), ..LabWish::default() };
        let mut emit = |event: session::Event| api.tell(&name, &event);
        let world = api.world();
        let outcome = match deed {
            Deed::Check => session::look(world, &playbook, &lab, number, &mut emit),
            Deed::Do => {
                session::up(world, &playbook, &wish, Range { only: Some(number), to: None }, &mut emit)
            }
            Deed::Prepare => session::prepare(world, &playbook, &lab, number, &mut emit),
        };
        let ended = outcome.map_err(refused)?;
        if deed == Deed::Prepare {
            api.forget(&name, number);
        }
        let result = api.result(&name, number);
        let short = result.as_ref().map_or(json!(null), |result| result["result"].clone());
        Ok::<_, Refusal>(Json(json!({
            "result": short, "passed": ended.passed, "failed": ended.failed + ended.broken, "step": result,
        })))
    })
    .await
}

/// Where a lab goes back to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Back {
    /// The step whose beginning it is, counted from 1; the first unless it is said.
    step: Option<u32>,
}

/// Brings the lab back to its beginning, or to the beginning of a step.
#[utoipa::path(
    post, path = "/v1/labs/{lab}/reset", params(("lab" = String, Path, description = "the lab's name")),
    request_body = Back,
    responses((status = 200, body = Object))
)]
pub(super) async fn reset(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Json(back): Json<Back>,
) -> Answer<Json<Value>> {
    blocking(move || {
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        let number = back.step.map(|number| number as usize);
        let name = lab.record.name.clone();
        let mut emit = |event: session::Event| api.tell(&name, &event);
        session::reset(api.world(), &playbook, &lab, number, &mut emit).map_err(refused)?;
        api.forget(&name, number.unwrap_or(1));
        Ok::<_, Refusal>(Json(json!({ "step": number.unwrap_or(1) })))
    })
    .await
}

/// A feed of the playbook, or a sample.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedWish {
    /// `sample:NAME`, or a file of the playbook.
    file: String,
    /// The name that it gets.
    #[serde(rename = "as")]
    name: Option<String>,
    /// The service that shall publish it; else it is put where collectors look.
    service: Option<String>,
}

/// Puts a feed in, and makes the collectors fetch it.
#[utoipa::path(
    post, path = "/v1/labs/{lab}/seed", params(("lab" = String, Path, description = "the lab's name")),
    request_body = SeedWish,
    responses((status = 200, body = Object))
)]
pub(super) async fn seed(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Json(wish): Json<SeedWish>,
) -> Answer<Json<Value>> {
    by_hand(api, lab, move |hand| {
        let rows = hand.seed(Feed::Known(wish.file), wish.name.as_deref(), wish.service.as_deref());
        rows.map(|seeded| json!({ "rows": seeded.rows }))
    })
    .await
}

/// A message for a queue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InjectWish {
    /// The queue.
    queue: String,
    /// The message; `__type` is `Event` unless it is there.
    #[schema(value_type = Object)]
    message: Map<String, Value>,
    /// How often.
    #[serde(default = "once")]
    #[schema(maximum = 10000)]
    times: u32,
}

fn once() -> u32 {
    1
}

/// Puts a message into a queue.
#[utoipa::path(
    post, path = "/v1/labs/{lab}/inject", params(("lab" = String, Path, description = "the lab's name")),
    request_body = InjectWish,
    responses((status = 200, body = Object))
)]
pub(super) async fn inject(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Json(wish): Json<InjectWish>,
) -> Answer<Json<Value>> {
    if wish.times > 10_000 {
        return Err(Refusal::bad_request("too-many", "a message is put in 10,000 times at most"));
    }
    by_hand(api, lab, move |hand| {
        let times = wish.times;
        hand.inject(&wish.queue, wish.message, times).map(|_| json!({ "count": times }))
    })
    .await
}

/// Lays a change over the botnet, by bot id, as a step's `configure` does.
#[utoipa::path(
    post, path = "/v1/labs/{lab}/configure", params(("lab" = String, Path, description = "the lab's name")),
    request_body = Object,
    responses((status = 200, body = Object))
)]
pub(super) async fn configure(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Json(change): Json<Map<String, Value>>,
) -> Answer<Json<Value>> {
    let change = Source::new("the change", serde_json::to_string_pretty(&change).unwrap_or_default());
    by_hand(api, lab, move |hand| hand.configure(change).map(|_| json!({ "done": true }))).await
}

async fn by_hand(
    api: Api,
    lab: String,
    work: impl FnOnce(&mut Hand<'_>) -> Result<Value, session::SessionError> + Send + 'static,
) -> Answer<Json<Value>> {
    blocking(move || {
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        let mut hand = Hand::open(api.world(), &playbook, &lab).map_err(refused)?;
        work(&mut hand).map(Json).map_err(refused)
    })
    .await
}
