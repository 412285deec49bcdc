//! `service run`: the simulated feeds of a lab's folder as a process of their own, for containers and comparisons.

use std::path::PathBuf;

use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::diagnostic::Diagnostic;
use crate::service::{ServiceError, Services};

/// The arguments of `service`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Run the services of a lab until SIGTERM; where they are is written to standard output
    #[command(after_help = "Example: intelmq-lab render PLAYBOOK --out lab/ && intelmq-lab service run lab/")]
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The lab's folder, or one that `render` wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(args: &Args, _: &Common) -> Result<Exit, Failure> {
    let Verb::Run(run) = &args.verb;
    // Taken before anything starts, so that a signal during the start is not lost.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let services = Services::start(&run.folder).map_err(|error| failed(&error))?;
    let running = services.status();
    if running.is_empty() {
        let title = format!("{} has no services", run.folder.display());
        return Err(Failure::usage("no-services", title)
            .help("name the folder of a lab whose playbook has `services`"));
    }
    output::json(&json!({ "services": running }))?;
    signals.forever().next();
    Ok(Exit::Ok)
}

fn failed(error: &ServiceError) -> Failure {
    Failure::one(Exit::Runtime, Diagnostic::error("cannot-run", error.to_string()))
}
