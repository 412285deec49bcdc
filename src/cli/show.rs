//! `show`: what a playbook teaches, or the text of one step.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, bold};
use super::{lab, step, table};
use crate::playbook::{Playbook, Step};
use crate::session::{Lab, Reader};

/// The arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab show PLAYBOOK 1")]
pub(super) struct Args {
    /// The playbook: its id, or its folder
    playbook: String,
    /// A step, by number or id: show its text
    #[arg(group = "which")]
    step: Option<String>,
    /// The same, as `up` takes it
    #[arg(long = "step", value_name = "STEP", group = "which")]
    named: Option<String>,
    /// Show the answer too: what one types, and what is to be seen once the step is done
    #[arg(long, requires = "which")]
    answer: bool,
    /// Show the presenter's notes and the hints too
    #[arg(long, requires = "which")]
    notes: bool,
    /// The lab that fills the text in; needed only when there are several of the playbook
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let playbook = catalog::read(&catalog::one(&args.playbook, common)?.entry)?;
    let world = lab::world()?;
    let lab = world.labs.of_playbook(&playbook.id, args.lab.as_deref())?;
    let reader = match &lab {
        Some(lab) => Reader::in_lab(&world, &playbook, lab)?,
        None => Reader::without_lab(&playbook),
    };
    let Some(named) = args.step.as_ref().or(args.named.as_ref()) else {
        if common.json {
            output::json(&playbook_json(&playbook, &reader))?;
        } else {
            output::data(&overview(&playbook))?;
        }
        return Ok(Exit::Ok);
    };
    let number = step::number(&playbook, named)?;
    let step = &playbook.steps[number - 1];
    if common.json {
        output::json(&step_json(&reader, number, step))?;
        return Ok(Exit::Ok);
    }
    output::data(&text(args, &reader, number, step))?;
    if lab.is_none() || args.answer && lab.as_ref().is_some_and(|lab| lab.passed(&playbook) < number) {
        output::talk(&format!("\n{}", placeholders(&playbook, lab.as_ref())));
    }
    Ok(Exit::Ok)
}

fn overview(playbook: &Playbook) -> String {
    let steps = output::count(playbook.steps.len(), "step");
    let size = format!("{}, {} minutes, {steps}", playbook.level.word(), playbook.minutes.value);
    let mut text = format!("{}\n{}\n{size}\n\n", bold(&playbook.title), playbook.summary.value);
    let number = |index: usize| (index + 1).to_string();
    let rows = playbook.steps.iter().enumerate();
    let rows: Vec<Vec<String>> = rows
        .map(|(index, step)| {
            vec![format!("{:>2}.", number(index)), step.id.value.clone(), step.title.clone()]
        })
        .collect();
    text += &table::table(&rows);
    text
}

fn text(args: &Args, reader: &Reader<'_>, number: usize, step: &Step) -> String {
    let mut text = heading(&format!("{number}. {}", step.title), &reader.before(step));
    let mut add = |title: &str, inner: &str| {
        if !inner.is_empty() {
            text.push('\n');
            text += &heading(title, inner);
        }
    };
    if args.answer {
        add("Solution", &reader.solution(step));
        add("Seen", &reader.seen(step));
    }
    if args.notes {
        let hints = step.hints.iter().enumerate();
        let hints: Vec<String> =
            hints.map(|(index, hint)| format!("{}. {}\n", index + 1, reader.fill(hint))).collect();
        add("Hints", &hints.concat());
        add("Notes", &reader.fill(step.notes.trim()));
    }
    text
}

fn step_json(reader: &Reader<'_>, number: usize, step: &Step) -> serde_json::Value {
    json!({
        "number": number,
        "id": step.id.value,
        "title": step.title,
        "text": reader.before(step),
        "solution": reader.solution(step),
        "seen": reader.seen(step),
        "hints": step.hints.iter().map(|hint| reader.fill(hint)).collect::<Vec<_>>(),
        "notes": reader.fill(&step.notes),
        "within_ms": u64::try_from(step.within.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Writes a text with its heading.
pub(super) fn heading(title: &str, text: &str) -> String {
    format!("{}\n\n{text}", bold(title))
}

/// Says which parts of the text are no real ones, and how to get these.
fn placeholders(playbook: &Playbook, lab: Option<&Lab>) -> String {
    let id = &playbook.id.value;
    match lab {
        None => format!(
            "there is no lab of {id}: LAB, ports and keys are placeholders, and what a run shows is missing; \
             `intelmq-lab learn {id}` makes a lab"
        ),
        Some(lab) => {
            format!("what a run shows is missing: lab {} has not passed the step yet", lab.record.name)
        }
    }
}

fn playbook_json(playbook: &Playbook, reader: &Reader<'_>) -> serde_json::Value {
    let steps = playbook.steps.iter().enumerate().map(|(index, step)| step_json(reader, index + 1, step));
    json!({
        "id": playbook.id.value,
        "title": playbook.title.value,
        "summary": playbook.summary.value,
        "level": playbook.level.word(),
        "minutes": playbook.minutes.value,
        "steps": steps.collect::<Vec<_>>(),
    })
}
