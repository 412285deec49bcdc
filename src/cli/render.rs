//! `render`: the files that a target would run, written and not run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
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
    /// The folder to write into; it must be empty or not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let playbook = catalog::load(&catalog::one(&args.playbook, common)?.entry)?;
    let choice = choose(&common.wish()).map_err(SessionError::from)?;
    let out = std::path::absolute(&args.out).map_err(|cause| output::cannot_write(&args.out, &cause))?;
    if !args.force && fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        let title = format!("{} is not empty", args.out.display());
        return Err(
            Failure::usage("not-empty", title).help("choose another folder, or write over it with --force")
        );
    }
    // Secrets become placeholders: what is rendered may be shown to anybody.
    let given = Given { lab: playbook.id.value.clone(), folder: out.clone(), secrets: BTreeMap::new() };
    let plan = plan(&playbook, choice, &given).map_err(SessionError::from)?;
    let Some(target) = target::find(choice.target.name) else {
        return Err(Failure::usage("unknown-target", format!("there is no target {}", choice.target.name)));
    };
    let files = target.render(&plan).map_err(SessionError::from)?;
    let write = || {
        plan.folders.iter().try_for_each(|folder| fs::create_dir_all(out.join(folder)))?;
        files.iter().try_for_each(|file| write(&out.join(&file.path), &file.content))
    };
    write().map_err(|cause| output::cannot_write(&args.out, &cause))?;
    let written: Vec<String> =
        files.iter().map(|file| args.out.join(&file.path).display().to_string()).collect();
    if common.json {
        output::json(&json!({ "files": written }))?;
    } else {
        output::data(&written.join("\n"))?;
    }
    Ok(Exit::Ok)
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content)
}
