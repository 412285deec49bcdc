//! `completions`: what a shell needs to complete our command line.

use clap_complete::Shell;

use super::args::{Common, command};
use super::exit::Exit;
use super::failure::Failure;
use super::output;

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: intelmq-lab completions bash > ~/.local/share/bash-completion/completions/intelmq-lab"
)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, _common: &Common) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "intelmq-lab", &mut text);
    output::data(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Ok)
}
