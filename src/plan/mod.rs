//! Turns a playbook and what the user chose into a plan: everything that a target needs, resolved. Pure.

mod bots;
mod choice;
mod export;
mod log_to;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use bots::botnet_after;
use bots::every_bot;
pub use choice::{Choice, INSIDE, Inside, Layout, TARGETS, TargetFacts, Wish, choose};
pub use export::{Export, STATE_PATH, export};
pub use log_to::LogTo;

use crate::diagnostic::Diagnostic;
use crate::playbook::{Playbook, Service};
use crate::service;
use crate::service::{Entry, Kind, Manifest};
use crate::template::{Endpoint, LOOPBACK, Variables, fill_json, render};

/// What is decided outside: names, places, ports and secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The lab's name.
    pub lab: String,
    /// The lab's folder, absolute; bots see it elsewhere if the target says so.
    pub folder: PathBuf,
    /// The name of the host with the lab's services; the loopback address unless it is said.
    pub host: Option<String>,
    /// The lab's secrets; those of the playbook that are missing here become placeholders.
    pub secrets: BTreeMap<String, String>,
    /// Where its services listen, by their ids; those that are missing here get ports as in an example.
    pub ports: BTreeMap<String, u16>,
    /// What its services publish from the start; see [`Playbook::feeds`].
    pub feeds: BTreeMap<String, Vec<u8>>,
    /// What the broker is given that the target brings.
    pub server: ServerGiven,
}

/// What a broker is given that a target brings along: where it listens and who may use it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerGiven {
    /// Its ports by name; those that are missing are as in an example.
    pub ports: BTreeMap<String, u16>,
    /// Its password; a placeholder if there is none.
    pub password: Option<String>,
}

/// Everything about one playbook in one lab, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The lab's name.
    pub lab: String,
    /// The lab's folder as the botnet sees it, absolute.
    pub folder: PathBuf,
    /// The same as the program sees it.
    pub home: PathBuf,
    /// The playbook's id.
    pub playbook: String,
    /// Where it runs, and on which broker.
    pub choice: Choice,
    /// Every bot that is in the botnet at the end of some step, if each runs for itself.
    pub bots: Vec<PlanBot>,
    /// What templates of the playbook may name.
    pub variables: Variables,
    /// Folders of the lab, below its own.
    pub folders: &'static [&'static str],
    /// Files of the lab.
    pub files: Vec<PlanFile>,
    /// What runs beside the botnet.
    pub services: Manifest,
    /// What the broker is given that the target brings.
    pub server: ServerGiven,
}

/// One bot that runs for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanBot {
    /// Its id.
    pub id: String,
    /// Collector, Parser, Expert or Output.
    pub group: String,
    /// The bots that it sends to, where it is there last.
    pub next: Vec<String>,
}

/// One file of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// Where, below the lab's folder.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Where the runtime file stands in a lab.
pub const RUNTIME: &str = "etc/runtime.yaml";

/// The folders of a lab; the first only if something runs beside the botnet.
const FOLDERS: &[&str] = &["services", "etc", "in", "out", "state", "log"];

/// The port of the first service where none is given, as in `render`.
const EXAMPLE_PORT: u16 = 20_000;

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
    let home = given.folder.clone();
    let given = &inside(given, &choice);
    let variables = variables(playbook, given)?;
    let bots = if choice.layout == Layout::PerBot { every_bot(playbook, &variables)? } else { Vec::new() };
    let runtime = render(&playbook.botnet, &variables).map_err(PlanError::Invalid)?;
    let mut files = vec![PlanFile { path: RUNTIME.to_owned(), content: runtime.into_bytes() }];
    let mut services = Manifest::default();
    for service in &playbook.services {
        let entry = entry(service, &variables, given, &mut files)?;
        services.services.push(entry);
    }
    if !services.services.is_empty() {
        let mut content = serde_json::to_vec_pretty(&services).map_err(|error| {
            PlanError::Unsupported(format!("the services cannot be written down: {error}"))
        })?;
        content.push(b'\n');
        files.push(PlanFile { path: service::FILE.to_owned(), content });
    }
    Ok(Plan {
        lab: given.lab.clone(),
        folder: given.folder.clone(),
        home,
        server: given.server.clone(),
        playbook: playbook.id.value.clone(),
        choice,
        bots,
        variables,
        folders: if services.services.is_empty() { &FOLDERS[1..] } else { FOLDERS },
        files,
        services,
    })
}

/// Puts the lab where the bots of a target see it.
fn inside(given: &Given, choice: &Choice) -> Given {
    match choice.target.inside {
        None => given.clone(),
        Some(Inside { folder, host }) => {
            Given { folder: folder.into(), host: Some(host.to_owned()), ..given.clone() }
        }
    }
}

/// Resolves a service, and puts what it publishes among the files.
fn entry(
    service: &Service,
    variables: &Variables,
    given: &Given,
    files: &mut Vec<PlanFile>,
) -> Result<Entry, PlanError> {
    let id = &service.id.value;
    let options = fill_json(&service.options.clone().into(), variables).map_err(PlanError::Invalid)?;
    let mut data = Vec::new();
    for file in &service.data {
        let name = file.rsplit(['/', ':']).next().unwrap_or(file);
        let path = format!("services/{id}/{name}");
        let content = given.feeds.get(&file.value).cloned().ok_or_else(|| {
            PlanError::Unsupported(format!("service `{id}` publishes {:?}, which was not read", file.value))
        })?;
        files.push(PlanFile { path: path.clone(), content });
        data.push(path);
    }
    Ok(Entry {
        id: id.clone(),
        kind: service.kind.value.clone(),
        port: variables.services.get(id).map_or(0, |endpoint| endpoint.port),
        data,
        options: options.as_object().cloned().unwrap_or_default(),
    })
}

/// Fills in what templates and texts may name.
pub fn variables(playbook: &Playbook, given: &Given) -> Result<Variables, PlanError> {
    let at = |name: &str| given.folder.join(name).display().to_string();
    let secret = |name: &str| {
        let placeholder = || format!("SECRET-{name}");
        (name.to_owned(), given.secrets.get(name).cloned().unwrap_or_else(placeholder))
    };
    let endpoint = |(index, service): (usize, &Service)| {
        let (id, name) = (&service.id.value, &service.kind.value);
        let kind = Kind::find(name).ok_or_else(|| {
            PlanError::Unsupported(format!(
                "the service `{id}` is of kind `{name}`, which this version has not"
            ))
        })?;
        let example = EXAMPLE_PORT.saturating_add(u16::try_from(index).unwrap_or(0));
        let port = given.ports.get(id).copied().unwrap_or(example);
        let host = given.host.as_deref().unwrap_or(LOOPBACK);
        let url = kind.url(&service.options, host, port);
        Ok((id.clone(), Endpoint { url, host: host.to_owned(), port, ca: at(service::AUTHORITY) }))
    };
    Ok(Variables {
        lab_in: at("in"),
        lab_out: at("out"),
        services: playbook.services.iter().enumerate().map(endpoint).collect::<Result<_, PlanError>>()?,
        secrets: playbook.secrets.iter().map(|name| secret(name)).collect(),
    })
}

#[cfg(test)]
mod tests;
