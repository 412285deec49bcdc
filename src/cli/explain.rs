//! `explain`: the life of an event from the raw row to the output, or why messages did not arrive.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output::{self, bold};
use super::table;
use crate::session::explain::{Did, End, Life, Lives, Selector, Since, Stage};

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
    /// With --dropped: every message, not one example of each reason
    #[arg(long, requires = "dropped")]
    all: bool,
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
    } else if args.all {
        output::data(&lost(&found))?;
    } else if args.dropped {
        output::data(&reasons(&found))?;
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
        let words = SINCE.iter().find(|(since, _)| life.since == Some(*since));
        let since = words.map_or_else(String::new, |(_, words)| format!("  {words}\n"));
        format!("{}\n{}{since}", bold(&table::line(&ending(life), 0)), example(life))
    };
    lives.iter().map(paragraph).collect()
}

/// One paragraph for each bot and reason, with the number of messages and the first of them.
fn reasons(lives: &[Life]) -> String {
    let mut groups: Vec<Vec<&Life>> = Vec::new();
    for life in lives {
        let same = |group: &&mut Vec<&Life>| {
            let first = group[0];
            (first.end, &first.bot, &first.reason) == (life.end, &life.bot, &life.reason)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(life),
            None => groups.push(vec![life]),
        }
    }
    let mut text: String = groups.iter().map(|group| reason(group)).collect();
    if groups.len() < lives.len() {
        let _ =
            writeln!(text, "{} in all; `--all` lists each of them", output::count(lives.len(), "message"));
    }
    text
}

fn reason(lives: &[&Life]) -> String {
    let Some(first) = lives.first() else { return String::new() };
    let count = if lives.len() == 1 { String::new() } else { format!("{} × ", lives.len()) };
    let heading = table::line(&format!("{count}{}", ending(first)), 0);
    let mut text = format!("{}\n{}", bold(&heading), example(first));
    for (since, words) in SINCE {
        let count = lives.iter().filter(|life| life.since == Some(*since)).count();
        let which = if count == lives.len() { String::new() } else { format!("{count} of them ") };
        if count > 0 {
            let _ = writeln!(text, "  {which}{words}");
        }
    }
    text
}

/// What is worth a line of what became of a message since it was given up.
const SINCE: &[(Since, &str)] =
    &[(Since::PutBack, "put back since then"), (Since::Gone, "no longer in the dump")];

/// Tells one message from others: its row, its main fields, or the report that it is.
fn example(life: &Life) -> String {
    let field = |name: &str| life.message.get(name).map(plain);
    let report =
        || field("extra.file_name").or_else(|| field("feed.url")).map(|name| format!("the report {name}"));
    let fields = Some(main_fields(life)).filter(|text| !text.is_empty());
    let fields =
        fields.or_else(report).unwrap_or_else(|| "a message without fields to tell it by".to_owned());
    let text = life.row.clone().unwrap_or(fields);
    format!("  {}\n", table::line(&text, 2))
}

fn main_fields(life: &Life) -> String {
    let fields = life.message.iter().filter(|(field, _)| MAIN.contains(&field.as_str()));
    fields.map(|(field, value)| format!("{field}={}", plain(value))).collect::<Vec<_>>().join(" ")
}

/// Says how a life ended, and why.
fn ending(life: &Life) -> String {
    let what = match (life.end, life.number) {
        (End::Delivered, Some(number)) => format!("event {number}, delivered by {}", life.bot),
        (End::Delivered, None) => format!("delivered by {}", life.bot),
        (End::Dropped, _) => format!("dropped by {}", life.bot),
        (End::Failed, _) => format!("given up by {}", life.bot),
    };
    let reason = life.reason.trim_end();
    if reason.is_empty() { what } else { format!("{what}: {reason}") }
}

fn life(life: &Life) -> String {
    let mut text = format!("{}\n", bold(&ending(life)));
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
        Did::PutBack => "put back",
        Did::Parsed => "parsed",
        Did::Changed => "changed",
        Did::Passed => "passed",
        Did::Delivered => "delivered",
        Did::Dropped => "dropped",
        Did::Failed => "gave up",
    }
}
