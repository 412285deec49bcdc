//! `graph`: the pipeline as a picture; of a running lab with what goes on in it.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{Common, LabArg};
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use crate::diagnostic::Source;
use crate::pipeline::{Graph, Pipeline};
use crate::playbook::Playbook;
use crate::session;
use crate::template;

/// The arguments of `graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab graph PLAYBOOK --format svg > pipeline.svg")]
pub(super) struct Args {
    /// A playbook; without one, a lab and what goes on in it
    #[arg(conflicts_with = "lab")]
    playbook: Option<String>,
    /// A runtime file instead of a playbook
    #[arg(long, value_name = "FILE", conflicts_with_all = ["playbook", "lab"])]
    file: Option<PathBuf>,
    /// The form of the picture: text, mermaid, dot or svg
    #[arg(long, value_enum, default_value_t, value_name = "FORM", hide_possible_values = true)]
    format: Form,
    #[command(flatten)]
    lab: LabArg,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    #[default]
    Text,
    Mermaid,
    Dot,
    Svg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let graph = match (&args.file, &args.playbook) {
        (Some(file), _) => Graph::of(&of_file(file)?),
        (None, Some(id)) => Graph::of(&of_playbook(&catalog::read(&catalog::one(id, common)?.entry)?)?),
        (None, None) => of_lab(&args.lab)?,
    };
    if common.json {
        output::json(&json!(graph))?;
    } else {
        output::data(&match args.format {
            Form::Text => graph.text(),
            Form::Mermaid => graph.mermaid(),
            Form::Dot => graph.dot(),
            Form::Svg => graph.svg(),
        })?;
    }
    Ok(Exit::Ok)
}

fn of_file(path: &Path) -> Result<Pipeline, Failure> {
    let text = std::fs::read_to_string(path).map_err(|cause| output::cannot_read(path, &cause))?;
    parse(Source::new(path.display().to_string(), text))
}

fn of_playbook(playbook: &Playbook) -> Result<Pipeline, Failure> {
    let text = template::render(&playbook.botnet, &playbook.example_variables());
    let text = text.map_err(|problems| Failure::new(Exit::Invalid, problems))?;
    parse(Source::new(playbook.botnet.name(), text))
}

/// Draws a lab's botnet as it is configured now, with what its bots and queues do.
fn of_lab(arg: &LabArg) -> Result<Graph, Failure> {
    Ok(session::graph(&lab::choose(arg)?.client)?)
}

fn parse(source: Source) -> Result<Pipeline, Failure> {
    Pipeline::parse(source).map_err(|problems| Failure::new(Exit::Invalid, problems))
}
