//! `lint`: what is wrong with playbooks.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::catalog::Named;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output;
use super::reports::tell;
use crate::diagnostic::{Diagnostic, Style, render, summary};
use crate::report::{Progress, Reports};
use crate::session::{LabWish, World, prove};

/// The arguments of `lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab lint my-playbooks/ --run")]
pub(super) struct Args {
    /// Playbooks by id, or folders; all playbooks if none is named
    #[arg(value_name = "PLAYBOOK|DIR")]
    what: Vec<String>,
    /// Play them too: each step must fail before its actions and pass after them, also a second time
    #[arg(long)]
    run: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let world = args.run.then(|| Ok::<_, Failure>(World::of_user(interrupt::watch()?)?)).transpose()?;
    let mut found: Vec<(String, Vec<Diagnostic>)> = Vec::new();
    let mut exits = Vec::new();
    for named in catalog::named(&args.what, common)? {
        let mut problems = catalog::problems(&named.entry);
        let faulty = |problems: &[Diagnostic]| problems.iter().any(Diagnostic::is_error);
        if let (Some(world), false) = (&world, faulty(&problems)) {
            match played(world, &named, common) {
                Ok(more) if more.is_empty() => {}
                Ok(more) => {
                    exits.push(if faulty(&more) { Exit::Invalid } else { Exit::CheckFailed });
                    problems.extend(more);
                }
                Err(failure) => {
                    problems.extend(failure.diagnostics);
                    exits.push(failure.exit);
                }
            }
        } else if faulty(&problems) {
            exits.push(Exit::Invalid);
        }
        found.push((named.entry.id, problems));
        if exits.last() == Some(&Exit::Interrupted) {
            break;
        }
    }
    show(&found, common)?;
    Ok(Exit::of_all(&exits))
}

/// Plays a playbook and returns what is wrong with its checks.
fn played(world: &World, named: &Named, common: &Common) -> Result<Vec<Diagnostic>, Failure> {
    let playbook = catalog::load(&named.entry)?;
    let wish = LabWish { wish: common.wish(), playbooks: named.folder.clone(), ..LabWish::default() };
    let mut reports = Reports::default();
    reports.add(Box::new(Progress::default()));
    let problems = prove(world, &playbook, &wish, &mut |event| tell(world, &event, &mut reports));
    reports.finish()?;
    Ok(problems?)
}

fn show(found: &[(String, Vec<Diagnostic>)], common: &Common) -> Result<(), Failure> {
    if common.json {
        let list = found.iter().map(|(id, problems)| json!({ "playbook": id, "problems": problems }));
        return output::json(&list.collect::<Vec<_>>());
    }
    let all: Vec<Diagnostic> = found.iter().flat_map(|(_, problems)| problems.clone()).collect();
    output::data(&render(&all, Style::Colour))?;
    let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
    output::talk(&format!("{}: {}", ids.join(", "), summary(&all)));
    Ok(())
}
