//! `status`: the labs, and what their bots do.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output::{self, bold};
use super::table;
use crate::pipeline::Kind;
use crate::session::{BotSummary, LabStatus, status};

/// Secrets by name.
type Secrets = BTreeMap<String, String>;

/// The arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab status --json")]
pub(super) struct Args {
    /// Show the secrets of the labs too, which stand as stars everywhere else
    #[arg(long)]
    secrets: bool,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let world = lab::world()?;
    let labs = match &args.lab.lab {
        Some(name) => vec![world.labs.pick(Some(name))?],
        None => world.labs.all()?,
    };
    let mut secrets = Vec::new();
    for lab in &labs {
        if args.secrets {
            secrets.push(lab.secrets()?);
        } else {
            output::hide_secrets(lab)?;
        }
    }
    let labs = status(&world, &labs)?;
    if common.json {
        output::json(&json!({ "labs": with_secrets(&labs, &secrets)? }))?;
    } else if labs.is_empty() {
        output::talk(
            "there is no lab; `intelmq-lab up PLAYBOOK` makes one, and `intelmq-lab list` shows the playbooks",
        );
    } else {
        let none = Secrets::new();
        let of = |index: usize| secrets.get(index).unwrap_or(&none);
        let texts = labs.iter().enumerate().map(|(index, lab)| text(lab, of(index)));
        let texts: Vec<String> = texts.collect();
        output::data(&texts.join("\n"))?;
        for lab in labs.iter().filter(|lab| !lab.running) {
            let (name, playbook) = (&lab.name, &lab.playbook);
            output::talk(&format!(
                "lab {name} does not run: `intelmq-lab up {playbook} --lab {name}` starts it again, \
                 `intelmq-lab down --lab {name}` removes it"
            ));
        }
    }
    Ok(Exit::Ok)
}

/// Adds the secrets of each lab, if they were asked for.
fn with_secrets(labs: &[LabStatus], secrets: &[Secrets]) -> Result<Vec<Json>, Failure> {
    let mut list = Vec::new();
    for (index, lab) in labs.iter().enumerate() {
        let mut lab = serde_json::to_value(lab).map_err(std::io::Error::from)?;
        if let (Some(secrets), Some(lab)) = (secrets.get(index), lab.as_object_mut()) {
            lab.insert("secrets".to_owned(), json!(secrets));
        }
        list.push(lab);
    }
    Ok(list)
}

fn text(lab: &LabStatus, secrets: &Secrets) -> String {
    let state = if lab.running { "running" } else { "not running" };
    let steps = format!("{} passed", output::count(lab.steps.len(), "step"));
    let facts = [state, &lab.playbook, &lab.target, &lab.broker, &steps].join(", ");
    let mut facts = vec![format!("{}  {facts}", bold(&lab.name)), format!("  folder  {}", lab.folder)];
    facts.extend(
        lab.services
            .iter()
            .map(|service| format!("  feed    {}  {}, {}", service.url, service.id, service.kind)),
    );
    facts.extend(secrets.iter().map(|(name, value)| format!("  secret  {name} {value}")));
    facts.extend(lab.page.iter().map(|api| format!("  page    {}", output::page(&api.url, &api.token))));
    let mut text = facts.join("\n") + "\n";
    if !lab.bots.is_empty() {
        let head = ["bot", "state", "received", "sent", "dropped", "failed"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(lab.bots.iter().map(row)).collect();
        text.push('\n');
        text += &table::indented(&rows);
    }
    text
}

fn row(bot: &BotSummary) -> Vec<String> {
    let state = format!("{:?}", bot.state).to_lowercase();
    let numbers = [bot.received, bot.sent, bot.dropped, bot.failed].map(|number| number.to_string());
    let mut row: Vec<String> = [bot.id.clone(), state].into_iter().chain(numbers).collect();
    if bot.group == Kind::Collector.group() {
        // It fetches, and has no queue of its own.
        "-".clone_into(&mut row[2]);
    }
    row
}
