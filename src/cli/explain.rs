//! `explain`: the life of an event from the raw row to the output, or why messages did not arrive.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output::{self, bold};
use crate::session::explain::{Did, End, Life, Lives, Selector, Stage};

/// Fields that tell messages apart.
const MAIN: &[&str] =
    &["time.source", "source.ip", "source.port", "source.fqdn", "source.url", "classification.type"];

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab explain 1")]
pub(super) struct Args {
    /// The event: its number in `events`, or fields such as source.ip=192.0.2.15
    #[arg(value_name = "EVENT", required_unless_present = "dropped", conflicts_with = "dropped")]
    event: Vec<String>,
    /// What was dropped or given up, and why
    #[arg(long)]
    dropped: bool,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let selector = if args.dropped { None } else { Some(Selector::parse(&args.event)?) };
    let chosen = lab::choose(&args.lab)?;
    let lives = Lives::read(&chosen.client)?;
    lives.know(selector.iter().flat_map(Selector::fields))?;
    if lives.is_cut_short() {
        output::talk("the lab's journal is full: what happened later is not shown");
    }
    let found = match &selector {
        Some(selector) => lives.select(selector),
        None => lives.lost(),
    };
    if common.json {
        output::json(&found)?;
    } else if args.dropped {
        output::data(&lost(&found))?;
    } else {
        output::data(&found.iter().map(life).collect::<Vec<_>>().join("\n"))?;
    }
    match (found.is_empty(), args.dropped) {
        (true, true) => output::talk("nothing was dropped or given up"),
        (true, false) => {
            return Err(Failure::usage("no-such-event", "no event is like that").help(
                "`intelmq-lab events` lists those that came out, `intelmq-lab explain --dropped` the others",
            ));
        }
        _ => {}
    }
    Ok(Exit::Ok)
}

/// One paragraph for each message that did not arrive.
fn lost(lives: &[Life]) -> String {
    let paragraph = |life: &Life| {
        let mut text = format!("{}\n", heading(life));
        let _ = writeln!(text, "  {}", life.row.clone().unwrap_or_else(|| main_fields(life)));
        text
    };
    lives.iter().map(paragraph).collect()
}

/// Tells one message from others that have no row.
fn main_fields(life: &Life) -> String {
    let fields = life.message.iter().filter(|(field, _)| MAIN.contains(&field.as_str()));
    fields.map(|(field, value)| format!("{field}={}", plain(value))).collect::<Vec<_>>().join(" ")
}

fn heading(life: &Life) -> String {
    let what = match (life.end, life.number) {
        (End::Delivered, Some(number)) => format!("event {number}, delivered by {}", life.bot),
        (End::Delivered, None) => format!("delivered by {}", life.bot),
        (End::Dropped, _) => format!("dropped by {}", life.bot),
        (End::Failed, _) => format!("given up by {}", life.bot),
    };
    let reason = life.reason.trim_end();
    if reason.is_empty() { bold(&what) } else { format!("{}: {reason}", bold(&what)) }
}

fn life(life: &Life) -> String {
    let mut text = format!("{}\n", heading(life));
    if let Some(row) = &life.row {
        let _ = writeln!(text, "  row  {row}");
    }
    let width = life.stages.iter().map(|stage| stage.bot.len()).max().unwrap_or(0);
    for stage in &life.stages {
        let path = if stage.path.is_empty() || stage.path == "_default" {
            String::new()
        } else {
            format!(" to {}", stage.path)
        };
        let _ = writeln!(text, "  {:<width$}  {}{path}", stage.bot, word(stage.did));
        for line in changes(stage) {
            let _ = writeln!(text, "  {:<width$}    {line}", "");
        }
    }
    text
}

fn changes(stage: &Stage) -> Vec<String> {
    let shown = |field: &String| field != "raw" && field != "__type";
    let added = stage.added.iter().filter(|(field, _)| shown(field));
    let changed = stage.changed.iter().filter(|(field, _)| shown(field));
    let removed = stage.removed.iter().filter(|(field, _)| shown(field));
    let added = added.map(|(field, value)| format!("+ {field} = {}", plain(value)));
    let changed =
        changed.map(|(field, (old, new))| format!("~ {field} = {}, was {}", plain(new), plain(old)));
    let removed = removed.map(|(field, value)| format!("- {field}, was {}", plain(value)));
    added.chain(changed).chain(removed).collect()
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn word(did: Did) -> &'static str {
    match did {
        Did::Collected => "collected",
        Did::Injected => "injected",
        Did::Parsed => "parsed",
        Did::Changed => "changed",
        Did::Passed => "passed",
        Did::Delivered => "delivered",
        Did::Dropped => "dropped",
        Did::Failed => "gave up",
    }
}
