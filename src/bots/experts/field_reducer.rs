//! Keeps only some fields of an event, or removes some.

use crate::bots::values::lookup;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Message};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The field reducer.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.field_reducer.expert",
        kind: Kind::Expert,
        summary: "Keeps only some fields of an event, or removes some.",
        params: &[
            Param::required(
                "type",
                ParamKind::Choice(&["whitelist", "blacklist"]),
                "`whitelist` keeps the keys, `blacklist` removes them.",
            ),
            Param::required(
                "keys",
                ParamKind::Any,
                "Fields, as a list or a text separated by commas; `extra` is all that is below it. An event of which \
                 nothing is left goes no further.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct FieldReducer {
    keys: Vec<String>,
    keep: bool,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let keep = match params.required_text("type")?.as_str() {
        "whitelist" => true,
        "blacklist" => false,
        other => {
            return Err(Failure::Configuration(format!(
                "parameter \"type\": must be \"whitelist\" or \"blacklist\", not {other:?}"
            )));
        }
    };
    let keys = match params.get("keys") {
        Some(serde_json::Value::Object(map)) => map.keys().cloned().collect(),
        // Only a text is split and trimmed.
        keys => params.list("keys", keys.is_some_and(serde_json::Value::is_string))?.ok_or_else(|| {
            Failure::Configuration(
                "parameter \"keys\": is required; name the fields to keep or to remove".into(),
            )
        })?,
    };
    Ok(Bot::Expert(Box::new(FieldReducer { keys, keep })))
}

impl Expert for FieldReducer {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        if !self.keep {
            for key in &self.keys {
                event.remove(key);
            }
            return context.send(event);
        }
        let mut kept = Message::event(event.idf());
        for key in &self.keys {
            if let Some(value) = lookup(&event, key) {
                kept.add_with(key, value.into_owned(), Add::RAW)?;
            }
        }
        context.send(kept)
    }
}
