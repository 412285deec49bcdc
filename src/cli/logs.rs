//! `logs`: what the bots wrote.

use std::collections::VecDeque;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::lab::Chosen;
use super::output;
use crate::bots::Level;
use crate::runtime::control::LogLine;
use crate::runtime::parse_level;
use crate::session::SessionError;

/// How many lines are asked for at once.
const PAGE: usize = 1000;
/// How long the botnet may keep us waiting for news before it is asked again.
const WAIT: Duration = Duration::from_secs(1);

/// The arguments of `logs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab logs deduplicator-expert --level warning")]
pub(super) struct Args {
    /// The bot; all of them if none is named
    bot: Option<String>,
    /// Show the last N lines only
    #[arg(long, short = 'n', value_name = "N")]
    lines: Option<usize>,
    /// Show lines that are at least as important
    #[arg(long, value_parser = levels(), default_value = "debug", hide_possible_values = true)]
    level: Level,
    /// Go on showing what is written, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Show what the processes themselves wrote, for when the botnet does not answer
    #[arg(long, conflicts_with_all = ["bot", "follow"])]
    process: bool,
    #[command(flatten)]
    lab: LabArg,
}

/// Reads the name of a level.
fn levels() -> impl TypedValueParser<Value = Level> {
    let names = PossibleValuesParser::new(["debug", "info", "warning", "error", "critical"]);
    names.map(|name| parse_level(&name).unwrap_or(Level::Debug))
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let chosen = lab::choose(&args.lab)?;
    if args.process {
        let lines = chosen.world.process_log(&chosen.lab, args.lines.unwrap_or(PAGE))?;
        output::data(&lines.join("\n"))?;
        return Ok(Exit::Ok);
    }
    if let Some(bot) = &args.bot {
        chosen.known_bot(bot)?;
    }
    let mut last = VecDeque::new();
    let mut next = read(args, &chosen, 0, &mut |line| {
        last.push_back(line);
        if args.lines.is_some_and(|most| last.len() > most) {
            last.pop_front();
        }
        Ok(())
    })?;
    for line in &last {
        show(line, common)?;
    }
    if !args.follow {
        return Ok(Exit::Ok);
    }
    let mut activity = 0;
    loop {
        next = read(args, &chosen, next, &mut |line| show(&line, common))?;
        activity = chosen.client.snapshot_after(activity, WAIT).map_err(SessionError::from)?.activity;
    }
}

/// Hands on every line after a position, and returns where to go on.
fn read(
    args: &Args,
    chosen: &Chosen,
    mut after: u64,
    take: &mut dyn FnMut(LogLine) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    loop {
        let page = chosen.client.log(args.bot.as_deref(), after, PAGE).map_err(SessionError::from)?;
        after = page.next;
        if page.lines.is_empty() {
            return Ok(after);
        }
        for line in page.lines.into_iter().filter(|line| line.level() >= args.level) {
            take(line)?;
        }
    }
}

fn show(line: &LogLine, common: &Common) -> Result<(), Failure> {
    if common.json {
        return output::json_line(line);
    }
    let style = match line.level() {
        Level::Debug => Style::new().dimmed(),
        Level::Info => Style::new(),
        Level::Warning => AnsiColor::Yellow.on_default(),
        Level::Error | Level::Critical => AnsiColor::Red.on_default(),
    };
    let LogLine { at, bot, level, message } = line;
    output::data(&format!("{at} {style}{level:<8}{style:#} {bot}: {message}"))
}
