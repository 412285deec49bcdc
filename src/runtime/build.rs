//! Makes a runnable botnet of a pipeline.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::error::BotnetError;
use super::log::SELF;
use super::net::{Activity, Net};
use super::rules::{Rules, queue_limit};
use super::slot::{Parts, Slot};
use super::statistics::Counters;
use super::surroundings::{Queues, Surroundings};
use crate::bots::{self, Level, Modules, Site};
use crate::broker::{Broker, Party, RouteError};
use crate::diagnostic::{Diagnostic, Source, Style, render};
use crate::pipeline::{BotConfig, Destinations, Kind, ParamError, Pipeline, validate_bot};

/// What outlives a new configuration, by bot: its counters.
pub(super) type Carried = BTreeMap<String, Arc<Counters>>;

/// Reads and checks a runtime file; warnings are no hindrance, and go to the log.
///
/// If only one bot runs here, only that one has to be right: the others may be of modules that this program does not have.
pub(super) fn checked(source: &Source, surroundings: &Surroundings) -> Result<Pipeline, BotnetError> {
    let (pipeline, warnings) = match &surroundings.only {
        None => Pipeline::load(source.clone(), &Modules).map_err(BotnetError::Invalid)?,
        Some(id) => {
            let pipeline = Pipeline::parse(source.clone()).map_err(BotnetError::Invalid)?;
            if surroundings.journal.is_some() && pipeline.bot(id).is_none() {
                // A bot of a lab may come with a later step, and go with another.
                return Ok(pipeline);
            }
            let problems = validate_bot(&pipeline, id, &Modules, &surroundings.environment);
            if problems.iter().any(Diagnostic::is_error) {
                return Err(BotnetError::Invalid(problems));
            }
            (pipeline, problems)
        }
    };
    for line in render(&warnings, Style::Plain).lines().filter(|line| line.starts_with("warning")) {
        surroundings.logger.log(SELF, Level::Warning, &format!("{}: {line}", source.name()));
    }
    if let (Queues::In(_), Some(name)) = (&surroundings.queues, unused(&pipeline)) {
        let text = format!(
            "{}: {name} and its like have no effect here: queues and statistics are where --broker and --broker-url \
             say; `--broker runtime` is for what the file says",
            source.name()
        );
        surroundings.logger.log(SELF, Level::Info, &text);
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
    let here = |bot: &&BotConfig| surroundings.only.as_ref().is_none_or(|only| bot.id() == only);
    for bot in pipeline.bots().iter().filter(here) {
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
        broker: broker(&slots, surroundings)?,
        limits: limits(pipeline, surroundings),
        slots,
        listed,
        readers,
        idf: surroundings.idf.clone(),
        logger: surroundings.logger.clone(),
        journal: surroundings.journal.clone(),
        activity: activity.clone(),
    })
}

/// How parameters begin that say where queues and statistics are.
const PLACES: [&str; 3] = ["source_pipeline_", "destination_pipeline_", "statistics_"];

/// Finds a parameter of the file that says where queues are.
fn unused(pipeline: &Pipeline) -> Option<&str> {
    let bots = pipeline.bots().iter().flat_map(BotConfig::parameters);
    let mut names = pipeline.global().iter().chain(bots).map(|(name, _)| name.value.as_str());
    names.find(|name| PLACES.iter().any(|start| name.starts_with(start)))
}

/// Returns where the queues of these bots are.
fn broker(slots: &[Slot], surroundings: &Surroundings) -> Result<Arc<dyn Broker>, BotnetError> {
    let routes = match &surroundings.queues {
        Queues::In(broker) => return Ok(broker.clone()),
        Queues::AsConfigured(routes) => routes,
    };
    let parties: Vec<Party> =
        slots.iter().map(|slot| Party { wiring: slot.wiring(), params: &slot.params }).collect();
    routes.connect(&parties).map_err(|error| match error {
        RouteError::Broker(error) => error.into(),
        other => unusable(other.to_string()),
    })
}

/// Returns how many messages the queues of bots take that do not run here.
fn limits(pipeline: &Pipeline, surroundings: &Surroundings) -> HashMap<String, u64> {
    let Some(only) = &surroundings.only else { return HashMap::new() };
    let others = pipeline.bots().iter().filter(|bot| bot.id() != only);
    let limit = |bot: &BotConfig| {
        let spec = bots::find(bot.module()).map(|spec| &spec.spec);
        let params = pipeline.params(bot.id(), spec, &surroundings.environment);
        Some((params.text("source_queue").ok()??, queue_limit(&params).ok()?))
    };
    others.filter_map(limit).collect()
}

fn unusable(title: String) -> BotnetError {
    BotnetError::Invalid(vec![Diagnostic::error("unusable-bot", title)])
}

fn slot(
    pipeline: &Pipeline,
    bot: &BotConfig,
    surroundings: &Surroundings,
    carried: &Carried,
) -> Result<Slot, BotnetError> {
    let id = bot.id();
    let spec =
        bots::find(bot.module()).ok_or_else(|| unusable(format!("unknown module {:?}", bot.module())))?;
    let params = pipeline.params(id, Some(&spec.spec), &surroundings.environment);
    let wrong = |error: ParamError| unusable(format!("bot {id:?}: {error}"));
    let rules = Rules::read(&spec.spec, &params).map_err(wrong)?;
    let source = params.text("source_queue").map_err(wrong)?.unwrap_or_else(|| format!("{id}-queue"));
    let destinations = Destinations::of(&params).map_err(wrong)?;
    let parts = Parts {
        spec,
        rules,
        site: Site { bot: id.to_owned(), state: surroundings.state.clone(), idf: surroundings.idf.clone() },
        source: (spec.spec.kind != Kind::Collector).then_some(source),
        paths: destinations.iter().map(|(path, queues)| (path.to_owned(), queues.to_vec())).collect(),
        log_folder: surroundings.log.clone(),
        counters: carried.get(id).cloned().unwrap_or_default(),
        params,
    };
    Ok(Slot::new(parts))
}

/// Lets the collectors of a new configuration whose parameters did not change rest as long as the old ones would have.
///
/// To be called once the old ones have stopped: one that was in its round has finished it, and must not do it again.
pub(super) fn go_on_resting(old: &Net, new: &Net) {
    for slot in &new.slots {
        let before = old.slots.iter().find(|before| before.id == slot.id && before.params == slot.params);
        if let Some(before) = before {
            slot.switch.set_due(before.switch.due());
        }
    }
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
