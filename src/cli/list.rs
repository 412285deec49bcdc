//! `list`: the playbooks there are.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::output;
use super::table;
use crate::playbook::{Entry, Playbook};

/// The arguments of `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab list --playbooks my-playbooks/")]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, common: &Common) -> Result<Exit, Failure> {
    let catalog = catalog::open(common)?;
    let mut playbooks = Vec::new();
    let mut failure = Failure::new(Exit::Invalid, Vec::new());
    for entry in catalog.entries() {
        match entry.load() {
            Ok(playbook) => playbooks.push((entry, playbook)),
            Err(problems) => failure.diagnostics.extend(problems),
        }
    }
    if common.json {
        let list: Vec<_> = playbooks.iter().map(|(entry, playbook)| json(entry, playbook)).collect();
        output::json(&list)?;
    } else {
        let rows: Vec<Vec<String>> = playbooks.iter().map(|(_, playbook)| row(playbook)).collect();
        output::data(&table::table(&rows))?;
    }
    // One that cannot be read must not hide the others.
    if failure.diagnostics.is_empty() { Ok(Exit::Ok) } else { Err(failure) }
}

fn row(playbook: &Playbook) -> Vec<String> {
    let id = playbook.id.value.clone();
    let size = format!("{}, {} minutes", output::count(playbook.steps.len(), "step"), playbook.minutes.value);
    vec![id, playbook.level.word().to_owned(), size, playbook.title.value.clone()]
}

fn json(entry: &Entry, playbook: &Playbook) -> serde_json::Value {
    json!({
        "id": playbook.id.value,
        "title": playbook.title.value,
        "summary": playbook.summary.value,
        "level": playbook.level.word(),
        "minutes": playbook.minutes.value,
        "steps": playbook.steps.len(),
        "built_in": entry.built_in,
    })
}
