//! `graph`: the pipeline as a picture; of a running lab with what goes on in it.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use crate::diagnostic::Source;
use crate::pipeline::{Graph, Pipeline};
use crate::playbook::Playbook;
use crate::template;

/// The arguments of `graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab graph PLAYBOOK --format svg > pipeline.svg")]
pub(super) struct Args {
    /// A playbook
    #[arg(required_unless_present = "file")]
    playbook: Option<String>,
    /// A runtime file instead of a playbook
    #[arg(long, value_name = "FILE", conflicts_with = "playbook")]
    file: Option<PathBuf>,
    /// The form of the picture: text, mermaid, dot or svg
    #[arg(long, value_enum, default_value_t, value_name = "FORM", hide_possible_values = true)]
    format: Form,
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
        (None, Some(id)) => Graph::of(&of_playbook(&catalog::playbook(id, common)?)?),
        (None, None) => Graph::default(),
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

fn parse(source: Source) -> Result<Pipeline, Failure> {
    Pipeline::parse(source).map_err(|problems| Failure::new(Exit::Invalid, problems))
}
