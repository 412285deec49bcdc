//! `bot`: bots of a lab started, stopped, restarted and reloaded; `bot run`: one as a process of its own, for containers and units.

use std::path::PathBuf;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use crate::runtime::control::BotAction;

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
    /// Run one bot until SIGTERM; it needs a networked broker, which this version does not have
    #[command(after_help = "Example: intelmq-lab bot run url-expert --runtime runtime.yaml --broker redis")]
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
    /// The runtime file
    #[arg(long, value_name = "FILE")]
    runtime: Option<PathBuf>,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Start(named) => act(named, (BotAction::Start, "started"), common),
        Verb::Stop(named) => act(named, (BotAction::Stop, "stopped"), common),
        Verb::Restart(named) => act(named, (BotAction::Restart, "restarted"), common),
        Verb::Reload(named) => act(named, (BotAction::Reload, "reloaded"), common),
        Verb::Run(run) => Err(alone(run, common)),
    }
}

fn act(named: &Named, (action, word): (BotAction, &str), common: &Common) -> Result<Exit, Failure> {
    lab::choose(&named.lab)?.known_bot(&named.id)?;
    let (lab, ()) = lab::by_hand(&named.lab, common, |hand| Ok(hand.bot(&named.id, action)?))?;
    lab::done(&lab, &format!("{word} {}", named.id), common)
}

/// Says why a bot cannot run alone yet.
fn alone(run: &Run, common: &Common) -> Failure {
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
    failure.help(format!("`intelmq-lab botnet run {file} --state DIR` runs the whole botnet in one process"))
}
