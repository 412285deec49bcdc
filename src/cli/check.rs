//! `check`: playbooks verified from end to end, each in a fresh lab that is removed afterwards.

use super::args::Common;
use super::catalog;
use super::catalog::Named;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output;
use super::reports::{ReportArgs, tell, told};
use super::up::StepArgs;
use crate::report::Reports;
use crate::session::{LabWish, World, check};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab check --all --report junit=playbooks.xml")]
pub(super) struct Args {
    /// Playbooks by id, or folders
    #[arg(value_name = "PLAYBOOK|DIR", required_unless_present = "all", conflicts_with = "all")]
    what: Vec<String>,
    /// Check every playbook
    #[arg(long)]
    all: bool,
    /// Keep the labs and leave them running
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    steps: StepArgs,
    #[command(flatten)]
    report: ReportArgs,
    /// The lab's name, for a single playbook
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let named = catalog::named(&args.what, common)?;
    if named.len() > 1 && args.lab.is_some() {
        return Err(Failure::usage("one-lab", "--lab names one lab, and several playbooks need several"));
    }
    let mut reports = args.report.open(common)?;
    let world = World::of_user(interrupt::watch()?)?;
    let mut exits = Vec::new();
    for named in &named {
        match one(args, common, &world, named, &mut reports) {
            Ok(exit) => exits.push(exit),
            Err(failure) => {
                output::problems(&failure.diagnostics);
                exits.push(failure.exit);
            }
        }
        if exits.last() == Some(&Exit::Interrupted) {
            break;
        }
    }
    reports.finish()?;
    if named.len() > 1 && !common.json {
        output::talk(&sum(&named, &exits));
    }
    Ok(Exit::of_all(&exits))
}

/// Says how many playbooks passed, and which did not.
fn sum(named: &[Named], exits: &[Exit]) -> String {
    let failed = named.iter().zip(exits).filter(|(_, exit)| **exit != Exit::Ok);
    let failed: Vec<&str> = failed.map(|(named, _)| named.entry.id.as_str()).collect();
    let passed = exits.len() - failed.len();
    let mut parts = vec![format!("{passed} passed"), format!("{} failed", failed.len())];
    if exits.len() < named.len() {
        parts.push(format!("{} not begun", named.len() - exits.len()));
    }
    let text = format!("{}: {}", output::count(named.len(), "playbook"), parts.join(", "));
    if failed.is_empty() { text } else { format!("{text}: {}", failed.join(", ")) }
}

fn one(
    args: &Args,
    common: &Common,
    world: &World,
    named: &Named,
    reports: &mut Reports,
) -> Result<Exit, Failure> {
    let playbook = told(&named.entry.id, catalog::load(&named.entry), reports)?;
    let range = args.steps.range(&playbook)?;
    let wish = LabWish { name: args.lab.clone(), wish: common.wish(), playbooks: named.folder.clone() };
    let ran = check(world, &playbook, &wish, (range, args.keep), &mut |event| tell(world, &event, reports));
    let ran = told(&playbook.id, ran, reports)?;
    let exit = Exit::of(&ran);
    if args.keep {
        output::talk(&format!("lab {} is kept in {}", ran.lab.record.name, ran.lab.folder.display()));
    } else if exit != Exit::Ok && !common.json {
        output::talk(
            "the lab of this check is gone; with --keep it stays, to be looked at with these commands",
        );
    }
    Ok(exit)
}
