//! How far a parser came in a report, kept under the report's own identity: no report starts where another was left.

use std::sync::{Mutex, PoisonError};

use super::slot::Slot;
use crate::broker::{BrokerError, Link};
use crate::message::Message;

/// The reports that the instances of a bot have in hand; equal ones are told apart by a number.
#[derive(Debug, Default)]
pub(super) struct InHand(Mutex<Vec<(u128, usize)>>);

/// Where the position in one report is kept, while an instance has that report in hand.
pub(super) struct Resume<'s> {
    slot: &'s Slot,
    claim: (u128, usize),
    key: Vec<u8>,
}

impl<'s> Resume<'s> {
    /// Claims the place of a report. Of equal reports the one that was begun comes first.
    pub(super) fn claim(slot: &'s Slot, link: &mut dyn Link, report: &Message) -> Result<Self, BrokerError> {
        let identity = report.fingerprint();
        let mut taken = slot.in_hand.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = (0..slot.cores.len()).filter(|number| !taken.contains(&(identity, *number)));
        let mut first = None;
        for number in free {
            // An only instance need not look: there is nothing to choose from.
            if slot.cores.len() == 1 || link.recall(&slot.id, &key(identity, number))?.is_some() {
                first = Some(number);
                break;
            }
            first = first.or(Some(number));
        }
        let claim = (identity, first.unwrap_or_default());
        taken.push(claim);
        Ok(Resume { slot, claim, key: key(claim.0, claim.1) })
    }

    /// Returns the key of the bot's state.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// Returns where to go on; 0 is the start.
    pub(super) fn position(&self, link: &mut dyn Link) -> Result<u64, BrokerError> {
        let stored = link.recall(&self.slot.id, &self.key)?;
        Ok(stored.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes))
    }
}

impl Drop for Resume<'_> {
    fn drop(&mut self) {
        let mut taken = self.slot.in_hand.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = taken.iter().position(|claim| *claim == self.claim) {
            taken.swap_remove(index);
        }
    }
}

fn key(identity: u128, number: usize) -> Vec<u8> {
    format!("resume:{identity:032x}:{number}").into_bytes()
}
