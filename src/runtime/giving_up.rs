//! What a worker does when its bot fails: another try, the end, or giving the message up.

use super::hop::{Hop, Input, Trouble};
use super::ledger::Share;
use super::resume::Resume;
use super::switch::Woken;
use super::worker::{Next, Worker};
use crate::bots::{Failure, Level};
use crate::broker::{BrokerError, Link};
use crate::pipeline::Kind;

impl Worker {
    /// Decides what follows a failure: another try (after the rest), the worker's end, or nothing but giving up.
    pub(super) fn after_failure(&self, failure: &Failure, failures: u32) -> Option<Next> {
        let slot = self.slot();
        match failure {
            Failure::Configuration(text) => {
                slot.fail(&self.net, text);
                Some(Next::End)
            }
            Failure::Invalid(text) => {
                self.note(text);
                None
            }
            Failure::Other(_) | Failure::Panicked(_) => {
                self.note(&format!("Bot has found a problem: {failure}"));
                if matches!(failure, Failure::Panicked(_)) && !self.make_bot() {
                    return Some(Next::End);
                }
                if failures >= slot.rules.max_retries {
                    return None;
                }
                let rest = slot.rules.retry_delay;
                self.log(Level::Info, &format!("Bot will continue in {} seconds.", rest.as_secs_f64()));
                self.net.activity.bump();
                // Of a collector no message is in hand, so that its rest is one as that after a round.
                let woken = match slot.kind() {
                    Kind::Collector => slot.switch.rest_before_retry(rest),
                    _ => slot.switch.pause(rest),
                };
                Some(if woken == Woken::Stop { Next::End } else { Next::Go })
            }
        }
    }

    /// Gives up the message in hand, or stops because the bot's parameters say so.
    pub(super) fn finish_failed(
        &self,
        link: &mut dyn Link,
        input: Input,
        error: &str,
        resume: Option<&Resume>,
    ) -> Result<Next, BrokerError> {
        let slot = self.slot();
        if slot.rules.stop_on_error {
            slot.fail(
                &self.net,
                &format!("The bot stops after an error, and the message stays in its queue: {error}"),
            );
            return Ok(Next::End);
        }
        if let (Input::Message(message), true) = (&input, slot.rules.log_message) {
            self.log(Level::Info, &format!("Current message: {}", message.to_wire()));
        }
        self.give_up(link, input, error, resume)
    }

    /// Dumps the message in hand, sends a copy along `_on_error`, and acknowledges it: together.
    pub(super) fn give_up(
        &self,
        link: &mut dyn Link,
        input: Input,
        error: &str,
        resume: Option<&Resume>,
    ) -> Result<Next, BrokerError> {
        let slot = self.slot();
        let from = resume.map_or(Ok(0), |resume| resume.position(link))?;
        let everybody = (0..self.net.slots.len()).collect();
        let mut core = slot.core(self.instance);
        let mut hop = Hop::new(&self.net, self.index, &everybody);
        let mut share = Share::new(self.index, slot);
        match input {
            Input::Unreadable(body, error) => share.give_up_unreadable(slot, &body, &error),
            Input::Message(message) => {
                share.give_up(slot, &message, error);
                if let Some(path) = slot.on_error() {
                    hop.route(&mut share, path, message);
                }
            }
        }
        if let Some(resume) = resume {
            hop.forget_progress(resume);
        }
        hop.ledger.shares.push(share);
        match hop.hand_on(link).and_then(|()| hop.commit(&mut core, link, 1)) {
            Ok(()) if !slot.is_healthy() => Ok(Next::End),
            Ok(()) => {
                self.log(Level::Info, "Dumped the message; it can be put back with the dump's requeue.");
                if from > 0 {
                    let text = "The dump has the whole report: what was sent of it already will come again when it is \
                                put back.";
                    self.log(Level::Warning, text);
                }
                Ok(Next::Go)
            }
            Err(Trouble::Broker(error)) => Err(error),
            Err(Trouble::Head(failure)) => {
                slot.fail(&self.net, &failure.to_string());
                Ok(Next::End)
            }
            // Nobody is handed anything straight here; if it came to that, the message must stay in its queue.
            Err(Trouble::Helper(_)) => {
                slot.fail(&self.net, "a message that was given up was handed straight on");
                Ok(Next::End)
            }
        }
    }
}
