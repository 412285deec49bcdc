//! An expert for tests of the runtime: it fails, panics or waits as the event's comment says.

use super::{Bot, BotSpec, Context, Expert, Failure};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Spec};

/// The troubled expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.troubled.expert",
        kind: Kind::Expert,
        summary: "Fails as the event's comment says.",
        params: &[Param::new("healed", ParamKind::Bool, "false", "Whether it works after all.")],
        stateful: false,
        paths: &["other"],
    },
    make: |params, _site| Ok(Bot::Expert(Box::new(Troubled { healed: params.flag("healed"), tries: 0 }))),
};

struct Troubled {
    healed: bool,
    tries: usize,
}

impl Expert for Troubled {
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure> {
        self.tries += 1;
        match event.text("comment") {
            Some("fail") if !self.healed => Err(Failure::Other("asked to fail".to_owned())),
            Some("fail twice") if self.tries < 3 => Err(Failure::Other("not yet".to_owned())),
            Some("invalid") if !self.healed => Err(Failure::Invalid("asked to be invalid".to_owned())),
            Some("panic") if !self.healed => panic!("asked to panic"),
            Some("unsettle") if !self.healed => Err(Failure::Configuration("asked to stop".to_owned())),
            Some("drop") => {
                context.drop_message("asked to drop");
                Ok(())
            }
            Some("other") => context.send_to("other", event),
            _ => context.send(event),
        }
    }
}
