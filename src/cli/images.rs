//! `images`: what labs in containers are made of, and whether it is here; `images prefetch` brings what is missing.

use serde_json::json;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use super::table;
use crate::session::SessionError;
use crate::target::{Image, TargetError, bring, images};

/// The arguments of `images`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab images prefetch --broker redis")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Fetch what is missing, and make the image of this program, so that labs come up without a network; --broker fetches no other's
    #[command(after_help = "Example: intelmq-lab images prefetch --broker redis")]
    Prefetch,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let failed = |error: TargetError| Failure::from(SessionError::from(error));
    let program = lab::world()?.program;
    let list = || images(&program, common.broker.as_deref()).map_err(failed);
    let mut here = list()?;
    if args.verb.is_some() && here.iter().any(|image| image.size.is_none()) {
        output::talk(&text(&here));
        for image in here.iter().filter(|image| image.size.is_none()) {
            output::talk(&format!("bringing {}", image.name));
            bring(&program, &image.name).map_err(failed)?;
        }
        here = list()?;
    }
    if common.json {
        output::json(&json!({ "images": here }))?;
    } else {
        output::data(&text(&here))?;
    }
    Ok(Exit::Ok)
}

/// One line each, with its size in millions of bytes as the engine counts them.
fn text(images: &[Image]) -> String {
    let size = |image: &Image| match image.size {
        Some(bytes) => format!("{:>4} MB", bytes.div_ceil(1_000_000)),
        None => "not here".to_owned(),
    };
    table::table(&images.iter().map(|image| vec![image.name.clone(), size(image)]).collect::<Vec<_>>())
}
