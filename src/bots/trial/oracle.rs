//! Cases that IntelMQ itself once played: a bot's input, and what came of it (the README of `tests/oracle` tells the form).
//!
//! This reads the cases and plays them with our bots; the test compares, the example program writes the results down.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::super::{Failure, find};
use super::{Outcome, Trial};
use crate::message::{Export, Idf, Message};

/// One case of an index.
#[derive(Debug)]
pub struct Case {
    /// Its name in the index.
    pub id: String,
    /// Its folder below the index.
    pub path: String,
    /// The bot's module.
    pub module: String,
    folder: PathBuf,
    told: Json,
}

/// What a bot made of one step's input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// What a collector asked and kept otherwise than the case tells.
    pub unlike: Vec<String>,
    /// The events, one line of JSON each, in the order they were sent.
    pub events: Vec<String>,
    /// The reports of rows that failed.
    pub failed: Vec<String>,
    /// Why the bot gave the whole message up.
    pub failure: Option<String>,
}

/// What came of a case.
#[derive(Debug)]
pub enum Played {
    /// What the bot made of each step.
    Steps(Vec<Made>),
    /// The case was not played, and why.
    Skipped(String),
}

/// Reads the cases of a folder's `index.json`.
pub fn cases(folder: &Path) -> Result<Vec<Case>, Failure> {
    let index = read_json(&folder.join("index.json"))?;
    let list = index["cases"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|entry| Case::read(folder, entry)).collect()
}

impl Case {
    fn read(folder: &Path, entry: &Json) -> Result<Case, Failure> {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let (id, path, module) = (text("id"), text("path"), text("module"));
        let folder = folder.join(&path);
        let told = read_json(&folder.join("case.json"))?;
        Ok(Case { id, path, module, folder, told })
    }

    /// Returns what the case tells of its steps.
    pub fn steps(&self) -> &[Json] {
        self.told["steps"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns everything that the case tells.
    pub fn told(&self) -> &Json {
        &self.told
    }

    /// Returns the lines of a file of the case, or none if there is no such file.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        // Not `lines()`: some of its ends of line may stand in a text.
        text.split('\n').filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    }

    /// Plays the case, unless its module does not exist or it is of a kind that one bot alone cannot play.
    pub fn play(&self, idf: &Arc<Idf>) -> Result<Played, Failure> {
        if find(&self.module).is_none() {
            return Ok(Played::Skipped(format!("no module {}", self.module)));
        }
        if self.told["kind"] == "collector" {
            return super::exchange::play(&self.module, &self.told, idf)
                .map(|made| Played::Steps(vec![made]));
        }
        if self.steps().iter().any(|step| step.get("report").is_none()) || self.steps().is_empty() {
            return Ok(Played::Skipped(format!("{} without a report", self.module)));
        }
        let state = tempfile::tempdir()?;
        for name in self.told["state"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            fs::copy(self.folder.join(name), state.path().join(name))?;
        }
        let mut trial = Trial::within(&self.module, &self.told["parameters"], idf, state.path())?;
        let steps = self.steps().iter().map(|step| Ok(Made::of(&mut trial, &self.report(step, idf)?)));
        Ok(Played::Steps(steps.collect::<Result<_, Failure>>()?))
    }

    /// Makes the report of a step: the fields that it tells, and the input as `raw`.
    fn report(&self, step: &Json, idf: &Arc<Idf>) -> Result<Message, Failure> {
        let mut report = step["report"].clone();
        if let Some(name) = step["input"].as_str() {
            report["raw"] = Json::from(STANDARD.encode(fs::read(self.folder.join(name))?));
        }
        Message::from_wire(idf, report.to_string().as_bytes(), None).map_err(Failure::other)
    }
}

impl Made {
    fn of(trial: &mut Trial, report: &Message) -> Made {
        Made::from(trial.feed(report))
    }
}

impl From<Outcome> for Made {
    fn from(outcome: Outcome) -> Made {
        let export = Export { with_type: true, ..Export::default() };
        let sent = outcome.sent.iter().chain(&outcome.abandoned);
        Made {
            events: sent.map(|(_, message)| message.to_json(&export)).collect(),
            failed: outcome.failed_rows.iter().map(|(row, _)| row.to_json(&export)).collect(),
            unlike: Vec::new(),
            failure: outcome.failure.map(|failure| failure.to_string()),
        }
    }
}

fn read_json(path: &Path) -> Result<Json, Failure> {
    let told = |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| told(&error))?;
    serde_json::from_str(&text).map_err(|error| told(&error))
}
