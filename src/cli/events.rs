//! `events`: what came out of the botnet.

use serde_json::{Map, Value as Json};

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use super::table;
use crate::session::explain::{End, Life, Lives, Selector};

/// What is shown of an event if nothing else is asked for.
const FIELDS: &str = "time.source,source.ip,source.port,source.asn,classification.type,feed.name";

/// The arguments of `events`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab events source.ip=192.0.2.15 --json")]
pub(super) struct Args {
    /// Only events with these fields, or the one with this number
    #[arg(value_name = "FIELD=VALUE")]
    which: Vec<String>,
    /// The fields to show, separated by commas
    #[arg(long, value_name = "FIELDS", default_value = FIELDS, value_delimiter = ',', hide_default_value = true)]
    fields: Vec<String>,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let selector = if args.which.is_empty() { None } else { Some(Selector::parse(&args.which)?) };
    let chosen = lab::choose(&args.lab)?;
    let lives = Lives::read(&chosen.client)?;
    let asked = selector.iter().flat_map(Selector::fields).chain(args.fields.iter().map(String::as_str));
    lives.know(asked)?;
    if lives.is_cut_short() {
        output::talk("the lab's journal is full: what happened later is not shown");
    }
    let mut events = match &selector {
        Some(selector) => lives.select(selector),
        None => lives.delivered(),
    };
    events.retain(|life| life.end == End::Delivered);
    if common.json {
        for life in &events {
            output::json_line(&life.message)?;
        }
    } else if events.is_empty() {
        let what =
            if selector.is_some() { "no event that came out is like that" } else { "no event came out" };
        output::talk(&format!("{what}; `intelmq-lab explain --dropped` shows what did not arrive"));
    } else {
        output::data(&rows_of(&events, &args.fields))?;
    }
    Ok(Exit::Ok)
}

fn rows_of(events: &[Life], fields: &[String]) -> String {
    let head = ["#", "output"].into_iter().chain(fields.iter().map(String::as_str)).map(str::to_owned);
    let rows = events.iter().map(|life| {
        let number = life.number.map_or_else(String::new, |number| number.to_string());
        let cells = fields.iter().map(|field| cell(&life.message, field));
        [number, life.bot.clone()].into_iter().chain(cells).collect()
    });
    table::table(&std::iter::once(head.collect()).chain(rows).collect::<Vec<_>>())
}

fn cell(event: &Map<String, Json>, field: &str) -> String {
    match event.get(field) {
        None => "-".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
