//! What the routes share: the labs that may be reached, and what was told of their steps.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::error::{Answer, refused};
use crate::playbook::Playbook;
use crate::runtime::control::{Client, Refusal, blocking};
use crate::session::{Event, Kind, Lab, World, playbook_of};

/// How many events of sessions a slow listener may be behind before it misses some.
const BACKLOG: usize = 1024;

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
    /// What came of the steps that were done through this API: by lab and step.
    results: Mutex<HashMap<(String, usize), Value>>,
    told: broadcast::Sender<(String, Value)>,
}

impl Api {
    /// Makes the API of some labs; `playbooks` is a folder with more playbooks.
    pub fn new(world: World, scope: Scope, playbooks: Option<PathBuf>) -> Self {
        let told = broadcast::Sender::new(BACKLOG);
        Api(Arc::new(Inner { world, scope, playbooks, results: Mutex::default(), told }))
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

    /// Takes what a session tells, for those who listen and for who asks later.
    pub(super) fn tell(&self, lab: &str, event: &Event) {
        self.note(lab, &event.kind);
        let told = serde_json::to_value(event).unwrap_or_default();
        // Nobody listens: that is fine.
        let _ = self.0.told.send((lab.to_owned(), told));
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<(String, Value)> {
        self.0.told.subscribe()
    }

    fn note(&self, lab: &str, kind: &Kind) {
        match kind {
            Kind::StepStarted { number, .. } => {
                self.results().insert((lab.to_owned(), *number), json!({ "verdicts": [] }));
            }
            Kind::CheckJudged { expectation, passed, seen, detail, .. } => {
                let verdict =
                    json!({ "expectation": expectation, "passed": passed, "seen": seen, "detail": detail });
                let mut results = self.results();
                // The step that is being judged is the one that has no result yet.
                let open =
                    results.iter_mut().find(|((of, _), result)| of == lab && result.get("result").is_none());
                if let Some(verdicts) = open.and_then(|(_, result)| result["verdicts"].as_array_mut()) {
                    verdicts.push(verdict);
                }
            }
            Kind::StepFinished { number, result, summary, problem, took_ms, .. } => {
                let mut results = self.results();
                let ended =
                    results.entry((lab.to_owned(), *number)).or_insert_with(|| json!({ "verdicts": [] }));
                ended["result"] = json!(result);
                ended["summary"] = json!(summary);
                ended["problem"] = json!(problem);
                ended["took_ms"] = json!(took_ms);
            }
            _ => {}
        }
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

    fn results(&self) -> MutexGuard<'_, HashMap<(String, usize), Value>> {
        self.0.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
