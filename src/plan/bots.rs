//! The botnet as the steps of a playbook change it. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{PlanBot, PlanError};
use crate::diagnostic::Source;
use crate::pipeline::{Kind, Pipeline};
use crate::playbook::{Action, Playbook};
use crate::template::{Variables, fill_json, render};

/// Returns the botnet at the end of a step, counted from 1; 0 is before the first.
pub fn botnet_after(playbook: &Playbook, steps: usize, variables: &Variables) -> Result<Pipeline, PlanError> {
    walk(playbook, steps, variables, |_| {})
}

/// Returns every bot that is there before the first step or at the end of some, in the order in which they come.
pub(super) fn every_bot(playbook: &Playbook, variables: &Variables) -> Result<Vec<PlanBot>, PlanError> {
    let mut bots = Vec::new();
    walk(playbook, playbook.steps.len(), variables, |pipeline| note_bots(pipeline, &mut bots))?;
    Ok(bots)
}

/// Changes the botnet as steps do, and shows it as it is at first and after each change.
fn walk(
    playbook: &Playbook,
    steps: usize,
    variables: &Variables,
    mut see: impl FnMut(&Pipeline),
) -> Result<Pipeline, PlanError> {
    let text = render(&playbook.botnet, variables).map_err(PlanError::Invalid)?;
    let mut pipeline =
        Pipeline::parse(Source::new(playbook.botnet.name(), text)).map_err(PlanError::Invalid)?;
    see(&pipeline);
    for action in playbook.steps.iter().take(steps).flat_map(|step| &step.actions) {
        if let Action::Configure(change) = &action.value {
            pipeline = changed(&pipeline, change, variables)?;
            see(&pipeline);
        }
    }
    Ok(pipeline)
}

/// Notes the bots of a botnet, and where each sends to now.
fn note_bots(pipeline: &Pipeline, bots: &mut Vec<PlanBot>) {
    let edges = pipeline.edges();
    for bot in pipeline.bots() {
        let to = edges.iter().filter(|edge| edge.from == bot.id()).filter_map(|edge| edge.to.clone());
        let next = to.collect::<BTreeSet<_>>().into_iter().collect();
        let group = bot.kind().map_or("", Kind::group).to_owned();
        let noted = PlanBot { id: bot.id().to_owned(), group, next };
        match bots.iter_mut().find(|known| known.id == noted.id) {
            Some(known) => *known = noted,
            None => bots.push(noted),
        }
    }
}

/// Lays what a step configures over a botnet.
fn changed(
    pipeline: &Pipeline,
    change: &Map<String, Json>,
    variables: &Variables,
) -> Result<Pipeline, PlanError> {
    let change = fill_json(&Json::Object(change.clone()), variables).map_err(PlanError::Invalid)?;
    pipeline.merged(&change).map_err(PlanError::Invalid)
}
