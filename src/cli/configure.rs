//! `configure`: a change laid over the botnet of a lab, as a step does it.

use std::path::PathBuf;

use serde_json::{Map, Value as Json};

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::{inject, lab, output};
use crate::diagnostic::{Source, yaml};

/// The arguments of `configure`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: echo '{url-expert: {enabled: false}}' | intelmq-lab configure -")]
pub(super) struct Args {
    /// The change in the form of a runtime file, only what is to be different (null takes away); - for standard input
    file: PathBuf,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let (name, text) = if args.file.as_os_str() == "-" {
        ("standard input".to_owned(), inject::standard_input()?)
    } else {
        let text = std::fs::read_to_string(&args.file);
        (args.file.display().to_string(), text.map_err(|cause| output::cannot_read(&args.file, &cause))?)
    };
    let change: Map<String, Json> =
        yaml::read(&Source::new(name, text)).map_err(|problem| Failure::one(Exit::Invalid, problem))?;
    let ids: Vec<String> = change.keys().cloned().collect();
    let (lab, ()) = lab::by_hand(&args.lab, common, |hand| Ok(hand.configure(change)?))?;
    lab::done(&lab, &format!("configured {}", ids.join(", ")), common)
}
