//! `render`: the files that a target would run, written and not run.

use std::collections::BTreeMap;

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::folder::OutFolder;
use super::output;
use crate::plan::{Given, choose, plan};
use crate::session::SessionError;
use crate::target;

/// The arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab render PLAYBOOK --out rendered/")]
pub(super) struct Args {
    /// The playbook: its id, or its folder
    playbook: String,
    #[command(flatten)]
    out: OutFolder,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let playbook = catalog::load(&catalog::one(&args.playbook, common)?.entry)?;
    let choice = choose(&common.wish()).map_err(SessionError::from)?;
    let out = args.out.absolute()?;
    // Secrets become placeholders: what is rendered may be shown to anybody.
    let given = Given { lab: playbook.id.value.clone(), folder: out, secrets: BTreeMap::new() };
    let plan = plan(&playbook, choice, &given).map_err(SessionError::from)?;
    let Some(target) = target::find(choice.target.name) else {
        return Err(Failure::usage("unknown-target", format!("there is no target {}", choice.target.name)));
    };
    let files = target.render(&plan).map_err(SessionError::from)?;
    let contents = files.iter().map(|file| (file.path.as_str(), file.content.as_bytes()));
    let written = args.out.write(plan.folders.iter().copied(), contents)?;
    if common.json {
        output::json(&json!({ "files": written }))?;
    } else {
        output::data(&written.join("\n"))?;
    }
    Ok(Exit::Ok)
}
