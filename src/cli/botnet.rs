//! `botnet run`: a whole botnet in this process, from its runtime file, until SIGTERM; `botnet reload`: that of a lab.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use super::queues::Opening;
use crate::api::{self, Api, Scope};
use crate::broker::{Member, SyncMode};
use crate::diagnostic::Diagnostic;
use crate::pipeline::Environment;
use crate::runtime::{self, BotnetError, Destination, Format, RunError};
use crate::service::Place;

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
    /// Take the runtime file of a lab, LAB/etc/runtime.yaml, into use as it is now
    #[command(after_help = "Example: intelmq-lab botnet reload")]
    Reload(Reload),
}

#[derive(Debug, clap::Args)]
struct Reload {
    #[command(flatten)]
    lab: LabArg,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The runtime file
    #[arg(value_name = "FILE")]
    runtime: PathBuf,
    /// The folder of what IntelMQ calls the state path, and of the queues if they are embedded
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The folder of its logs and dumps [default: DIR/log]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// How log lines are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    log_format: LogFormat,
    /// When a commit waits for the disk: `always` also survives a power cut
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    sync: Sync,
    /// The lab that it belongs to: its folder, where the control service listens
    #[arg(long, value_name = "DIR", hide = true)]
    lab: Option<PathBuf>,
    /// Where the lab's control service and its simulated feeds listen, for the agent in a container
    #[arg(long, value_name = "ADDRESS:PORT", hide = true, requires = "lab")]
    listen: Option<SocketAddr>,
    /// The name that bots in other containers know this one by
    #[arg(long, value_name = "NAME", hide = true, requires = "listen")]
    host: Option<String>,
    /// A bot of the lab that runs in a process of its own; may be given several times
    #[arg(long, value_name = "BOT", hide = true, requires = "lab")]
    apart: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// As IntelMQ writes and reads them
    #[default]
    Intelmq,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Sync {
    /// Safe when the process dies
    #[default]
    Never,
    /// Safe when the power does
    Always,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Run(run) => foreground(run, common),
        Verb::Reload(reload) => {
            let (lab, warnings) = lab::by_hand(&reload.lab, common, |hand| Ok(hand.reload()?))?;
            output::problems(&warnings);
            lab::done(&lab, "reloaded the botnet", common)
        }
    }
}

fn foreground(run: &Run, common: &Common) -> Result<Exit, Failure> {
    // The agent in a container has neither the user's labs nor an engine to change them with.
    let supervised = run.lab.as_deref().filter(|_| run.listen.is_none());
    if supervised.is_some() {
        // The supervisor of a lab outlives the terminal that started it. It fails only for who leads a session already.
        let _ = rustix::process::setsid();
    }
    let sync = match run.sync {
        Sync::Never => SyncMode::Never,
        Sync::Always => SyncMode::Always,
    };
    let queues =
        Opening { common, folder: &run.state, sync, process: &Member::alone("botnet") }.open("embedded")?;
    let log = run.log.clone().unwrap_or_else(|| run.state.join("log"));
    runtime::run(runtime::Run {
        file: run.runtime.clone(),
        state: run.state.clone(),
        log: Destination {
            format: run.log_format.format(),
            folder: Some(log),
            stderr: run.lab.is_none() || run.listen.is_some(),
        },
        queues,
        only: None,
        apart: run.apart.iter().cloned().collect(),
        environment: Environment::new(std::env::vars()),
        lab: run.lab.clone(),
        place: run
            .listen
            .map_or_else(Place::default, |at| Place { address: at.ip(), host: run.host.clone() }),
        port: run.listen.map_or(0, |at| at.port()),
        beside: supervised.map(|lab| page(lab, common)).transpose()?,
    })
    .map_err(|error| failed(&error))?;
    Ok(Exit::Ok)
}

/// The REST API and the page of a lab, which its supervisor serves.
fn page(lab: &std::path::Path, common: &Common) -> Result<axum::Router, Failure> {
    let name = lab.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let world = lab::world()?;
    Ok(api::router(Api::new(world, Scope::One(name), common.playbooks.clone()), None))
}

impl LogFormat {
    pub(super) fn format(self) -> Format {
        match self {
            LogFormat::Intelmq => Format::IntelMq,
            LogFormat::Json => Format::Json,
        }
    }
}

/// Says why a botnet could not be run, or did not go on.
pub(super) fn failed(error: &RunError) -> Failure {
    match error {
        RunError::Botnet(BotnetError::Invalid(complaints)) => Failure::new(Exit::Invalid, complaints.clone()),
        RunError::Botnet(BotnetError::Harmonization { .. }) => {
            Failure::one(Exit::Invalid, Diagnostic::error("unusable-data-format", error.to_string()))
        }
        _ => Failure::one(Exit::Runtime, Diagnostic::error("cannot-run", error.to_string())),
    }
}
