//! What is to be seen of a running botnet at one moment, and what keeps it from being idle.

use std::collections::BTreeMap;

use super::apart::Apart;
use super::control::{BotState, BotStatus, QueueStatus, Snapshot};
use super::error::BotnetError;
use super::net::{Activity, Net};
use super::slot::Slot;
use crate::pipeline::Kind;

/// Looks at everything.
pub(super) fn take(
    net: &Net,
    activity: &Activity,
    apart: &Apart,
    revision: u64,
) -> Result<Snapshot, BotnetError> {
    // Read before everything else: what happens meanwhile makes the next snapshot differ from this one.
    let mut count = activity.count();
    // In the order of the flow: what a bot that is done has handed on is found at those that are asked after it.
    let others = Others::look(net, apart, &mut count);
    let mut queues = Vec::new();
    for (name, reader) in net.listed_queues() {
        if let Some(known) = others.queue(&name, reader.as_deref()) {
            queues.push(known);
            continue;
        }
        let depth = net.broker.depth(&name)?;
        let limit = net.limit(&name);
        queues.push(QueueStatus { name, reader, waiting: depth.waiting, in_flight: depth.in_flight, limit });
    }
    // Asked after the depths and before the counters: an empty queue whose hop still commits is no rest, and once it has
    // committed its counters are right.
    let committing = activity.is_committing();
    let is_busy = |slot: &Slot| others.busy(&slot.id).unwrap_or_else(|| is_busy(slot, &queues));
    let busy: Vec<bool> = net.slots.iter().map(is_busy).collect();
    let idle = !committing && !busy.contains(&true);
    let bot = |&index: &usize| {
        let (slot, busy) = (&net.slots[index], busy[index]);
        others.status(slot).unwrap_or_else(|| status(slot, busy))
    };
    let bots = net.listed.iter().map(bot).collect();
    Ok(Snapshot { activity: count, idle, revision, bots, queues })
}

/// What bots say that run in processes of their own, by their ids.
struct Others(BTreeMap<String, Option<Snapshot>>);

impl Others {
    /// Asks all of them, and adds what has happened there.
    fn look(net: &Net, apart: &Apart, count: &mut u64) -> Self {
        let mut others = BTreeMap::new();
        for id in net.slots.iter().map(|slot| &*slot.id).filter(|id| apart.has(id)) {
            let seen = apart.look(id);
            *count += seen.as_ref().map_or(0, |(_, total)| *total);
            others.insert(id.to_owned(), seen.map(|(snapshot, _)| snapshot));
        }
        Others(others)
    }

    /// Returns how full a queue is by what its reader says, which alone knows what it has in hand.
    fn queue(&self, name: &str, reader: Option<&str>) -> Option<QueueStatus> {
        let snapshot = self.0.get(reader?)?.as_ref()?;
        snapshot.queues.iter().find(|queue| queue.name == name && queue.reader.is_some()).cloned()
    }

    /// Tells whether a bot keeps the botnet from being idle; one that does not answer does, as it may have something in hand.
    fn busy(&self, id: &str) -> Option<bool> {
        Some(self.0.get(id)?.as_ref().is_none_or(|snapshot| !snapshot.idle))
    }

    /// Returns what a bot says of itself; one that does not answer is on its way up, as somebody starts it again.
    fn status(&self, slot: &Slot) -> Option<BotStatus> {
        let said = self.0.get(&*slot.id)?.as_ref();
        let found =
            said.and_then(|snapshot| Some((snapshot, snapshot.bots.iter().find(|bot| bot.id == *slot.id)?)));
        Some(match found {
            Some((snapshot, status)) => BotStatus { busy: !snapshot.idle, ..status.clone() },
            None => BotStatus { state: BotState::Starting, ..status(slot, true) },
        })
    }
}

/// Tells whether a bot keeps the botnet from being idle.
fn is_busy(slot: &Slot, queues: &[QueueStatus]) -> bool {
    if slot.state() != BotState::Running {
        return false;
    }
    match (&slot.source, slot.kind()) {
        (_, Kind::Collector) => !slot.switch.resting(),
        (Some(source), _) => queues
            .iter()
            .filter(|queue| *queue.name == **source)
            .any(|queue| queue.waiting + queue.in_flight > 0),
        (None, _) => false,
    }
}

fn status(slot: &Slot, busy: bool) -> BotStatus {
    let (received, dropped, failed, rounds) = slot.counters.totals();
    BotStatus {
        id: slot.id.to_string(),
        module: slot.spec.spec.module.to_owned(),
        group: slot.kind().group().to_owned(),
        state: slot.state(),
        busy,
        retrying: !busy && slot.switch.retrying(),
        instances: slot.rules.instances as u32,
        received,
        sent: slot.counters.sent(),
        dropped,
        failed,
        rounds,
        last_error: slot.counters.last_error(),
    }
}
