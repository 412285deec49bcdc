//! `lint`: what is wrong with playbooks.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::diagnostic::{Diagnostic, Style, render, summary};
use crate::playbook::{Entry, Known, lint};

/// The arguments of `lint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab lint my-playbooks/")]
pub(super) struct Args {
    /// Playbooks by id, or folders; all playbooks if none is named
    #[arg(value_name = "PLAYBOOK|DIR")]
    what: Vec<String>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let mut found: Vec<(Entry, Vec<Diagnostic>)> = Vec::new();
    for named in catalog::named(&args.what, common)? {
        let problems = lint(&named.entry, Known::default());
        found.push((named.entry, problems));
    }
    let all: Vec<Diagnostic> = found.iter().flat_map(|(_, problems)| problems.clone()).collect();
    if common.json {
        let list =
            found.iter().map(|(entry, problems)| json!({ "playbook": entry.id, "problems": problems }));
        output::json(&list.collect::<Vec<_>>())?;
    } else {
        output::data(&render(&all, Style::Colour))?;
        let ids: Vec<&str> = found.iter().map(|(entry, _)| entry.id.as_str()).collect();
        output::talk(&format!("{}: {}", ids.join(", "), summary(&all)));
    }
    Ok(if all.iter().any(Diagnostic::is_error) { Exit::Invalid } else { Exit::Ok })
}
