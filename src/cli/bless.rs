//! `bless`: the expected outputs of playbooks recorded anew, with what changed.

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::args::Common;
use super::catalog;
use super::catalog::Named;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output;
use super::output::bold;
use super::reports::tell;
use crate::report::{Progress, Reports};
use crate::session::{Blessed, LabWish, World, bless};

/// The arguments of `bless`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab bless my-playbooks/monday")]
pub(super) struct Args {
    /// Playbooks by id, or folders; they are changed where they stand
    #[arg(value_name = "PLAYBOOK|DIR", required = true)]
    what: Vec<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let world = World::of_user(interrupt::watch()?)?;
    let mut list = Vec::new();
    let mut failure = Failure::new(Exit::Runtime, Vec::new());
    for named in catalog::named(&args.what, common)? {
        let mut reports = Reports::default();
        reports.add(Box::new(Progress::default()));
        let playbook = named.entry.load_to_bless();
        let playbook = playbook.map_err(|problems| Failure::new(Exit::Invalid, problems))?;
        let wish = LabWish { wish: common.wish(), playbooks: named.folder.clone(), ..LabWish::default() };
        let recorded = bless(&world, &playbook, &wish, &mut |event| tell(&world, &event, &mut reports));
        reports.finish()?;
        let (blessed, problems) = recorded?;
        if blessed.is_empty() && problems.is_empty() {
            output::talk(&format!("{}: every expected output is as it was", named.entry.id));
        }
        failure.diagnostics.extend(problems);
        for golden in blessed {
            if common.json {
                list.push(json(&named, &golden));
            } else {
                output::data(&text(&named, &golden))?;
            }
        }
    }
    if common.json {
        output::json(&list)?;
    }
    if failure.diagnostics.is_empty() { Ok(Exit::Ok) } else { Err(failure) }
}

fn json(named: &Named, golden: &Blessed) -> serde_json::Value {
    json!({
        "playbook": named.entry.id,
        "step": golden.step,
        "file": named.entry.folder.name_of(&golden.path),
        "difference": golden.difference,
    })
}

fn text(named: &Named, golden: &Blessed) -> String {
    let head = bold(&named.entry.folder.name_of(&golden.path));
    let lines = golden.difference.iter().map(|line| {
        let style = match line.chars().next() {
            Some('-') => AnsiColor::Red.on_default(),
            Some('+') => AnsiColor::Green.on_default(),
            _ => Style::new(),
        };
        format!("{style}{line}{style:#}\n")
    });
    format!("{head}  step {}\n{}", golden.step, lines.collect::<Vec<_>>().concat())
}
