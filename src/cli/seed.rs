//! `seed`: a feed put where the lab's collectors look, as a step does it.

use std::path::Path;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use crate::playbook::FolderError;
use crate::session::{Feed, World, playbook_of};

/// The arguments of `seed`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab seed data/report.csv --as 2026-01-15-scan_telnet-geo.csv")]
pub(super) struct Args {
    /// A file of the lab's playbook as the playbook names it, sample:NAME, or any file of yours
    file: String,
    /// Its name for the collector, if it shall have another
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Let this service of the lab publish it; without one it is put into LAB/in
    #[arg(long, value_name = "ID")]
    service: Option<String>,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let feed = feed(args, &lab::world()?, common)?;
    let (lab, seeded) = lab::by_hand(&args.lab, common, |hand| {
        Ok(hand.seed(feed, args.name.as_deref(), args.service.as_deref())?)
    })?;
    output::problems(&seeded.warnings);
    let rows = seeded.rows.and_then(|rows| usize::try_from(rows).ok());
    let rows = rows.map_or_else(String::new, |rows| format!(", {}", output::count(rows, "row")));
    lab::done(&lab, &format!("put in {}{rows}", args.name.as_deref().unwrap_or(&args.file)), common)
}

/// Finds the file: in the playbook first, then on disk.
fn feed(args: &Args, world: &World, common: &Common) -> Result<Feed, Failure> {
    let lab = world.labs.pick(args.lab.lab.as_deref())?;
    let playbook = playbook_of(&lab, common.playbooks.as_deref())?;
    let Err(unknown) = playbook.bytes(&args.file) else {
        return Ok(Feed::Known(args.file.clone()));
    };
    let path = Path::new(&args.file);
    match (std::fs::read(path), path.file_name().and_then(|name| name.to_str())) {
        (Ok(bytes), Some(name)) => Ok(Feed::Bytes(name.to_owned(), bytes)),
        (Err(cause), _) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(output::cannot_read(path, &cause))
        }
        _ => Err(no_such_file(args, &unknown)),
    }
}

fn no_such_file(args: &Args, unknown: &FolderError) -> Failure {
    let title = match unknown {
        FolderError::Missing(_) => format!("neither the playbook nor this folder has a file `{}`", args.file),
        other => other.to_string(),
    };
    Failure::usage("no-such-file", title)
        .help("the step's text and hints name its files, such as `data/NAME`")
}
