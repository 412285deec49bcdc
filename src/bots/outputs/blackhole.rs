//! Discards events.

use crate::bots::{Bot, BotSpec, Context, Failure, Output, Reach, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Params, Spec};

/// The blackhole.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.blackhole.output",
        kind: Kind::Output,
        summary: "Discards every event; for tests and for measuring.",
        params: &[],
        stateful: false,
        paths: &[],
    },
    make,
};

struct Blackhole;

#[expect(clippy::unnecessary_wraps, reason = "the registry wants makers that may refuse")]
fn make(_params: &Params, _site: &Site) -> Result<Bot, Failure> {
    Ok(Bot::Output(Box::new(Blackhole)))
}

impl Output for Blackhole {
    fn write(&mut self, _event: &Message, _context: &mut Context) -> Result<(), Failure> {
        Ok(())
    }

    fn reach(&self) -> Reach {
        Reach::WithCommit
    }
}
