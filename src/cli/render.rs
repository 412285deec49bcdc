//! `render`: the files that a target would run, written and not run.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::folder::OutFolder;
use super::output;
use crate::diagnostic::Diagnostic;
use crate::plan::{Given, choose, plan};
use crate::playbook::FolderError;
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
    let unreadable = |error: FolderError| {
        Failure::one(Exit::Invalid, Diagnostic::error("missing-file", error.to_string()))
    };
    let feeds = playbook.feeds().map_err(unreadable)?;
    // Secrets and ports become placeholders: what is rendered may be shown to anybody.
    let given = Given { lab: playbook.id.value.clone(), folder: out, feeds, ..Given::default() };
    let plan = plan(&playbook, choice.clone(), &given).map_err(SessionError::from)?;
    let Some(target) = target::find(choice.target.name) else {
        return Err(Failure::usage("unknown-target", format!("there is no target {}", choice.target.name)));
    };
    let files = target.render(&plan).map_err(SessionError::from)?;
    let contents = files.iter().map(|file| (file.path.as_str(), file.content.as_slice()));
    let written = args.out.write(plan.folders.iter().copied(), contents)?;
    if common.json {
        output::json(&json!({ "files": written }))?;
    } else {
        output::data(&written.join("\n"))?;
    }
    Ok(Exit::Ok)
}
