//! `doctor`: what this machine has for labs, and what to do about what it lacks.

use serde_json::json;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use super::table;
use crate::session::doctor;
use crate::target::Finding;

/// The arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab doctor")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, common: &Common) -> Result<Exit, Failure> {
    let (needed, others) = doctor(&lab::world()?.labs);
    let works = needed.iter().all(|finding| finding.usable);
    if common.json {
        output::json(&json!({ "works": works, "needed": needed, "others": others }))?;
    } else {
        output::data(&text(needed.iter().chain(&others)))?;
        output::talk(if works {
            "labs run here; what is missing is needed only with the --broker or --target that it stands beside"
        } else {
            "no lab can run here"
        });
    }
    Ok(if works { Exit::Ok } else { Exit::Target })
}

/// One line each, and one more for each way out.
fn text<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    let row = |finding: &Finding| {
        let mark = if finding.usable { "✓" } else { "✗" };
        let mut rows = vec![vec![mark.to_owned(), finding.what.clone(), finding.found.clone()]];
        rows.extend(finding.ways.iter().map(|way| vec![String::new(), String::new(), format!("→ {way}")]));
        rows
    };
    table::table(&findings.flat_map(row).collect::<Vec<_>>())
}
