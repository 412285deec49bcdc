//! `export`: the botnet of a playbook as a configuration of IntelMQ.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::folder::OutFolder;
use super::output;
use super::step;
use crate::plan::{STATE_PATH, export};
use crate::session::SessionError;

/// The arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab export PLAYBOOK --out intelmq/")]
pub(super) struct Args {
    /// The playbook: its id, or its folder
    playbook: String,
    #[command(flatten)]
    out: OutFolder,
    /// The botnet as it stands at the end of this step, by number or id; 0 is before the first [default: the last]
    #[arg(long)]
    step: Option<String>,
    /// IntelMQ's state path on the machine that will run it
    #[arg(long, value_name = "DIR", default_value = STATE_PATH)]
    state_path: String,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let playbook = catalog::load(&catalog::one(&args.playbook, common)?.entry)?;
    let last = match args.step.as_deref() {
        Some("0") => 0,
        Some(word) => step::number(&playbook, word)?,
        None => playbook.steps.len(),
    };
    args.out.absolute()?;
    let export = export(&playbook, last, &args.state_path, &|file| playbook.bytes(file));
    let export = export.map_err(SessionError::from)?;
    let files = export.files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    let written = args.out.write(export.folders.iter().map(String::as_str), files)?;
    for note in &export.notes {
        output::talk(&format!("note: {note}"));
    }
    if common.json {
        output::json(&json!({ "files": written, "notes": export.notes }))?;
    } else {
        output::data(&written.join("\n"))?;
    }
    Ok(Exit::Ok)
}
