//! Counts events that are the same by a hash of chosen fields, and lets exactly the one pass that makes the number full.

use std::time::Duration;

use super::deduplicator::chosen_fields;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Filter, Message, MessageType, Value};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The threshold.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.threshold.expert",
        kind: Kind::Expert,
        summary: "Lets one event pass when as many like it were seen as the threshold says; drops all others.",
        params: &[
            Param::new(
                "filter_keys",
                ParamKind::List,
                "[\"raw\", \"time.observation\"]",
                "Fields that filter_type is about, by their exact names.",
            ),
            Param::new(
                "filter_type",
                ParamKind::Choice(&["blacklist", "whitelist"]),
                "\"blacklist\"",
                "`blacklist`: all fields but filter_keys make an event the same; `whitelist`: only filter_keys do. \
                 time.observation never counts.",
            ),
            Param::new(
                "threshold",
                ParamKind::Int,
                "100",
                "How many events it takes, 1 or more; the one that makes the number full passes, with extra.count.",
            ),
            Param::new(
                "add_keys",
                ParamKind::Map,
                "{\"comment\": \"Threshold reached\"}",
                "Fields that the event gets when it passes, replacing what is there.",
            ),
            Param::new("bypass", ParamKind::Bool, "false", "Lets every event pass and counts none."),
            Param::new("redis_cache_db", ParamKind::Int, "11", "Redis database, if redis_cache_host is set."),
            Param::new(
                "redis_cache_ttl",
                ParamKind::Int,
                "3600",
                "Seconds after the last event of a kind until its count is forgotten, 1 or more.",
            ),
        ],
        stateful: true,
        paths: &[],
    },
    make,
};

struct Threshold {
    filter: Filter,
    wanted: u64,
    add: Vec<(String, Value)>,
    ttl: Duration,
    bypass: bool,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let positive = |name: &str, default: i64| {
        let number = params.int(name)?.unwrap_or(default);
        u64::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| {
            Failure::Configuration(format!("parameter {name:?}: must be 1 or more, not {number}"))
        })
    };
    let add = match params.get("add_keys") {
        Some(serde_json::Value::Object(map)) => {
            map.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
        }
        Some(other) => {
            return Err(Failure::Configuration(format!(
                "parameter \"add_keys\": must be a mapping, not {other}"
            )));
        }
        None => Vec::new(),
    };
    for (name, _) in &add {
        site.idf
            .key(MessageType::Event, name)
            .map_err(|error| Failure::Configuration(format!("parameter \"add_keys\": {error}")))?;
    }
    Ok(Bot::Expert(Box::new(Threshold {
        filter: chosen_fields(params)?,
        wanted: positive("threshold", 100)?,
        add,
        ttl: Duration::from_secs(positive("redis_cache_ttl", 3600)?),
        bypass: params.flag("bypass"),
    })))
}

impl Expert for Threshold {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        if self.bypass {
            return context.send(event);
        }
        let key = event.hash_hex(&self.filter).into_bytes();
        let seen = match context.recall(&key)? {
            None => 0,
            Some(value) => count(&value)?,
        };
        let count = seen.saturating_add(1);
        context.remember(key, count.to_string(), Some(self.ttl));
        if count != self.wanted {
            context.drop_message(format!("event {count} of its kind, {} are wanted", self.wanted));
            return Ok(());
        }
        for (name, value) in &self.add {
            event.add_with(name, value.clone(), Add::REPLACE)?;
        }
        let count = Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        event.add_with("extra.count", count, Add::REPLACE)?;
        context.send(event)
    }

    fn key(&self, event: &Message) -> Option<Vec<u8>> {
        (!self.bypass).then(|| event.hash_hex(&self.filter).into_bytes())
    }
}

fn count(value: &[u8]) -> Result<u64, Failure> {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::Other("what is remembered under the event's hash is no count".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bots::trial::Trial;
    use crate::message::Idf;

    const MODULE: &str = "intelmq.bots.experts.threshold.expert";

    fn event(text: &str) -> Message {
        Message::from_wire(&Idf::builtin(), text.as_bytes(), Some(MessageType::Event)).unwrap()
    }

    /// The key and the values are those that IntelMQ 3.5.0 had in Redis.
    #[test]
    fn exactly_the_event_that_makes_the_number_full_passes() {
        let params = json!({"threshold": 2, "filter_keys": ["raw"], "redis_cache_ttl": 60});
        let mut trial = Trial::new(MODULE, &params, &Idf::builtin()).unwrap();
        let sent = [
            None,
            Some(r#"{"feed.name": "A", "raw": "YQ==", "comment": "Threshold reached", "extra.count": 2}"#),
        ];
        for (number, sent) in sent.into_iter().chain([None, None]).enumerate() {
            let outcome = trial.feed(event(r#"{"feed.name": "A", "raw": "YQ=="}"#));
            let expected: Vec<_> =
                sent.into_iter().map(|text| ("_default".to_owned(), event(text))).collect();
            assert_eq!(outcome.sent, expected, "{number}");
            assert_eq!(outcome.dropped.len(), 1 - expected.len());
            let [write] = outcome.state.as_slice() else { panic!("{outcome:?}") };
            assert_eq!(write.key, b"554a805b41f84dcddd55c5c3dd9e1a139002729024d9e5a99dd4952aa8ecf47c");
            assert_eq!(write.value.as_deref(), Some((number + 1).to_string().as_bytes()));
            assert_eq!(write.ttl, Some(Duration::from_secs(60)), "renewed each time");
        }
    }

    #[test]
    fn keys_are_added_and_bypass_counts_nothing() {
        let table = [
            (
                json!({"threshold": 1, "add_keys": {"extra.count": 5}}),
                r#"{"raw": "YQ==", "comment": "x", "extra.count": 1}"#,
            ),
            (json!({"threshold": 1, "add_keys": {"comment": ""}}), r#"{"raw": "YQ==", "extra.count": 1}"#),
            (json!({"threshold": 1, "add_keys": {}}), r#"{"raw": "YQ==", "comment": "x", "extra.count": 1}"#),
            (
                json!({"threshold": 1, "add_keys": {"source.port": "80"}}),
                r#"{"raw": "YQ==", "comment": "x", "source.port": 80, "extra.count": 1}"#,
            ),
            (json!({"bypass": true}), r#"{"raw": "YQ==", "comment": "x"}"#),
        ];
        for (params, expected) in table {
            let outcome = Trial::new(MODULE, &params, &Idf::builtin())
                .unwrap()
                .feed(event(r#"{"raw": "YQ==", "comment": "x"}"#));
            assert_eq!(outcome.sent, [("_default".to_owned(), event(expected))], "{params}");
            assert_eq!(outcome.state.is_empty(), params["bypass"] == true);
        }
        for params in [
            json!({"threshold": 0}),
            json!({"threshold": "x"}),
            json!({"redis_cache_ttl": 0}),
            json!({"filter_type": "x"}),
            json!({"add_keys": {"nosuch": 1}}),
        ] {
            let made = Trial::new(MODULE, &params, &Idf::builtin());
            assert!(matches!(made.err(), Some(Failure::Configuration(_))), "{params}");
        }
    }
}
