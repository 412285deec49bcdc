//! The lesson of a lab: its steps with texts, hints and notes, and how far it is.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::error::Answer;
use super::markdown;
use super::reach::Api;
use crate::playbook::{Part, Playbook, Show, Step};
use crate::runtime::control::{Problem, Refusal, blocking};
use crate::session::Lab;
use crate::template::{self, Variables};

/// The lesson of a lab.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/playbook", params(("lab" = String, Path, description = "the lab's name")),
    responses((status = 200, body = Object), (status = 404, body = Problem))
)]
pub(super) async fn playbook(State(api): State<Api>, Path(lab): Path<String>) -> Answer<Json<Value>> {
    blocking(move || {
        let lab = api.lab(&lab)?;
        let playbook = api.playbook(&lab)?;
        let reader = Reader::of(&playbook, &lab);
        let passed = passed(&playbook, &lab);
        let steps: Vec<Value> = playbook
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                let result = api.result(&lab.record.name, index + 1);
                reader.step(index + 1, step, state(index, passed, result.as_ref()), result.as_ref())
            })
            .collect();
        Ok::<_, Refusal>(Json(json!({
            "id": playbook.id.value,
            "title": playbook.title.value,
            "summary": playbook.summary.value,
            "level": playbook.level.word(),
            "minutes": playbook.minutes.value,
            "passed": passed,
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
    responses((status = 200, body = Object), (status = 400, body = Problem), (status = 404, body = Problem))
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
        let text = Reader::of(&playbook, &lab).fill(text);
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

/// Counts the steps that passed, as far as they are the playbook's first ones.
pub(super) fn passed(playbook: &Playbook, lab: &Lab) -> usize {
    let steps = playbook.steps.iter().map(|step| &step.id.value);
    steps.zip(&lab.record.passed).take_while(|(step, passed)| step == passed).count()
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

/// Fills texts in with what is so in a lab.
struct Reader<'a> {
    playbook: &'a Playbook,
    variables: Variables,
}

impl<'a> Reader<'a> {
    fn of(playbook: &'a Playbook, lab: &Lab) -> Self {
        let mut variables = playbook.example_variables();
        variables.lab_in = lab.folder.join("in").display().to_string();
        variables.lab_out = lab.folder.join("out").display().to_string();
        Reader { playbook, variables }
    }

    fn step(&self, number: usize, step: &Step, state: &str, result: Option<&Value>) -> Value {
        json!({
            "number": number,
            "id": step.id.value,
            "title": step.title,
            "state": state,
            "text": self.parts(&step.text.before),
            "seen": self.parts(&step.text.seen),
            "notes": markdown::render(&self.fill(step.notes.trim())),
            "hints": step.hints.len(),
            "actions": step.actions.iter().map(|action| action.value.to_string()).collect::<Vec<_>>(),
            "result": result,
        })
    }

    fn parts(&self, parts: &[Part]) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => self.fill(text.trim()),
            Part::Show(block) => self.block(&block.show),
        };
        let texts: Vec<String> = parts.iter().map(text).filter(|text| !text.is_empty()).collect();
        markdown::render(&texts.join("\n\n"))
    }

    fn fill(&self, text: &str) -> String {
        template::fill(text, &self.variables).unwrap_or_else(|_| text.to_owned())
    }

    /// Shows lines of a file; what only a run knows stands in the other views of the page.
    fn block(&self, show: &Show) -> String {
        let Show::Lines(lines) = show else { return String::new() };
        let Ok(bytes) = self.playbook.bytes(&lines.file) else { return String::new() };
        let text = String::from_utf8_lossy(&bytes);
        let first = lines.from.max(1);
        let count = lines.last.map_or(usize::MAX, |last| (last + 1).saturating_sub(first));
        let shown = text.lines().skip(first - 1).take(count.min(40));
        shown.fold(String::new(), |text, line| text + "    " + line + "\n")
    }
}
