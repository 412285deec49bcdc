//! `reset`: a lab brought back to its beginning, or to where a step begins.

use serde_json::json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output;
use super::reports::tell;
use super::step;
use crate::report::{Progress, Reports};
use crate::session::{World, playbook_of, reset};

/// The arguments of `reset`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab reset 3")]
pub(super) struct Args {
    /// The step, by number or id, before which the lab shall be; the first one unless it is named
    step: Option<String>,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let world = World::of_user(interrupt::watch()?)?;
    let lab = world.labs.pick(args.lab.lab.as_deref())?;
    let playbook = playbook_of(&lab, common.playbooks.as_deref())?;
    let step = args.step.as_deref().map(|word| step::number(&playbook, word)).transpose()?;
    let mut reports = Reports::default();
    reports.add(Box::new(Progress::default()));
    let ran = reset(&world, &playbook, &lab, step, &mut |event| tell(&world, &event, &mut reports));
    reports.finish()?;
    let ran = ran?;
    output::problems(&ran.diagnostics);
    let (name, number) = (&ran.lab.record.name, step.unwrap_or(1));
    if common.json {
        output::json(&json!({ "lab": name, "step": number, "done": Exit::of(&ran) == Exit::Ok }))?;
    } else if Exit::of(&ran) == Exit::Ok {
        let title = playbook.steps.get(number - 1).map_or("", |step| step.title.as_str());
        output::data(&format!("lab {name} is where step {number} begins: {title}"))?;
    }
    Ok(Exit::of(&ran))
}
