//! `status`: the labs, and what their bots do.

use serde_json::json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output::{self, bold};
use crate::session::{BotSummary, LabStatus, status};

/// The arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab status --json")]
pub(super) struct Args {
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let world = lab::world()?;
    let labs = match &args.lab.lab {
        Some(name) => vec![world.labs.pick(Some(name))?],
        None => world.labs.all()?,
    };
    let labs = status(&world, &labs)?;
    if common.json {
        output::json(&json!({ "labs": labs }))?;
    } else if labs.is_empty() {
        output::talk(
            "there is no lab; `intelmq-lab up PLAYBOOK` makes one, and `intelmq-lab list` shows the playbooks",
        );
    } else {
        let texts: Vec<String> = labs.iter().map(text).collect();
        output::data(&texts.join("\n"))?;
    }
    Ok(Exit::Ok)
}

fn text(lab: &LabStatus) -> String {
    let state = if lab.running { "running" } else { "not running" };
    let steps = format!("{} passed", output::count(lab.steps.len(), "step"));
    let facts = [state, &lab.playbook, &lab.target, &lab.broker, &steps].join(", ");
    let mut facts = vec![format!("{}  {facts}", bold(&lab.name)), format!("  folder  {}", lab.folder)];
    facts.extend(
        lab.services
            .iter()
            .map(|service| format!("  feed    {}  {}, {}", service.url, service.id, service.kind)),
    );
    facts.extend(lab.api.iter().map(|api| format!("  api     {}", api.url)));
    let mut text = facts.join("\n") + "\n";
    if !lab.bots.is_empty() {
        let head = ["bot", "state", "received", "sent", "dropped", "failed"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(lab.bots.iter().map(row)).collect();
        text.push('\n');
        text += &output::indented(&output::table(&rows));
    }
    text
}

fn row(bot: &BotSummary) -> Vec<String> {
    let state = format!("{:?}", bot.state).to_lowercase();
    let numbers = [bot.received, bot.sent, bot.dropped, bot.failed];
    [bot.id.clone(), state].into_iter().chain(numbers.map(|number| number.to_string())).collect()
}
