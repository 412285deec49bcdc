//! One round of a collector, and the rest after it.

use std::collections::HashSet;
use std::time::Duration;

use super::hop::{Hop, Trouble};
use super::switch::Woken;
use super::worker::{Next, Worker};
use crate::bots::{Bot, Round};
use crate::broker::{BrokerError, Link};

/// The least rest of a collector after a round that failed: without one it would ask a server that is away as fast as it can.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How a collector's round ended.
enum Ended {
    Done,
    /// There is nothing at the moment, and it is called when there is.
    Listens,
    Failed,
}

impl Worker {
    /// Lets a collector do one whole round.
    pub(super) fn round(&self, link: &mut dyn Link, mut rung: bool) -> Result<Next, BrokerError> {
        let slot = self.slot();
        let mut failures = 0;
        let ended = loop {
            if self.net.wait_for_room(self.index)? == Woken::Stop {
                return Ok(Next::End);
            }
            let nobody = HashSet::new();
            let Some(mut core) = self.ready_core() else { return Ok(Next::End) };
            let mut hop = Hop::new(&self.net, self.index, &nobody);
            slot.switch.heard();
            let collected = hop.collect(&mut core, link, std::mem::take(&mut rung)).and_then(|round| {
                let stored = hop.hand_on(link).and_then(|()| hop.commit(&mut core, link, 0));
                match &mut core.bot {
                    Some(Bot::Collector(bot)) if stored.is_ok() => bot.stored(),
                    Some(Bot::Collector(bot)) if bot.sends_again() => {}
                    // It has gone on behind what is not stored. One that is made anew goes on from what is.
                    bot => *bot = None,
                }
                stored.map(|()| round)
            });
            drop(core);
            match collected {
                Ok(Round::More) => failures = 0,
                Ok(Round::Done) => break Ended::Done,
                Ok(Round::Listen) if !slot.rules.scheduled => break Ended::Listens,
                Ok(Round::Wait | Round::Listen) => {
                    if slot.switch.wait_for_ring() == Woken::Stop {
                        return Ok(Next::End);
                    }
                }
                Err(Trouble::Broker(error)) => return Err(error),
                // A collector's hop has nobody further down: see `Hop::deliver`.
                Err(Trouble::Helper(_)) => {}
                Err(Trouble::Head(failure)) => match self.after_failure(&failure, failures) {
                    Some(Next::End) => return Ok(Next::End),
                    Some(Next::Go) => failures += 1,
                    None if slot.rules.stop_on_error => {
                        slot.fail(&self.net, &format!("The bot stops after an error: {failure}"));
                        return Ok(Next::End);
                    }
                    None => break Ended::Failed,
                },
            }
        };
        slot.counters.add_round();
        if slot.rules.scheduled {
            slot.life.finish();
            return Ok(Next::End);
        }
        match ended {
            Ended::Listens => slot.switch.listen(),
            Ended::Done => slot.switch.begin_rest(slot.rules.rate_limit),
            Ended::Failed => slot.switch.begin_rest(slot.rules.rate_limit.max(AFTER_FAILURE)),
        }
        self.net.activity.bump();
        Ok(Next::Go)
    }
}
