//! A playbook's botnet as an ordinary configuration of IntelMQ 3, which Python IntelMQ runs unchanged. Pure.

mod botnet;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::bots::botnet_after;
use super::{PlanError, RUNTIME};
use crate::bots::parsers::shadowserver;
use crate::message::Idf;
use crate::playbook::{Action, FolderError, Playbook};
use crate::template::{Endpoint, Variables};

/// IntelMQ's state path, as far as nobody says otherwise.
pub const STATE_PATH: &str = "/opt/intelmq/var/lib/bots";

/// The authorities that vouch for real services, where Debian has them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where an exported configuration has what goes to the state path.
const STATE: &str = "var/lib/bots";

/// The folders that IntelMQ wants to be there.
const FOLDERS: &[&str] = &["var/log", "var/run", "var/lib/bots/lab/in", "var/lib/bots/lab/out"];

/// A configuration of IntelMQ as files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// Folders that are made even if nothing is in them, below the configuration's own.
    pub folders: Vec<String>,
    /// Files by path below the configuration's folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What the user must know or do, one sentence each.
    pub notes: Vec<String>,
}

/// Exports the botnet as it stands at the end of a step.
///
/// `steps` counts from 1, 0 is before the first; `state` is IntelMQ's state path on the machine that will run it, and `bytes` reads what actions
/// name: [`Playbook::bytes`].
pub fn export(
    playbook: &Playbook,
    steps: usize,
    state: &str,
    bytes: &dyn Fn(&str) -> Result<Vec<u8>, FolderError>,
) -> Result<Export, PlanError> {
    let variables = variables(playbook, state);
    let mut export =
        Export { folders: FOLDERS.iter().map(|name| (*name).to_owned()).collect(), ..Export::default() };
    let pipeline = botnet_after(playbook, steps, &variables)?;
    let runtime = botnet::complete(&pipeline, &mut export.notes);
    let feeds = feeds(playbook, steps, bytes)?;
    for (name, content) in &feeds {
        let path = format!("{}/{name}", variables.lab_in);
        if names_file(&runtime, &path) {
            export.files.insert(format!("{STATE}/lab/in/{name}"), content.clone());
        }
    }
    if pipeline.bots().iter().any(|bot| bot.module() == shadowserver::MODULE) {
        export.schema(playbook, &feeds, bytes)?;
    }
    export.placeholders(playbook, &variables, &runtime);
    export.insert(RUNTIME, &format!("{}{}", head(playbook, steps), botnet::write(&runtime)?));
    export.insert("etc/harmonization.conf", &format!("{:#}\n", Idf::builtin().to_conf()));
    Ok(export)
}

/// Says what templates may name: places below IntelMQ's own, and placeholders for what only the user knows.
fn variables(playbook: &Playbook, state: &str) -> Variables {
    let state = state.trim_end_matches('/');
    let endpoint = |id: &str| {
        let host = format!("{id}.example");
        (
            id.to_owned(),
            Endpoint { url: format!("https://{host}"), host, port: 443, ca: AUTHORITIES.to_owned() },
        )
    };
    Variables {
        lab_in: format!("{state}/lab/in"),
        lab_out: format!("{state}/lab/out"),
        services: playbook.services.iter().map(|service| endpoint(&service.id)).collect(),
        secrets: playbook
            .secrets
            .iter()
            .map(|name| (name.value.clone(), format!("SECRET-{}", name.value)))
            .collect(),
    }
}

/// Returns what the steps put in, by name below `lab.in`; of two with one name the last counts.
fn feeds(
    playbook: &Playbook,
    steps: usize,
    bytes: &dyn Fn(&str) -> Result<Vec<u8>, FolderError>,
) -> Result<BTreeMap<String, Vec<u8>>, PlanError> {
    let mut feeds = BTreeMap::new();
    for action in playbook.steps.iter().take(steps).flat_map(|step| &step.actions) {
        if let Action::Seed(seed) = &action.value {
            feeds.insert(seed.target().to_owned(), read(&seed.file, bytes)?);
        }
    }
    Ok(feeds)
}

fn read(file: &str, bytes: &dyn Fn(&str) -> Result<Vec<u8>, FolderError>) -> Result<Vec<u8>, PlanError> {
    bytes(file).map_err(|error| PlanError::Unsupported(format!("{file} cannot be exported: {error}")))
}

/// Tells whether some text of a configuration names a file, alone or among others.
fn names_file(value: &Json, path: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || "/._-".contains(c));
    match value {
        Json::String(text) => text.match_indices(path).any(|(at, _)| ends(&text[at + path.len()..])),
        Json::Array(list) => list.iter().any(|value| names_file(value, path)),
        Json::Object(map) => map.values().any(|value| names_file(value, path)),
        _ => false,
    }
}

fn head(playbook: &Playbook, steps: usize) -> String {
    let id = &playbook.id.value;
    let step = steps.checked_sub(1).and_then(|index| playbook.steps.get(index));
    let when = step.map_or_else(
        || "before the first step".to_owned(),
        |step| format!("at the end of step {steps}, {}", step.id.value),
    );
    format!("# The botnet of the playbook {id} {when}: written by intelmq-lab export.\n")
}

impl Export {
    fn insert(&mut self, path: &str, content: &str) {
        self.files.insert(path.to_owned(), content.as_bytes().to_vec());
    }

    /// Writes the mapping of the reports that the playbook has, as IntelMQ's parser reads it.
    fn schema(
        &mut self,
        playbook: &Playbook,
        feeds: &BTreeMap<String, Vec<u8>>,
        bytes: &dyn Fn(&str) -> Result<Vec<u8>, FolderError>,
    ) -> Result<(), PlanError> {
        let mut reports = feeds.clone();
        for file in playbook.services.iter().flat_map(|service| &service.data) {
            let name = file.rsplit(['/', ':']).next().unwrap_or(file);
            reports.insert(name.to_owned(), read(file, bytes)?);
        }
        let named = reports.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
        let schema = shadowserver::schema_for(named);
        self.insert(&format!("{STATE}/{}", shadowserver::SCHEMA_FILE), &format!("{schema:#}\n"));
        self.notes.push(format!(
            "{} knows the report types of this playbook only; for your own reports let IntelMQ fetch the publisher's",
            shadowserver::SCHEMA_FILE
        ));
        Ok(())
    }

    /// Notes what the user must put in the place of secrets and of simulated feeds.
    fn placeholders(&mut self, playbook: &Playbook, variables: &Variables, runtime: &Json) {
        let text = runtime.to_string();
        for secret in variables.secrets.values().filter(|secret| text.contains(*secret)) {
            self.notes.push(format!("replace {secret} by a key of your own"));
        }
        for service in &playbook.services {
            let host = variables.services.get(&service.id.value).map_or("", |service| &service.host);
            if !host.is_empty() && text.contains(host) {
                self.notes.push(format!(
                    "replace {host} by the real service; in labs it is a simulated one ({})",
                    service.kind.value
                ));
            }
        }
    }
}
