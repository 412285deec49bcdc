//! Makes a runnable botnet of a pipeline.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::botnet::Surroundings;
use super::error::BotnetError;
use super::log::{Logger, SELF};
use super::net::{Activity, Net};
use super::rules::Rules;
use super::slot::{Parts, Slot};
use super::statistics::Counters;
use crate::bots::{self, Level, Modules, Site};
use crate::diagnostic::{Diagnostic, Source, Style, render};
use crate::pipeline::{BotConfig, Destinations, Kind, ParamError, Params, Pipeline};

/// What outlives a new configuration, by bot: its parameters then, its counters, when its next round is due.
pub(super) type Carried = BTreeMap<String, (Params, Arc<Counters>, Option<Instant>)>;

/// Reads and checks a runtime file; warnings are no hindrance, and go to the log.
pub(super) fn checked(source: &Source, logger: &Logger) -> Result<Pipeline, BotnetError> {
    let (pipeline, warnings) = Pipeline::load(source.clone(), &Modules).map_err(BotnetError::Invalid)?;
    for line in render(&warnings, Style::Plain).lines().filter(|line| line.starts_with("warning")) {
        logger.log(SELF, Level::Warning, &format!("{}: {line}", source.name()));
    }
    Ok(pipeline)
}

/// Makes the bots, in the order in which messages flow.
pub(super) fn net(
    pipeline: &Pipeline,
    surroundings: &Surroundings,
    activity: &Arc<Activity>,
    carried: &Carried,
) -> Result<Net, BotnetError> {
    let mut slots = Vec::new();
    for bot in pipeline.bots() {
        slots.push(slot(pipeline, bot, surroundings, carried)?);
    }
    let order = flow_order(&slots);
    let mut listed = vec![0; slots.len()];
    for (position, &original) in order.iter().enumerate() {
        listed[original] = position;
    }
    let mut slots: Vec<Option<Slot>> = slots.into_iter().map(Some).collect();
    let slots: Vec<Slot> = order.iter().filter_map(|&index| slots[index].take()).collect();
    let readers = slots
        .iter()
        .enumerate()
        .filter_map(|(index, slot)| slot.source.clone().map(|source| (source, index)))
        .collect::<HashMap<_, _>>();
    Ok(Net {
        slots,
        listed,
        readers,
        broker: surroundings.broker.clone(),
        idf: surroundings.idf.clone(),
        logger: surroundings.logger.clone(),
        journal: surroundings.journal.clone(),
        activity: activity.clone(),
    })
}

fn slot(
    pipeline: &Pipeline,
    bot: &BotConfig,
    surroundings: &Surroundings,
    carried: &Carried,
) -> Result<Slot, BotnetError> {
    let unusable = |title: String| BotnetError::Invalid(vec![Diagnostic::error("unusable-bot", title)]);
    let id = bot.id();
    let spec =
        bots::find(bot.module()).ok_or_else(|| unusable(format!("unknown module {:?}", bot.module())))?;
    let params = pipeline.params(id, Some(&spec.spec), &surroundings.environment);
    let wrong = |error: ParamError| unusable(format!("bot {id:?}: {error}"));
    let rules = Rules::read(&spec.spec, &params).map_err(wrong)?;
    let source = params.text("source_queue").map_err(wrong)?.unwrap_or_else(|| format!("{id}-queue"));
    let destinations = Destinations::of(&params).map_err(wrong)?;
    let old = carried.get(id);
    let parts = Parts {
        spec,
        rules,
        site: Site { bot: id.to_owned(), state: surroundings.state.clone(), idf: surroundings.idf.clone() },
        source: (spec.spec.kind != Kind::Collector).then_some(source),
        paths: destinations.iter().map(|(path, queues)| (path.to_owned(), queues.to_vec())).collect(),
        log_folder: surroundings.log.clone(),
        counters: old.map(|(_, counters, _)| counters.clone()).unwrap_or_default(),
        params,
    };
    let slot = Slot::new(parts);
    if let Some((params, _, due)) = old
        && *params == slot.params
    {
        slot.switch.set_due(*due);
    }
    Ok(slot)
}

/// Returns the order in which messages flow; bots in a cycle, which validation refuses, come last.
fn flow_order(slots: &[Slot]) -> Vec<usize> {
    let readers: HashMap<&str, usize> = slots
        .iter()
        .enumerate()
        .filter_map(|(index, slot)| slot.source.as_deref().map(|source| (source, index)))
        .collect();
    let edges: Vec<Vec<usize>> = slots
        .iter()
        .map(|slot| slot.destinations().filter_map(|queue| readers.get(&**queue).copied()).collect())
        .collect();
    let mut incoming = vec![0; slots.len()];
    for &reader in edges.iter().flatten() {
        incoming[reader] += 1;
    }
    let mut ready: VecDeque<usize> = (0..slots.len()).filter(|&index| incoming[index] == 0).collect();
    let mut order = Vec::new();
    while let Some(index) = ready.pop_front() {
        order.push(index);
        for &reader in &edges[index] {
            incoming[reader] -= 1;
            if incoming[reader] == 0 {
                ready.push_back(reader);
            }
        }
    }
    order.extend((0..slots.len()).filter(|&index| incoming[index] > 0));
    order
}
