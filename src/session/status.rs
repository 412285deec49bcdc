//! What runs, of all labs.

use serde::Serialize;

use super::SessionError;
use super::lab::{Api, Lab};
use super::world::World;
use crate::runtime::control::{BotState, BotStatus};

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
    /// Where its REST API is, if it runs one.
    pub api: Option<Api>,
}

/// One bot of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BotSummary {
    /// Its id.
    pub id: String,
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
    let snapshot = world.client(lab).and_then(|client| Ok(client.snapshot()?)).ok();
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
        api: lab.api()?.filter(|_| snapshot.is_some()),
    })
}

impl BotSummary {
    fn of(bot: &BotStatus) -> Self {
        BotSummary {
            id: bot.id.clone(),
            state: bot.state,
            received: bot.received,
            sent: bot.sent.values().sum(),
            dropped: bot.dropped,
            failed: bot.failed,
        }
    }
}
