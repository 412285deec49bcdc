//! Adds the taxonomy that belongs to an event's classification type.

use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::classification::taxonomy_of;
use crate::message::{Add, Key, Message, Value};
use crate::pipeline::{Kind, Params, Spec};

/// The taxonomy expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.taxonomy.expert",
        kind: Kind::Expert,
        summary: "Adds classification.taxonomy, as classification.type says.",
        params: &[],
        stateful: false,
        paths: &[],
    },
    make,
};

struct Taxonomy {
    taxonomy: Key,
    kind: Key,
}

fn make(_params: &Params, site: &Site) -> Result<Bot, Failure> {
    let taxonomy = site.event_key("classification.taxonomy")?;
    let kind = site.event_key("classification.type")?;
    Ok(Bot::Expert(Box::new(Taxonomy { taxonomy, kind })))
}

impl Expert for Taxonomy {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        if event.get_key(&self.taxonomy).is_none() {
            let kind = event.get_key(&self.kind).and_then(Value::as_str);
            let taxonomy = kind.and_then(taxonomy_of).unwrap_or("other");
            event.add_key(&self.taxonomy, taxonomy.into(), Add::default())?;
        }
        if event.get_key(&self.kind).is_none() {
            event.add_key(&self.kind, "undetermined".into(), Add::default())?;
        }
        context.send(event)
    }
}
