//! What is to be seen of a running botnet at one moment, and what keeps it from being idle.

use super::control::{BotState, BotStatus, QueueStatus, Snapshot};
use super::error::BotnetError;
use super::net::{Activity, Net};
use super::slot::Slot;
use crate::pipeline::Kind;

/// Looks at everything.
pub(super) fn take(net: &Net, activity: &Activity, revision: u64) -> Result<Snapshot, BotnetError> {
    // Read before everything else: what happens meanwhile makes the next snapshot differ from this one.
    let count = activity.count();
    let mut queues = Vec::new();
    for (name, reader) in net.listed_queues() {
        let depth = net.broker.depth(&name)?;
        let limit = net.limit(&name);
        queues.push(QueueStatus { name, reader, waiting: depth.waiting, in_flight: depth.in_flight, limit });
    }
    // Asked after the depths and before the counters: an empty queue whose hop still commits is no rest, and once it has
    // committed its counters are right.
    let committing = activity.is_committing();
    let busy: Vec<bool> = net.slots.iter().map(|slot| is_busy(slot, &queues)).collect();
    let idle = !committing && !busy.contains(&true);
    let bots = net.listed.iter().map(|&index| status(&net.slots[index], busy[index])).collect();
    Ok(Snapshot { activity: count, idle, revision, bots, queues })
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
