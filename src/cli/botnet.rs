//! `botnet run`: a whole botnet in this process, from its runtime file, until SIGTERM.

use std::path::PathBuf;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;

/// The arguments of `botnet`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Run a botnet in the foreground until SIGTERM
    #[command(after_help = "Example: intelmq-lab botnet run etc/runtime.yaml --state var/")]
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The runtime file
    #[arg(value_name = "FILE")]
    runtime: PathBuf,
    /// The folder of its queues and of what IntelMQ calls the state path
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The lab that it belongs to: its folder, where the control service listens
    #[arg(long, value_name = "DIR", hide = true)]
    lab: Option<PathBuf>,
}

pub(super) fn run(args: &Args, _common: &Common) -> Result<Exit, Failure> {
    let Verb::Run(run) = &args.verb;
    let _ = (&run.runtime, &run.state, &run.lab);
    Err(Failure::usage("not-in-version", "`botnet run` is not in this version yet"))
}
