//! What the routes share: the labs that may be reached, and what was told of their steps.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::error::{Answer, refused};
use crate::playbook::Playbook;
use crate::runtime::control::{Client, Refusal, blocking};
use crate::session::{Deed, Lab, World, elsewhere, playbook_of};

/// What came of the steps that were told of, by lab and step.
type Results = HashMap<(String, usize), Value>;

/// What another process does in the place of this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Away {
    /// Whether it is on its way.
    pub(super) busy: bool,
    /// Why the last one could not be done; one that ends this process cannot tell it here.
    pub(super) trouble: Option<String>,
}

/// Which labs an API serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of the user.
    All,
    /// This one alone; it cannot be removed through its own API.
    One(String),
}

/// What the routes share.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    world: World,
    scope: Scope,
    playbooks: Option<PathBuf>,
    results: Mutex<Results>,
    /// What another process does in the place of this one.
    errand: Mutex<Away>,
}

impl Api {
    /// Makes the API of some labs; `playbooks` is a folder with more playbooks.
    pub fn new(world: World, scope: Scope, playbooks: Option<PathBuf>) -> Self {
        Api(Arc::new(Inner { world, scope, playbooks, results: Mutex::default(), errand: Mutex::default() }))
    }

    pub(super) fn world(&self) -> &World {
        &self.0.world
    }

    pub(super) fn playbooks(&self) -> Option<&PathBuf> {
        self.0.playbooks.as_ref()
    }

    /// Tells whether labs can be made and removed here.
    pub(super) fn is_open(&self) -> bool {
        self.0.scope == Scope::All
    }

    /// Lists the labs that may be reached.
    pub(super) fn labs(&self) -> Result<Vec<Lab>, Refusal> {
        let labs = self.0.world.labs.all().map_err(refused)?;
        Ok(labs.into_iter().filter(|lab| self.reaches(&lab.record.name)).collect())
    }

    fn reaches(&self, lab: &str) -> bool {
        match &self.0.scope {
            Scope::All => true,
            Scope::One(own) => own == lab,
        }
    }

    /// Finds a lab that may be reached.
    pub(super) fn lab(&self, name: &str) -> Result<Lab, Refusal> {
        let unknown = || Refusal::not_found("unknown-lab", format!("there is no lab {name:?} here"));
        if !self.reaches(name) {
            return Err(unknown());
        }
        self.labs()?.into_iter().find(|lab| lab.record.name == name).ok_or_else(unknown)
    }

    /// Does something with a lab and a client of its botnet, on a thread that may wait.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        lab: String,
        work: impl FnOnce(&Api, &Lab, &Client) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let api = self.clone();
        blocking(move || {
            let lab = api.lab(&lab)?;
            let client = api.world().client(&lab).map_err(refused)?;
            work(&api, &lab, &client)
        })
        .await
    }

    /// Reads a lab's playbook.
    pub(super) fn playbook(&self, lab: &Lab) -> Answer<Playbook> {
        playbook_of(lab, self.0.playbooks.as_deref()).map_err(refused)
    }

    /// Notes what the last session told in a lab, whoever ran it: somebody at a terminal, or another process for this API.
    pub(super) fn recall(&self, lab: &Lab) {
        let mut results = self.results();
        for told in lab.told() {
            note(&mut results, &lab.record.name, &told);
        }
    }

    /// Lets another process do what would end this one, and returns at once.
    pub(super) fn send(&self, lab: &Lab, playbook: &Playbook, deed: Deed) -> Answer<()> {
        let playbook = (playbook, self.0.playbooks.as_deref());
        let errand = elsewhere(&self.0.world, playbook, lab, deed).map_err(refused)?;
        *self.away() = Away { busy: true, trouble: None };
        let api = self.clone();
        // Not one of the threads that the end of this process waits for.
        std::thread::spawn(move || {
            let trouble = errand.wait().err();
            *api.away() = Away { busy: false, trouble };
        });
        Ok(())
    }

    /// Tells what another process does in the place of this one.
    pub(super) fn errand(&self) -> Away {
        self.away().clone()
    }

    fn away(&self) -> MutexGuard<'_, Away> {
        self.0.errand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what came of a step that was done or checked through this API.
    pub(super) fn result(&self, lab: &str, number: usize) -> Option<Value> {
        let ended = self.results().get(&(lab.to_owned(), number)).cloned();
        ended.filter(|result| result.get("result").is_some())
    }

    /// Forgets what came of the steps of a lab from one on.
    pub(super) fn forget(&self, lab: &str, from: usize) {
        self.results().retain(|(of, number), _| of != lab || *number < from);
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.0.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn picked(told: &Value, keys: &[&str]) -> Value {
    keys.iter().map(|key| ((*key).to_owned(), told[*key].clone())).collect()
}

fn note(results: &mut Results, lab: &str, told: &Value) {
    let number = told["number"].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default();
    match told["event"].as_str() {
        Some("step-started") => {
            results.insert((lab.to_owned(), number), json!({ "verdicts": [] }));
        }
        Some("check-judged") => {
            // The step that is being judged is the one that has no result yet.
            let open =
                results.iter_mut().find(|((of, _), result)| of == lab && result.get("result").is_none());
            if let Some(verdicts) = open.and_then(|(_, result)| result["verdicts"].as_array_mut()) {
                verdicts.push(picked(told, &["expectation", "passed", "seen", "detail"]));
            }
        }
        Some("step-finished") => {
            let ended = results.entry((lab.to_owned(), number)).or_insert_with(|| json!({ "verdicts": [] }));
            for key in ["result", "summary", "problem", "took_ms"] {
                ended[key] = told[key].clone();
            }
        }
        _ => {}
    }
}
