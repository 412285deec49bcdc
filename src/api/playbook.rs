//! The lesson of a lab: its steps with texts, hints and notes, and how far it is.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::error::{Answer, refused};
use super::markdown;
use super::reach::Api;
use crate::playbook::{Playbook, Step};
use crate::runtime::control::{Refusal, blocking};
use crate::session::Reader;

/// The lesson of a lab.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/playbook", params(("lab" = String, Path, description = "the lab's name")),
    responses((status = 200, body = Object))
)]
pub(super) async fn playbook(State(api): State<Api>, Path(lab): Path<String>) -> Answer<Json<Value>> {
    blocking(move || {
        // Asked before anything is read: what is read of a lab that nobody changes is the last word.
        let errand = api.errand();
        let busy = errand.busy || api.lab(&lab)?.is_busy();
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        let reader = Reader::in_lab(api.world(), &playbook, &lab).map_err(refused)?;
        let passed = lab.passed(&playbook);
        api.recall(&lab);
        let steps: Vec<Value> = playbook
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                let result = api.result(&lab.record.name, index + 1);
                told(&reader, index + 1, step, state(index, passed, result.as_ref()), result.as_ref())
            })
            .collect();
        Ok::<_, Refusal>(Json(json!({
            "id": playbook.id.value,
            "title": playbook.title.value,
            "summary": playbook.summary.value,
            "level": playbook.level.word(),
            "minutes": playbook.minutes.value,
            "passed": passed,
            "busy": busy,
            "trouble": errand.trouble,
            "steps": steps,
        })))
    })
    .await
}

/// One hint to a step, counted from 1; each says more than the one before.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/steps/{number}/hints/{hint}",
    params(("lab" = String, Path, description = "the lab's name"),
        ("number" = u32, Path, description = "the step, counted from 1"), ("hint" = u32, Path, description = "the hint, counted from 1")),
    responses((status = 200, body = Object))
)]
pub(super) async fn hint(
    State(api): State<Api>,
    Path((lab, number, hint)): Path<(String, u32, u32)>,
) -> Answer<Json<Value>> {
    blocking(move || {
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        let step = step(&playbook, number as usize)?;
        let text =
            (hint as usize).checked_sub(1).and_then(|index| step.hints.get(index)).ok_or_else(|| {
                let title = format!("step {number} has no hint {hint}; it has {}", step.hints.len());
                Refusal::not_found("unknown-hint", title)
            })?;
        let text = Reader::in_lab(api.world(), &playbook, &lab).map_err(refused)?.fill(text);
        Ok::<_, Refusal>(Json(
            json!({ "text": text, "html": markdown::render(&text), "of": step.hints.len() }),
        ))
    })
    .await
}

/// Finds a step, counted from 1.
pub(super) fn step(playbook: &Playbook, number: usize) -> Answer<&Step> {
    number.checked_sub(1).and_then(|index| playbook.steps.get(index)).ok_or_else(|| {
        let title = format!("the playbook has no step {number}; its steps are 1 to {}", playbook.steps.len());
        Refusal::not_found("unknown-step", title)
    })
}

/// Says how a step stands, in a word.
fn state(index: usize, passed: usize, result: Option<&Value>) -> &'static str {
    if index < passed {
        return "passed";
    }
    match result.and_then(|result| result["result"].as_str()) {
        Some("failed") => "failed",
        Some("broken") => "broken",
        _ if index == passed => "next",
        _ => "open",
    }
}

/// Tells one step as the page shows it.
fn told(reader: &Reader<'_>, number: usize, step: &Step, state: &str, result: Option<&Value>) -> Value {
    json!({
        "number": number,
        "id": step.id.value,
        "title": step.title,
        "state": state,
        "text": markdown::render(&reader.before(step)),
        "seen": markdown::render(&reader.seen(step)),
        "notes": markdown::render(&reader.fill(step.notes.trim())),
        "hints": step.hints.len(),
        "actions": step.actions.iter().map(|action| action.value.to_string()).collect::<Vec<_>>(),
        "result": result,
    })
}
