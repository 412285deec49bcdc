//! What runs, of all labs.

use serde::Serialize;

use super::SessionError;
use super::lab::Lab;
use super::world::World;
use crate::runtime::control::Api;
use crate::runtime::control::{BotState, BotStatus};
use crate::service::ServiceStatus;

/// One lab.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabStatus {
    /// Its name.
    pub name: String,
    /// The playbook's id.
    pub playbook: String,
    /// Its folder.
    pub folder: String,
    /// The target.
    pub target: String,
    /// The broker.
    pub broker: String,
    /// Whether its control service answers.
    pub running: bool,
    /// The ids of the steps that passed.
    pub steps: Vec<String>,
    /// Its bots; none if it does not run.
    pub bots: Vec<BotSummary>,
    /// What runs beside the botnet; nothing if it does not run.
    pub services: Vec<ServiceSummary>,
    /// Where its REST API is, if it runs one.
    pub api: Option<Api>,
    /// Where its own page is, if it has one.
    #[serde(skip)]
    pub page: Option<Api>,
}

/// One service of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceSummary {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Where it is.
    pub url: String,
}

/// One bot of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BotSummary {
    /// Its id.
    pub id: String,
    /// Its group, as IntelMQ calls it: `Collector`, `Parser`, `Expert` or `Output`.
    pub group: String,
    /// What it does.
    pub state: BotState,
    /// Messages that it has received.
    pub received: u64,
    /// Messages that it has sent, on all paths.
    pub sent: u64,
    /// Messages that it dropped on purpose.
    pub dropped: u64,
    /// Messages and rows that it gave up.
    pub failed: u64,
}

/// Looks at some labs; one that does not answer is shown without bots.
pub fn status(world: &World, labs: &[Lab]) -> Result<Vec<LabStatus>, SessionError> {
    labs.iter().map(|lab| one(world, lab)).collect()
}

fn one(world: &World, lab: &Lab) -> Result<LabStatus, SessionError> {
    let client = world.client(lab).ok();
    let snapshot = client.as_ref().and_then(|client| client.snapshot().ok());
    let services = client.filter(|_| snapshot.is_some()).and_then(|client| client.services().ok());
    let record = &lab.record;
    Ok(LabStatus {
        name: record.name.clone(),
        playbook: record.playbook.clone(),
        folder: lab.folder.display().to_string(),
        target: record.target.clone(),
        broker: record.broker.clone(),
        running: snapshot.is_some(),
        steps: record.passed.clone(),
        bots: snapshot.iter().flat_map(|snapshot| &snapshot.bots).map(BotSummary::of).collect(),
        services: services.into_iter().flatten().map(ServiceSummary::of).collect(),
        api: lab.api()?.filter(|_| snapshot.is_some()),
        page: lab.page()?.filter(|_| snapshot.is_some()),
    })
}

impl ServiceSummary {
    fn of(service: ServiceStatus) -> Self {
        ServiceSummary { id: service.id, kind: service.kind, url: service.url }
    }
}

impl BotSummary {
    fn of(bot: &BotStatus) -> Self {
        BotSummary {
            id: bot.id.clone(),
            group: bot.group.clone(),
            state: bot.state,
            received: bot.received,
            sent: bot.sent.values().sum(),
            dropped: bot.dropped,
            failed: bot.failed,
        }
    }
}
