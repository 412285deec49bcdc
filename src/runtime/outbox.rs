//! Dumped messages on their way into the dump file: they are stored with the hop that gave them up, under one key of the bot,
//! and leave it once the dump file has them. Whoever writes that key writes all that stands in it, so that nothing is lost
//! however often the dump file or the broker fails.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::dump::Records;
use super::hop::Trouble;
use super::net::Net;
use super::slot::Slot;
use crate::bots::{Failure, Level};
use crate::broker::{BrokerError, Hop, Link, StateEntry};

const KEY: &[u8] = b"dump-outbox";

/// What stands under the key of one bot; `None` if that has to be looked up.
#[derive(Debug, Default)]
pub(super) struct Outbox(Mutex<Option<Records>>);

/// The outbox in the hand of one hop, from before its commit until its entries are in the dump file.
pub(super) struct Opened<'n> {
    slot: &'n Slot,
    kept: MutexGuard<'n, Option<Records>>,
}

impl<'n> Opened<'n> {
    /// Waits for the outbox, and looks up what it holds if that is not known.
    fn new(slot: &'n Slot, link: &mut dyn Link) -> Result<Self, Trouble> {
        let mut kept = slot.outbox.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            let stored = link.recall(&slot.id, KEY)?;
            let records = stored.map_or(Ok(Records::new()), |bytes| serde_json::from_slice(&bytes));
            *kept = Some(records.map_err(|error| {
                Trouble::Head(Failure::Configuration(format!(
                    "dumped messages that wait in the state for the dump file cannot be read ({error}); run the version \
                     of the program that wrote them"
                )))
            })?);
        }
        Ok(Opened { slot, kept })
    }

    /// Opens the outbox and adds entries; returns what the hop has to store.
    pub(super) fn with(
        slot: &'n Slot,
        link: &mut dyn Link,
        entries: Records,
    ) -> Result<(Self, StateEntry), Trouble> {
        let mut opened = Opened::new(slot, link)?;
        opened.kept.get_or_insert_default().extend(entries);
        let value = serde_json::to_vec(&*opened.kept);
        let value = value.map_err(|error| Trouble::Head(Failure::other(error)))?;
        Ok((opened, entry(slot, Some(value))))
    }

    /// Forgets what the outbox holds, because a commit failed: what is stored has to be looked up.
    pub(super) fn doubt(mut self) {
        *self.kept = None;
    }

    /// Moves the entries into the dump file. The bot stops if that cannot be written; they are kept until it can.
    pub(super) fn flush(mut self, net: &Net, link: &mut dyn Link) -> Result<(), BrokerError> {
        let Some(records) = self.kept.as_ref().filter(|records| !records.is_empty()) else { return Ok(()) };
        if let Err(error) = self.slot.dump.add(records) {
            let text = format!(
                "Cannot write the dump file: {error}. The bot stops; its {} dumped messages are kept in the state, start it \
                 again to write them",
                records.len()
            );
            self.slot.fail(net, &text);
            return Ok(());
        }
        // Written twice they are the same entries; so it does no harm that this may fail.
        *self.kept = None;
        link.commit(Hop { state: vec![entry(self.slot, None)], ..Hop::default() })?;
        *self.kept = Some(Records::new());
        Ok(())
    }
}

fn entry(slot: &Slot, value: Option<Vec<u8>>) -> StateEntry {
    StateEntry { bot: slot.id.clone(), key: KEY.to_vec(), value, ttl: None }
}

/// Moves into the dump file what was left in the state, by a process that died or after a broker's error.
pub(super) fn recover(net: &Net, slot: &Slot, link: &mut dyn Link) -> Result<(), BrokerError> {
    match Opened::new(slot, link) {
        Ok(opened) => {
            let count = opened.kept.as_ref().map_or(0, Records::len);
            opened.flush(net, link)?;
            if count > 0 && slot.is_healthy() {
                net.log(slot, Level::Warning, &format!("Wrote {count} kept messages to the dump file."));
            }
            Ok(())
        }
        Err(Trouble::Broker(error)) => Err(error),
        Err(Trouble::Head(failure)) => {
            slot.fail(net, &failure.to_string());
            Ok(())
        }
        Err(Trouble::Helper(_)) => Ok(()),
    }
}
