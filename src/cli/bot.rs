//! `bot run`: one bot of a botnet as a process of its own, for containers and units.

use std::path::PathBuf;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;

/// The arguments of `bot`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Run one bot until SIGTERM
    #[command(after_help = "Example: intelmq-lab bot run url-expert --runtime runtime.yaml --broker redis")]
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The bot's id in the runtime file
    id: String,
    /// The runtime file
    #[arg(long, value_name = "FILE")]
    runtime: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let Verb::Run(run) = &args.verb;
    let file = run.runtime.as_ref().map_or("FILE".to_owned(), |file| file.display().to_string());
    let failure = match common.broker.as_deref() {
        None | Some("embedded") => Failure::usage(
            "needs-networked-broker",
            format!(
                "`bot run {}` needs a broker that other processes reach too; the embedded one is part of one process",
                run.id
            ),
        ),
        Some(broker) => Failure::usage(
            "broker-not-in-version",
            format!(
                "the broker `{broker}` is not in this version yet, so that `{}` cannot run alone",
                run.id
            ),
        ),
    };
    Err(failure
        .help(format!("`intelmq-lab botnet run {file} --state DIR` runs the whole botnet in one process")))
}
