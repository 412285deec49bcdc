//! `bot`: bots of a lab started, stopped, restarted and reloaded; `bot run`: one as a process of its own, for containers and units.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::args::{Common, LabArg};
use super::botnet::{LogFormat, failed};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::queues::Opening;
use crate::broker::{Member, SyncMode};
use crate::pipeline::Environment;
use crate::runtime::control::BotAction;
use crate::runtime::{self, Destination};
use crate::service::Place;

/// The arguments of `bot`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Start a bot of a lab
    #[command(after_help = "Example: intelmq-lab bot start url-expert")]
    Start(Named),
    /// Stop a bot of a lab after the message in hand; it stays so until it is started
    #[command(after_help = "Example: intelmq-lab bot stop url-expert")]
    Stop(Named),
    /// Stop a bot of a lab and start it again
    #[command(after_help = "Example: intelmq-lab bot restart url-expert")]
    Restart(Named),
    /// Make a bot of a lab read LAB/etc/runtime.yaml again; the others do so too
    #[command(after_help = "Example: intelmq-lab bot reload url-expert")]
    Reload(Named),
    /// Run one bot until SIGTERM, as a process of its own; it needs a broker that is a server
    #[command(
        after_help = "Example: intelmq-lab bot run url-expert --runtime etc/runtime.yaml --state var/ --broker redis"
    )]
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The bot's id, as `status` shows it
    id: String,
    #[command(flatten)]
    lab: LabArg,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The bot's id in the runtime file
    id: String,
    /// The runtime file; the bot reloads when it changes, and on SIGHUP
    #[arg(long, value_name = "FILE")]
    runtime: PathBuf,
    /// The folder of what IntelMQ calls the state path
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The folder of its log and dump [default: DIR/log]
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// Which of N processes that share the bot's work it is, from 1; each has a number of its own and keeps it
    #[arg(long, value_name = "K/N", value_parser = share, default_value = "1/1")]
    instance: (usize, usize),
    /// How log lines are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    log_format: LogFormat,
    /// The lab that it belongs to: its folder, where its agent finds the bot
    #[arg(long, value_name = "DIR", hide = true)]
    lab: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Start(named) => act(named, (BotAction::Start, "started"), common),
        Verb::Stop(named) => act(named, (BotAction::Stop, "stopped"), common),
        Verb::Restart(named) => act(named, (BotAction::Restart, "restarted"), common),
        Verb::Reload(named) => act(named, (BotAction::Reload, "reloaded"), common),
        Verb::Run(run) => alone(run, common),
    }
}

fn act(named: &Named, (action, word): (BotAction, &str), common: &Common) -> Result<Exit, Failure> {
    lab::choose(&named.lab)?.known_bot(&named.id)?;
    let (lab, ()) = lab::by_hand(&named.lab, common, |hand| Ok(hand.bot(&named.id, action)?))?;
    lab::done(&lab, &format!("{word} {}", named.id), common)
}

/// Reads `K/N`.
fn share(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    parts
        .filter(|(k, n)| (1..=*n).contains(k))
        .ok_or_else(|| "wanted K/N, such as 2/3: the second of three".to_owned())
}

fn alone(run: &Run, common: &Common) -> Result<Exit, Failure> {
    let state = run.state.clone();
    if common.broker_url.is_none() && matches!(common.broker.as_deref(), None | Some("embedded")) {
        return Err(without_server(run));
    }
    let (number, of) = run.instance;
    let process = Member { name: run.id.clone(), number: number - 1, of };
    // What a broker keeps on this side has one process that uses it, and a lab's bots share the folder of their state.
    let own = run.lab.as_ref().map(|_| state.join("bots").join(&run.id));
    let folder = own.as_deref().unwrap_or(&state);
    let queues = Opening { common, folder, sync: SyncMode::Never, process: &process }.open("runtime")?;
    let log = run.log.clone().unwrap_or_else(|| state.join("log"));
    runtime::run(runtime::Run {
        file: run.runtime.clone(),
        log: Destination { format: run.log_format.format(), folder: Some(log), stderr: true },
        state,
        queues,
        only: Some(run.id.clone()),
        environment: Environment::new(std::env::vars()),
        apart: BTreeSet::new(),
        lab: run.lab.clone(),
        place: Place::default(),
        port: 0,
        beside: None,
    })
    .map_err(|error| failed(&error))?;
    Ok(Exit::Ok)
}

/// Says that a bot cannot run alone on queues that are part of a process.
fn without_server(run: &Run) -> Failure {
    let title = format!(
        "`bot run {}` needs a broker that other processes reach too; the embedded one is part of one process",
        run.id
    );
    Failure::usage("needs-networked-broker", title)
        .help("say where it is: --broker-url URL, --broker redis, or --broker runtime for what the runtime file says")
        .help(format!("`intelmq-lab botnet run {} --state DIR` runs the whole botnet in one process", run.runtime.display()))
}
