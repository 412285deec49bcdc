//! `dump`: the messages that bots gave up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::lab::Chosen;
use super::output::{self, bold};
use super::table;
use crate::runtime::control::{DumpEntry, Requeue};
use crate::session::SessionError;

/// The arguments of `dump`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the dumped messages of one bot, or of all
    #[command(after_help = "Example: intelmq-lab dump list")]
    List(List),
    /// Show dumped messages in full
    #[command(after_help = "Example: intelmq-lab dump show parser 1")]
    Show(Entries),
    /// Put dumped messages back into their queue
    #[command(after_help = "Example: intelmq-lab dump requeue parser --replace 192.0.2.999=192.0.2.99")]
    Requeue(Back),
    /// Delete dumped messages
    #[command(after_help = "Example: intelmq-lab dump delete parser 1")]
    Delete(Delete),
}

#[derive(Debug, clap::Args)]
struct List {
    /// The bot
    bot: Option<String>,
    #[command(flatten)]
    lab: LabArg,
}

#[derive(Debug, clap::Args)]
struct Entries {
    /// The bot
    bot: String,
    /// Numbers in `dump list`, or ids; all if none is named
    #[arg(value_name = "ENTRY")]
    which: Vec<String>,
    #[command(flatten)]
    lab: LabArg,
}

#[derive(Debug, clap::Args)]
struct Back {
    #[command(flatten)]
    what: Entries,
    /// Another queue than the one they came from
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// Replace a text in their raw rows before; may be given several times
    #[arg(long, value_name = "OLD=NEW", value_parser = replacement)]
    replace: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
struct Delete {
    /// The bot
    bot: String,
    /// Numbers in `dump list`, or ids; or --all
    #[arg(value_name = "ENTRY", required_unless_present = "all", conflicts_with = "all")]
    entries: Vec<String>,
    /// Delete all of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    lab: LabArg,
}

fn replacement(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("write it as OLD=NEW".to_owned()),
    }
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::List(list) => self::list(list, common)?,
        Verb::Show(what) => show(what, common)?,
        Verb::Requeue(back) => requeue(back, common)?,
        Verb::Delete(delete) => self::delete(delete, common)?,
    }
    Ok(Exit::Ok)
}

fn list(args: &List, common: &Common) -> Result<(), Failure> {
    let chosen = lab::choose(&args.lab)?;
    let bots = match &args.bot {
        Some(bot) => vec![bot.clone()],
        None => {
            chosen.client.snapshot().map_err(SessionError::from)?.bots.into_iter().map(|bot| bot.id).collect()
        }
    };
    let mut all = Vec::new();
    for bot in bots {
        all.extend(dumped(&chosen, &bot)?);
    }
    if common.json {
        let all: Vec<&DumpEntry> = all.iter().map(|(_, entry)| entry).collect();
        return output::json(&all);
    }
    if all.is_empty() {
        output::talk("no message was given up");
        return Ok(());
    }
    let head = ["bot", "#", "id", "error"].map(str::to_owned).to_vec();
    let rows = all.iter().map(|(number, entry)| {
        vec![entry.bot.clone(), number.to_string(), entry.id.clone(), error(entry).to_owned()]
    });
    output::data(&table::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

fn show(args: &Entries, common: &Common) -> Result<(), Failure> {
    let chosen = lab::choose(&args.lab)?;
    let ids = named(&chosen, &args.bot, &args.which)?;
    let mut entries = dumped(&chosen, &args.bot)?;
    entries.retain(|(_, entry)| ids.is_empty() || ids.contains(&entry.id));
    if common.json {
        let entries: Vec<&DumpEntry> = entries.iter().map(|(_, entry)| entry).collect();
        return output::json(&entries);
    }
    let texts: Vec<String> = entries.iter().map(|(number, entry)| text(*number, entry)).collect();
    output::data(&texts.join("\n"))
}

fn requeue(args: &Back, common: &Common) -> Result<(), Failure> {
    let chosen = lab::choose(&args.what.lab)?;
    let bot = &args.what.bot;
    let ids = named(&chosen, bot, &args.what.which)?;
    let what = Requeue { ids, queue: args.queue.clone(), replace: args.replace.clone() };
    let (_, changed) = lab::by_hand(&args.what.lab, common, |hand| Ok(hand.requeue(bot, &what)?))?;
    if common.json {
        return output::json(&changed);
    }
    output::data(&format!("put back {}", messages(changed.count)))
}

fn delete(args: &Delete, common: &Common) -> Result<(), Failure> {
    let chosen = lab::choose(&args.lab)?;
    let ids = named(&chosen, &args.bot, &args.entries)?;
    let (_, changed) = lab::by_hand(&args.lab, common, |hand| Ok(hand.delete_dump(&args.bot, &ids)?))?;
    if common.json {
        return output::json(&changed);
    }
    output::data(&format!("deleted {}", messages(changed.count)))
}

/// Returns the dumped messages of a bot with their numbers, from 1.
fn dumped(chosen: &Chosen, bot: &str) -> Result<Vec<(usize, DumpEntry)>, Failure> {
    chosen.known_bot(bot)?;
    let entries = chosen.client.dump(bot).map_err(SessionError::from)?;
    Ok(entries.into_iter().enumerate().map(|(index, entry)| (index + 1, entry)).collect())
}

/// Turns numbers and ids into ids.
fn named(chosen: &Chosen, bot: &str, names: &[String]) -> Result<Vec<String>, Failure> {
    let entries = dumped(chosen, bot)?;
    let find = |name: &String| {
        let found = entries.iter().find(|(number, entry)| *name == entry.id || *name == number.to_string());
        found.map(|(_, entry)| entry.id.clone()).ok_or_else(|| {
            let failure =
                Failure::usage("unknown-dump-entry", format!("the dump of `{bot}` has no entry `{name}`"));
            failure.help(format!("`intelmq-lab dump list {bot}` shows what it has"))
        })
    };
    names.iter().map(find).collect()
}

fn text(number: usize, entry: &DumpEntry) -> String {
    let queue = entry.source_queue.as_deref().unwrap_or("no queue");
    let head = bold(&format!("{} {number}", entry.bot));
    let error = output::indented(entry.traceback.trim_end());
    format!("{head}  {} from {queue}\n{error}\n{}", entry.id, output::indented(&message(&entry.message)))
}

/// Writes a message a field a line, with its raw part as it was; what is no message stays as it is.
fn message(text: &str) -> String {
    let Ok(fields) = serde_json::from_str::<serde_json::Map<String, Json>>(text) else {
        return text.to_owned();
    };
    let mut lines = Vec::new();
    for (field, value) in &fields {
        match (value.as_str(), field == "raw") {
            (Some(raw), true) => match STANDARD.decode(raw).map(String::from_utf8) {
                Ok(Ok(raw)) => lines.extend(raw.lines().map(|line| format!("raw: {line}"))),
                _ => lines.push(format!("raw = {raw}")),
            },
            (Some(text), false) => lines.push(format!("{field} = {text}")),
            (None, _) => lines.push(format!("{field} = {value}")),
        }
    }
    lines.join("\n")
}

/// Returns what a traceback says in the end.
fn error(entry: &DumpEntry) -> &str {
    entry.traceback.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

fn messages(count: u64) -> String {
    output::count(usize::try_from(count).unwrap_or(usize::MAX), "message")
}
