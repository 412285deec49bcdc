//! `new`: a folder with a small playbook, to be made one's own.

use std::path::PathBuf;

use serde_json::json;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use super::folder::OutFolder;
use super::output;
use crate::playbook::new_playbook;

/// The arguments of `new`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab new my-playbooks/monday")]
pub(super) struct Args {
    /// The folder to make; its name becomes the playbook's id
    dir: PathBuf,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let folder = OutFolder::at(&args.dir, args.force);
    let path = folder.absolute()?;
    let id = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let files = new_playbook(&id).map_err(|problem| {
        Failure::usage("playbook-id", format!("{id:?} cannot be the id of a playbook")).help(problem)
    })?;
    let contents = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    let written = folder.write([], contents)?;
    if common.json {
        output::json(&json!({ "id": id, "files": written }))?;
        return Ok(Exit::Ok);
    }
    output::data(&written.join("\n"))?;
    let dir = args.dir.display();
    output::talk(&format!(
        "next:\n  intelmq-lab up {dir}          bring it up, and see its steps pass\n  \
         intelmq-lab lint {dir} --run  after each change: what is wrong with it"
    ));
    Ok(Exit::Ok)
}
