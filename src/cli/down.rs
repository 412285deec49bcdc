//! `down`: removes labs with everything that they started.

use serde_json::json;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
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
    let gone = if args.all { all(&world)? } else { vec![one(&world, &args.lab)?] };
    if common.json {
        output::json(&json!({ "removed": gone }))?;
    } else if gone.is_empty() {
        output::talk("there was no lab");
    } else {
        for name in &gone {
            output::data(&format!("removed lab {name}"))?;
        }
    }
    Ok(Exit::Ok)
}

fn one(world: &World, arg: &LabArg) -> Result<String, Failure> {
    // A lab that was left half made cannot be picked, but its name is enough to remove it.
    let name = match &arg.lab {
        Some(name) => name.clone(),
        None => world.labs.pick(None)?.record.name,
    };
    if !down(world, &name)? {
        world.labs.pick(Some(&name))?;
    }
    Ok(name)
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
