//! `reset`: a lab brought back to its beginning, or to where a step begins.

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output;
use super::reports::{ReportArgs, told};
use super::step;
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
    let mut reports = ReportArgs::default().open(common)?;
    let ran = reset(&world, &playbook, &lab, step, &mut |event| reports.event(&event));
    let ran = told(&playbook.id, ran, &mut reports);
    reports.finish()?;
    let ran = ran?;
    if ran.failed + ran.broken == 0 {
        let number = step.unwrap_or(1);
        let title = playbook.steps.get(number - 1).map_or("", |step| step.title.as_str());
        output::talk(&format!("lab {} is where step {number} begins: {title}", ran.lab.record.name));
    }
    Ok(Exit::of(&ran))
}
