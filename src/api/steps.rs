//! Steps of a lab's lesson done, checked and taken back; and what is done to a lab by hand.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::error::{Answer, refused};
use super::playbook::step;
use super::reach::Api;
use crate::diagnostic::Source;
use crate::runtime::control::{Refusal, blocking};
use crate::session::{self, Deed, Feed, Hand, LabWish, Range, SessionError};

/// What can be done with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Deed)]
pub(super) enum Verb {
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
        ("number" = u32, Path, description = "the step, counted from 1"), ("deed" = Verb, Path, description = "what to do")),
    responses((status = 200, body = Object), (status = 202, body = Object))
)]
pub(super) async fn act(
    State(api): State<Api>,
    Path((lab, number, verb)): Path<(String, u32, Verb)>,
) -> Answer<Response> {
    blocking(move || {
        let number = number as usize;
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        step(&playbook, number)?;
        let name = lab.record.name.clone();
        let wish = LabWish { name: Some(name.clone()), ..LabWish::default() };
        let mut emit = |_| {};
        let world = api.world();
        let outcome = match verb {
            Verb::Check => session::look(world, &playbook, &lab, number, &mut emit),
            Verb::Do => {
                session::up(world, &playbook, &wish, Range { only: Some(number), to: None }, &mut emit)
            }
            Verb::Prepare => session::prepare(world, &playbook, &lab, number, &mut emit),
        };
        let deed = if verb == Verb::Do { Deed::Do(number) } else { Deed::Prepare(number) };
        let Some(ended) = here(&api, outcome, || api.send(&lab, &playbook, deed))? else {
            return Ok(accepted());
        };
        if verb == Verb::Prepare {
            api.forget(&name, number);
        }
        api.recall(&lab);
        let result = api.result(&name, number);
        let short = result.as_ref().map_or(json!(null), |result| result["result"].clone());
        Ok::<_, Refusal>(Json(json!({
            "result": short, "passed": ended.passed, "failed": ended.failed + ended.broken, "step": result,
        }))
        .into_response())
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
    responses((status = 200, body = Object), (status = 202, body = Object))
)]
pub(super) async fn reset(
    State(api): State<Api>,
    Path(lab): Path<String>,
    Json(back): Json<Back>,
) -> Answer<Response> {
    blocking(move || {
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        let number = back.step.map(|number| number as usize);
        let name = lab.record.name.clone();
        let done = session::reset(api.world(), &playbook, &lab, number, &mut |_| {});
        let number = number.unwrap_or(1);
        if here(&api, done, || api.send(&lab, &playbook, Deed::Reset(number)))?.is_none() {
            return Ok(accepted());
        }
        api.forget(&name, number);
        Ok::<_, Refusal>(Json(json!({ "step": number })).into_response())
    })
    .await
}

/// Returns what came of something, or nothing if another process does it because this one would have to end itself.
fn here<T>(
    api: &Api,
    done: Result<T, SessionError>,
    elsewhere: impl FnOnce() -> Answer<()>,
) -> Answer<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_of_the_lab_itself() && !api.errand().busy => elsewhere().map(|()| None),
        Err(error) => Err(refused(error)),
    }
}

/// Says that another process is at it, and this one ends with the lab: the lab's lesson says `busy` until it is done.
fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "busy": true }))).into_response()
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
