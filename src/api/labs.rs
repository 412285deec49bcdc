//! Labs: listed, made and removed; and the playbooks that there are.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::{Answer, refused};
use super::reach::Api;
use crate::plan::Wish;
use crate::playbook::{Catalog, CatalogError};
use crate::runtime::control::{Refusal, blocking};
use crate::session::{self, LabWish, Range};

/// The labs, their bots, and where their own API is.
#[utoipa::path(get, path = "/v1/labs", responses((status = 200, body = Object)))]
pub(super) async fn list(State(api): State<Api>) -> Answer<Json<Value>> {
    blocking(move || {
        let labs = session::status(api.world(), &api.labs()?).map_err(refused)?;
        Ok::<_, Refusal>(Json(json!({ "labs": labs, "open": api.is_open() })))
    })
    .await
}

/// One lab.
#[utoipa::path(
    get, path = "/v1/labs/{lab}", params(("lab" = String, Path, description = "the lab's name")),
    responses((status = 200, body = Object))
)]
pub(super) async fn one(State(api): State<Api>, Path(lab): Path<String>) -> Answer<Json<Value>> {
    blocking(move || {
        let lab = api.lab(&lab)?;
        let mut labs = session::status(api.world(), &[lab]).map_err(refused)?;
        Ok::<_, Refusal>(Json(json!(labs.pop())))
    })
    .await
}

/// A lab to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The playbook's id.
    playbook: String,
    /// The lab's name; the playbook's id unless it is said.
    lab: Option<String>,
    /// The target.
    target: Option<String>,
    /// The broker.
    broker: Option<String>,
    /// End after this step, counted from 1; 0 does none.
    to: Option<usize>,
}

/// Makes a lab, or goes on with it, and does its steps; a lab's own API makes none.
#[utoipa::path(post, path = "/v1/labs", request_body = Wanted, responses((status = 200, body = Object)))]
pub(super) async fn make(State(api): State<Api>, Json(wanted): Json<Wanted>) -> Answer<Json<Value>> {
    closed(&api)?;
    blocking(move || {
        let playbook = catalog(&api)?
            .find(&wanted.playbook)
            .map_err(|error| Refusal::not_found("unknown-playbook", error.to_string()))?
            .load()
            .map_err(|complaints| {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-playbook", "the playbook is invalid")
                    .complaining(&complaints)
            })?;
        let name = wanted.lab.clone().unwrap_or_else(|| playbook.id.value.clone());
        let wish = LabWish {
            name: Some(name.clone()),
            wish: Wish { target: wanted.target, broker: wanted.broker, ..Wish::default() },
            playbooks: api.playbooks().cloned(),
        };
        let range = Range { only: None, to: wanted.to };
        let ran = session::up(api.world(), &playbook, &wish, range, &mut |_| {}).map_err(refused)?;
        Ok::<_, Refusal>(Json(
            json!({ "lab": name, "passed": ran.passed, "failed": ran.failed + ran.broken }),
        ))
    })
    .await
}

/// Ends a lab and removes everything of it; a lab's own API does not.
#[utoipa::path(
    delete, path = "/v1/labs/{lab}", params(("lab" = String, Path, description = "the lab's name")),
    responses((status = 200, body = Object))
)]
pub(super) async fn remove(State(api): State<Api>, Path(lab): Path<String>) -> Answer<Json<Value>> {
    closed(&api)?;
    blocking(move || {
        api.lab(&lab)?;
        session::down(api.world(), &lab).map_err(refused)?;
        api.forget(&lab, 0);
        Ok::<_, Refusal>(Json(json!({ "removed": lab })))
    })
    .await
}

fn closed(api: &Api) -> Answer<()> {
    if api.is_open() {
        return Ok(());
    }
    let title = "a lab's own API makes and removes no labs; `intelmq-lab serve` and the command line do";
    Err(Refusal::new(StatusCode::FORBIDDEN, "own-lab-only", title))
}

fn catalog(api: &Api) -> Answer<Catalog> {
    let broken = |error: CatalogError| Refusal::internal(&error);
    Ok(match api.playbooks() {
        Some(folder) => Catalog::with_folder(folder).map_err(broken)?,
        None => Catalog::built_in(),
    })
}

/// The playbooks that labs can be made of.
#[utoipa::path(get, path = "/v1/playbooks", responses((status = 200, body = Object)))]
pub(super) async fn playbooks(State(api): State<Api>) -> Answer<Json<Value>> {
    blocking(move || {
        let catalog = catalog(&api)?;
        let listed: Vec<Value> = catalog
            .entries()
            .filter_map(|entry| entry.load().ok())
            .map(|playbook| {
                json!({
                    "id": playbook.id.value, "title": playbook.title.value, "summary": playbook.summary.value,
                    "level": playbook.level.word(), "minutes": playbook.minutes.value, "steps": playbook.steps.len(),
                })
            })
            .collect();
        Ok::<_, Refusal>(Json(json!({ "playbooks": listed })))
    })
    .await
}
