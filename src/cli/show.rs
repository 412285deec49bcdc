//! `show`: what a playbook teaches, or the text of one step.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, bold};
use super::step;
use crate::playbook::{Part, Playbook, Show, Step};

/// The arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab show PLAYBOOK 1")]
pub(super) struct Args {
    /// The playbook
    playbook: String,
    /// A step, by number or id: show its text
    step: Option<String>,
    /// Show the presenter's notes and the hints too
    #[arg(long, requires = "step")]
    notes: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let playbook = catalog::playbook(&args.playbook, common)?;
    match &args.step {
        Some(word) => {
            let number = step::number(&playbook, word)?;
            let step = &playbook.steps[number - 1];
            if common.json {
                output::json(&step_json(number, step))?
            } else {
                output::data(&text(number, step, args.notes))?
            }
        }
        None if common.json => output::json(&playbook_json(&playbook))?,
        None => output::data(&overview(&playbook))?,
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
    text += &output::table(&rows);
    text
}

fn text(number: usize, step: &Step, notes: bool) -> String {
    let mut text = format!("{}\n\n{}", bold(&format!("{number}. {}", step.title)), parts(&step.text.before));
    if !step.text.seen.is_empty() {
        text += &format!("\n{}\n\n{}", bold("Seen"), parts(&step.text.seen));
    }
    if notes {
        let hints: String =
            step.hints.iter().enumerate().map(|(index, hint)| format!("{}. {hint}\n", index + 1)).collect();
        text += &format!("\n{}\n\n{hints}\n{}\n\n{}\n", bold("Hints"), bold("Notes"), step.notes.trim());
    }
    text
}

fn parts(parts: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Text(text) => text.trim().to_owned(),
        Part::Show(block) => format!("    [{}]", shown(&block.show)),
    };
    parts.iter().map(text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// Says in words what a block is filled in with.
fn shown(show: &Show) -> String {
    match show {
        Show::Lines(lines) => format!("lines of {}", lines.file.value),
        Show::Bot(bot) => format!("the bot {} in the runtime file", bot.value),
        Show::Events(events) => format!("events of {}", events.file.value),
        Show::Dump(dump) => format!("what {} gave up", dump.bot.value),
        Show::Log(log) => match &log.bot {
            Some(bot) => format!("the log of {}", bot.value),
            None => "the log".to_owned(),
        },
    }
}

fn playbook_json(playbook: &Playbook) -> serde_json::Value {
    let steps: Vec<_> =
        playbook.steps.iter().enumerate().map(|(index, step)| step_json(index + 1, step)).collect();
    json!({
        "id": playbook.id.value,
        "title": playbook.title.value,
        "summary": playbook.summary.value,
        "level": playbook.level.word(),
        "minutes": playbook.minutes.value,
        "steps": steps,
    })
}

fn step_json(number: usize, step: &Step) -> serde_json::Value {
    json!({
        "number": number,
        "id": step.id.value,
        "title": step.title,
        "text": parts(&step.text.before),
        "seen": parts(&step.text.seen),
        "hints": step.hints,
        "notes": step.notes,
        "within_ms": u64::try_from(step.within.as_millis()).unwrap_or(u64::MAX),
    })
}
