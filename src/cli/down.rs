//! `down`: removes labs with everything that they started.

use serde_json::json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use crate::diagnostic::suggest;
use crate::session::{World, down, down_all};

/// The arguments of `down`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab down --all")]
pub(super) struct Args {
    /// Remove every lab
    #[arg(long, conflicts_with = "lab")]
    all: bool,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let world = lab::world()?;
    let gone = if args.all { all(&world)? } else { one(&world, &args.lab)? };
    if common.json {
        output::json(&json!({ "removed": gone }))?;
    }
    match gone.as_slice() {
        [] => output::talk(&nothing(&world, args.lab.lab.as_deref())?),
        _ if common.json => {}
        gone => gone.iter().try_for_each(|name| output::data(&format!("removed lab {name}")))?,
    }
    Ok(Exit::Ok)
}

/// Removes the lab that is meant; nothing is left to do if it is gone already.
fn one(world: &World, arg: &LabArg) -> Result<Vec<String>, Failure> {
    // A lab that was left half made cannot be picked, but its name is enough to remove it.
    let name = match &arg.lab {
        Some(name) => name.clone(),
        None if world.labs.all()?.iter().all(|lab| lab.record.temporary) => return Ok(Vec::new()),
        None => world.labs.pick(None)?.record.name,
    };
    Ok(if down(world, &name)? { vec![name] } else { Vec::new() })
}

/// Says that there was nothing to remove, and what else there is.
fn nothing(world: &World, name: Option<&str>) -> Result<String, Failure> {
    let names = world.labs.names()?;
    let text = name.map_or_else(|| "there was no lab".to_owned(), |name| format!("there was no lab {name}"));
    Ok(match suggest(name.unwrap_or_default(), names.iter().map(String::as_str)) {
        Some(near) => format!("{text}; did you mean {near}?"),
        None if names.is_empty() => text,
        None => format!("{text}; there are: {}", names.join(", ")),
    })
}

fn all(world: &World) -> Result<Vec<String>, Failure> {
    let (gone, errors) = down_all(world)?;
    if errors.is_empty() {
        return Ok(gone);
    }
    let mut failure = Failure::new(Exit::Target, Vec::new());
    for error in errors {
        failure.diagnostics.extend(error.diagnostics());
    }
    Err(failure)
}
