//! `up`: a playbook in a lab, its steps done and checked, and the lab left running.

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output;
use super::reports::{ReportArgs, tell, told};
use super::step;
use super::table;
use crate::playbook::Playbook;
use crate::session::{LabWish, Ran, Range, World, up};

/// The arguments of `up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab up PLAYBOOK --to 3")]
pub(super) struct Args {
    /// The playbook: its id, or its folder
    playbook: String,
    #[command(flatten)]
    steps: StepArgs,
    #[command(flatten)]
    report: ReportArgs,
    /// The lab's name; the playbook's id if none is given
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
}

/// Which steps run.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct StepArgs {
    /// End after this step, by number or id
    #[arg(long, value_name = "STEP", conflicts_with = "step")]
    to: Option<String>,
    /// Do this step only; those before it bring the lab quietly to where it begins
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
}

impl StepArgs {
    /// Finds the steps in a playbook.
    pub(super) fn range(&self, playbook: &Playbook) -> Result<Range, Failure> {
        let number =
            |word: &Option<String>| word.as_deref().map(|word| step::number(playbook, word)).transpose();
        Ok(Range { only: number(&self.step)?, to: number(&self.to)? })
    }
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let named = catalog::one(&args.playbook, common)?;
    let playbook = catalog::load(&named.entry)?;
    let range = args.steps.range(&playbook)?;
    let wish = LabWish { name: args.lab.clone(), wish: common.wish(), playbooks: named.folder };
    let mut reports = args.report.open(common)?;
    let world = World::of_user(interrupt::watch()?)?;
    let ran = up(&world, &playbook, &wish, range, &mut |event| tell(&world, &event, &mut reports));
    let ran = told(&playbook.id, ran, &mut reports);
    reports.finish()?;
    let name = args.lab.as_deref().unwrap_or(&playbook.id);
    let ran = ran.map_err(|failure| left(failure, &world, name))?;
    if let Some(text) = behind(&ran, &playbook, range) {
        output::talk(&text);
    }
    if !common.json {
        let again = catalog::again(&args.playbook, common, &playbook, &ran.lab.record.name);
        output::talk(&after(&world, &playbook, &ran, &again)?);
    }
    Ok(Exit::of(&ran))
}

/// Says that a lab goes on running although `up` was interrupted.
fn left(failure: Failure, world: &World, name: &str) -> Failure {
    let there = failure.exit == Exit::Interrupted && world.labs.find(name).is_ok_and(|lab| lab.is_some());
    if !there {
        return failure;
    }
    failure.help(format!(
        "lab {name} goes on running: the same command goes on with it, `intelmq-lab down --lab {name}` removes it"
    ))
}

/// Says how to go back, if the last step that was wanted passed long ago.
fn behind(ran: &Ran, playbook: &Playbook, range: Range) -> Option<String> {
    let (passed, lab) = (ran.lab.passed(playbook), &ran.lab.record.name);
    let to = range.to.filter(|to| *to < passed)?;
    let next = to + 1;
    Some(format!(
        "lab {lab} is at the end of step {passed} and stays there; \
         `intelmq-lab reset {next} --lab {lab}` brings it back to where step {next} begins"
    ))
}

/// Says where the lab and its page are, and what to type next.
fn after(world: &World, playbook: &Playbook, ran: &Ran, again: &str) -> Result<String, Failure> {
    let record = &ran.lab.record;
    let several = world.labs.all()?.iter().filter(|lab| !lab.record.temporary).count() > 1;
    let lab = if several { format!(" --lab {}", record.name) } else { String::new() };
    let folder = ran.lab.folder.display();
    let mut lines = vec![String::new(), format!("lab {} runs in {folder}", record.name)];
    if let Some(api) = ran.lab.page()? {
        lines.push(format!("page {}", output::page(&api.url, &api.token)));
    }
    let mut rows = Vec::new();
    let passed = ran.lab.passed(playbook);
    if ran.failed + ran.broken == 0 && passed < playbook.steps.len() {
        let row = |command: String, what: &str| vec![format!("  intelmq-lab {command}"), what.to_owned()];
        rows.push(row(format!("show {again} --step {}", passed + 1), "what the next step wants"));
        rows.push(row(format!("learn {again}"), "go on, step by step"));
    }
    let own =
        |(command, what): &(&str, &str)| vec![format!("  intelmq-lab {command}{lab}"), (*what).to_owned()];
    rows.extend(next(ran).iter().map(own));
    lines.extend(["next:".to_owned(), table::table(&rows)]);
    Ok(lines.join("\n").trim_end().to_owned())
}

/// Lists commands that make sense now, and what each is for.
fn next(ran: &Ran) -> &'static [(&'static str, &'static str)] {
    if ran.failed + ran.broken == 0 {
        &[
            ("events", "what came out"),
            ("explain 1", "the life of the first event"),
            ("explain --dropped", "what did not arrive, and why"),
            ("graph", "the pipeline"),
            ("down", "remove the lab"),
        ]
    } else {
        &[
            ("status", "what the bots do"),
            ("logs --level warning", "what they complain about"),
            ("dump list", "what they gave up"),
            ("explain --dropped", "what did not arrive, and why"),
            ("reset", "begin anew"),
        ]
    }
}
