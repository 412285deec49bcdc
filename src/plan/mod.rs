//! Turns a playbook and what the user chose into a plan: everything that a target needs, resolved. Pure.

mod choice;
mod export;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use choice::{BROKERS, BrokerFacts, Choice, TARGETS, TargetFacts, Wish, choose};
pub use export::{Export, STATE_PATH, botnet_after, export};

use crate::diagnostic::Diagnostic;
use crate::playbook::Playbook;
use crate::template::{Variables, render};

/// What is decided outside: names, places, ports and secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The lab's name.
    pub lab: String,
    /// The lab's folder as the botnet sees it, absolute.
    pub folder: PathBuf,
    /// The lab's secrets; those of the playbook that are missing here become placeholders.
    pub secrets: BTreeMap<String, String>,
}

/// Everything about one playbook in one lab, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The lab's name.
    pub lab: String,
    /// The playbook's id.
    pub playbook: String,
    /// Where it runs, and on which broker.
    pub choice: Choice,
    /// What templates of the playbook may name.
    pub variables: Variables,
    /// Folders of the lab, below its own.
    pub folders: &'static [&'static str],
    /// Files of the lab.
    pub files: Vec<PlanFile>,
}

/// One file of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// Where, below the lab's folder.
    pub path: String,
    /// What is in it.
    pub content: String,
}

/// Where the runtime file stands in a lab.
pub const RUNTIME: &str = "etc/runtime.yaml";

/// The folders that every lab has.
const FOLDERS: &[&str] = &["etc", "in", "out", "state", "log"];

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The user asked for something that does not exist or does not go together.
    #[error("{0}")]
    Impossible(String),
    /// The playbook is valid, but this version cannot make it run.
    #[error("{0}")]
    Unsupported(String),
    /// The playbook's template cannot be filled in.
    #[error("the botnet of the playbook cannot be rendered")]
    Invalid(Vec<Diagnostic>),
}

/// Makes the plan of a playbook.
pub fn plan(playbook: &Playbook, choice: Choice, given: &Given) -> Result<Plan, PlanError> {
    if let Some(service) = playbook.services.first() {
        return Err(PlanError::Unsupported(format!(
            "the playbook `{}` needs the simulated feed `{}`, and this version has none yet",
            playbook.id.value, service.id.value
        )));
    }
    let variables = variables(playbook, given);
    let runtime = render(&playbook.botnet, &variables).map_err(PlanError::Invalid)?;
    Ok(Plan {
        lab: given.lab.clone(),
        playbook: playbook.id.value.clone(),
        choice,
        variables,
        folders: FOLDERS,
        files: vec![PlanFile { path: RUNTIME.to_owned(), content: runtime }],
    })
}

/// Fills in what templates may name.
fn variables(playbook: &Playbook, given: &Given) -> Variables {
    let at = |name: &str| given.folder.join(name).display().to_string();
    let secret = |name: &str| {
        let placeholder = || format!("SECRET-{name}");
        (name.to_owned(), given.secrets.get(name).cloned().unwrap_or_else(placeholder))
    };
    Variables {
        lab_in: at("in"),
        lab_out: at("out"),
        services: BTreeMap::new(),
        secrets: playbook.secrets.iter().map(|name| secret(name)).collect(),
    }
}

#[cfg(test)]
mod tests;
