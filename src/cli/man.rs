//! `man`: the manual pages, made from the same words as the help texts.

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use super::args::{Common, command};
use super::exit::Exit;
use super::failure::Failure;
use super::output;

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab man | man -l -")]
pub(super) struct Args {
    /// Write a page for every command into this folder, instead of the main page to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, _common: &Common) -> Result<Exit, Failure> {
    if let Some(folder) = &args.out {
        pages(folder).map_err(|cause| output::cannot_write(folder, &cause))?;
    } else {
        let mut page = Vec::new();
        Man::new(command()).render(&mut page)?;
        output::data(&String::from_utf8_lossy(&page))?;
    }
    Ok(Exit::Ok)
}

fn pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command(), folder)
}
