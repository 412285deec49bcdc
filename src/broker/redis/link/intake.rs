//! What a link takes from its queue, and how it waits for more.

use std::time::Duration;

use redis::{Cmd, Value};

use super::super::script::RECEIVE;
use super::{BATCH_BYTES, Failed, LOOK, RedisLink, SHORT, deliveries};
use crate::broker::{BrokerError, Delivery};

impl RedisLink {
    /// Takes what is there, oldest first.
    pub(super) fn take(&mut self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        let arguments = |call: &mut Cmd| {
            call.arg(max).arg(BATCH_BYTES);
        };
        let (number, answer) = self.change(&RECEIVE, None, arguments)?;
        let deliveries = answer.map(deliveries).unwrap_or_default();
        if !deliveries.is_empty() {
            self.operation = number;
            self.held += deliveries.len();
        }
        Ok(deliveries)
    }

    /// Waits until the queue may hold something, everyone is interrupted, or the time is over.
    pub(super) fn wait(&mut self, wait: Duration) -> Result<(), BrokerError> {
        let Some(source) = self.source.clone() else {
            self.shared.wait_for_interrupt(self.interrupts, wait);
            return Ok(());
        };
        self.connect()?;
        if self.looked.elapsed() >= LOOK {
            self.register()?;
        }
        let Some((number, wakes)) = self.session.as_ref().map(|session| (session.number, session.wakes))
        else {
            return Ok(());
        };
        let wait = wait.min(if wakes { LOOK } else { SHORT }).max(Duration::from_millis(1));
        // Takes the oldest message and puts it where it was: nothing changes, but it waits for one.
        let mut block = redis::cmd("BLMOVE");
        block.arg(&source).arg(&source).arg("RIGHT").arg("RIGHT").arg(wait.as_secs_f64());
        let patience = self.shared.server.patience();
        if !self.shared.begin_wait(number, self.interrupts) {
            return Ok(());
        }
        let waited: Result<Value, Failed> = self.with(|session| {
            session.connection.set_read_timeout(Some(wait + patience))?;
            let woken = block.query(&mut session.connection)?;
            session.connection.set_read_timeout(Some(patience))?;
            Ok(woken)
        });
        self.shared.end_wait(number);
        waited.map(drop).map_err(|failed| self.error(&failed))
    }
}
