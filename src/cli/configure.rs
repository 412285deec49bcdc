//! `configure`: a change laid over the botnet of a lab, as a step does it.

use std::path::PathBuf;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::{inject, lab, output};
use crate::diagnostic::Source;

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
        let unreadable = |cause| {
            output::cannot_read(&args.file, &cause).help(
                "write the change into a file, or give it on standard input with `intelmq-lab configure -`",
            )
        };
        (args.file.display().to_string(), text.map_err(unreadable)?)
    };
    let change = Source::new(name, text);
    let (lab, configured) = lab::by_hand(&args.lab, common, |hand| Ok(hand.configure(change)?))?;
    output::problems(&configured.warnings);
    lab::done(&lab, &format!("configured {}", configured.names.join(", ")), common)
}
