//! Collects events that are the same in chosen fields, and sends one with their count when a span of time is over.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::filter::age;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Level, Site};
use crate::message::{Add, Filter, Message, MessageType, Value};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The aggregate expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.aggregate.expert",
        kind: Kind::Expert,
        summary: "Collects events that are the same in chosen fields and sends the first of them, with their count, \
                  when its time is over.",
        params: &[
            Param::new(
                "fields",
                ParamKind::List,
                "\"classification.type, classification.identifier\"",
                "The fields in which events must be the same.",
            ),
            Param::new(
                "threshold",
                ParamKind::Int,
                "10",
                "How many events it takes; fewer are dropped when their time is over. An event counts as many times \
                 as its extra.count says.",
            ),
            Param::new(
                "timespan",
                ParamKind::Text,
                "\"1 hour\"",
                "How long events are collected from the first of them on: a number and second, minute, hour, day, \
                 week, month or year. What is over is sent when the next event comes, whatever it is.",
            ),
            Param::new("redis_cache_db", ParamKind::Int, "8", "Redis database, if redis_cache_host is set."),
            Param::new(
                "redis_cache_ttl",
                ParamKind::Int,
                "86400",
                "Has no effect: what was collected is kept until its time is over.",
            ),
        ],
        stateful: true,
        paths: &[],
    },
    make,
};

/// Where the oldest and the newest group are found, so that a message looks at no more than what is over.
const OLDEST: &[u8] = b"aggregate.oldest";
const NEWEST: &[u8] = b"aggregate.newest";

struct Aggregate {
    filter: Filter,
    threshold: i64,
    seconds: i64,
}

/// What is remembered of a group, by the names that IntelMQ has in Redis.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// The first event.
    d: String,
    /// When it came, in UTC, as text.
    s: String,
    /// Its time.
    f: String,
    /// The time of the last event.
    l: String,
    /// How many there were.
    c: i64,
    /// The key of the group that was begun next.
    next: Option<String>,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let default = || vec!["classification.type".to_owned(), "classification.identifier".to_owned()];
    let fields = params.list("fields", true)?.unwrap_or_else(default);
    let timespan = params.text("timespan")?.unwrap_or_else(|| "1 hour".to_owned());
    let seconds = age(timespan.trim()).ok_or_else(|| {
        Failure::Configuration(format!(
            "parameter \"timespan\": {timespan:?} is no span of time; write a number and a unit, such as \"1 hour\""
        ))
    })?;
    Ok(Bot::Expert(Box::new(Aggregate {
        filter: Filter::whitelist(fields),
        threshold: params.int("threshold")?.unwrap_or(10),
        seconds,
    })))
}

fn recall_key(context: &mut Context, key: &[u8]) -> Result<Option<String>, Failure> {
    Ok(context.recall(key)?.and_then(|value| String::from_utf8(value).ok()))
}

fn recall(context: &mut Context, key: &str) -> Result<Option<Group>, Failure> {
    let Some(value) = context.recall(key.as_bytes())? else { return Ok(None) };
    serde_json::from_slice(&value).map(Some).map_err(|error| {
        Failure::Other(format!("what is remembered under {key:?} is no group of events: {error}"))
    })
}

fn remember(context: &mut Context, key: &str, group: &Group) -> Result<(), Failure> {
    let value = serde_json::to_vec(group).map_err(Failure::other)?;
    context.remember(key, value, None);
    Ok(())
}

impl Aggregate {
    /// Sends or drops the groups whose time is over, the oldest first.
    fn finish_old(&self, context: &mut Context) -> Result<(), Failure> {
        let now = context.now();
        while let Some(key) = recall_key(context, OLDEST)? {
            let Some(group) = recall(context, &key)? else {
                context.forget(OLDEST);
                context.forget(NEWEST);
                return Ok(());
            };
            let begun: Timestamp = group.s.parse().map_err(|error| {
                Failure::Other(format!("what is remembered under {key:?} has no start: {error}"))
            })?;
            // IntelMQ counts whole seconds.
            if now.duration_since(begun) < SignedDuration::from_secs(self.seconds.saturating_add(1)) {
                return Ok(());
            }
            self.finish(&group, context)?;
            context.forget(key);
            if let Some(next) = group.next {
                context.remember(OLDEST, next, None);
            } else {
                context.forget(OLDEST);
                context.forget(NEWEST);
            }
        }
        Ok(())
    }

    fn finish(&self, group: &Group, context: &mut Context) -> Result<(), Failure> {
        if group.c < self.threshold {
            let text = format!("{} events of a kind, {} are wanted; dropped", group.c, self.threshold);
            context.log(Level::Debug, text);
            return Ok(());
        }
        let mut event = Message::from_wire(context.idf(), group.d.as_bytes(), Some(MessageType::Event))
            .map_err(|error| Failure::Other(format!("a collected event cannot be read again: {error}")))?;
        event.add_with("time.source", group.s.clone().into(), Add::KEEP)?;
        event.add_with("extra.count", Value::Int(group.c), Add::REPLACE)?;
        event.add_with("extra.time_end", group.l.clone().into(), Add::REPLACE)?;
        context.send(event)
    }

    fn begin(key: String, group: &Group, context: &mut Context) -> Result<(), Failure> {
        remember(context, &key, group)?;
        match recall_key(context, NEWEST)? {
            None => context.remember(OLDEST, key.clone(), None),
            Some(newest) => {
                if let Some(mut before) = recall(context, &newest)? {
                    before.next = Some(key.clone());
                    remember(context, &newest, &before)?;
                }
            }
        }
        context.remember(NEWEST, key, None);
        Ok(())
    }
}

/// Returns how many events an event stands for.
fn weight(event: &Message) -> Result<i64, Failure> {
    match event.get("extra.count") {
        None => Ok(1),
        Some(Value::Int(count)) => Ok(*count),
        Some(Value::Text(text)) if text.trim().parse::<i64>().is_ok() => Ok(text.trim().parse().unwrap_or(1)),
        Some(_) => Err(Failure::Other("extra.count is no number of events".to_owned())),
    }
}

impl Expert for Aggregate {
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure> {
        self.finish_old(context)?;
        let time = event.text("time.source").or_else(|| event.text("time.observation"));
        let time = time.ok_or_else(|| {
            Failure::Other("the event has neither time.source nor time.observation".to_owned())
        })?;
        let count = weight(&event)?;
        let key = format!("aggregate.{}", event.hash_hex(&self.filter));
        if let Some(mut group) = recall(context, &key)? {
            group.c = group.c.saturating_add(count);
            time.clone_into(&mut group.l);
            remember(context, &key, &group)?;
        } else {
            let group = Group {
                d: event.to_wire(),
                s: context.now().to_string(),
                f: time.to_owned(),
                l: time.to_owned(),
                c: count,
                next: None,
            };
            Aggregate::begin(key, &group, context)?;
        }
        context.drop_message("collected with others of its kind");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bots::trial::{Outcome, Trial};
    use crate::message::Idf;

    const MODULE: &str = "intelmq.bots.experts.aggregate.expert";
    const SCANNER: &str = "aggregate.cf12eb103e9c5101dba1f1637c8ba42d47d26ae81940df9fe8c7f56c90c6fa5c";

    fn event(text: &str) -> Message {
        Message::from_wire(&Idf::builtin(), text.as_bytes(), Some(MessageType::Event)).unwrap()
    }

    /// Feeds events at moments of one day; returns what came of the last.
    fn feed(params: &serde_json::Value, events: &[(&str, &str)]) -> Outcome {
        let mut trial = Trial::new(MODULE, params, &Idf::builtin()).unwrap();
        let mut last = Outcome::default();
        for (time, text) in events {
            trial = trial.with_now(format!("2026-03-01T{time}Z").parse().unwrap());
            last = trial.feed(event(text));
            assert_eq!(last.failure, None, "{text}");
        }
        last
    }

    const A: &str = r#"{"classification.type": "scanner", "time.observation": "2026-03-01T00:00:00+00:00", "comment": "first"}"#;
    const B: &str = r#"{"classification.type": "scanner", "time.observation": "2026-03-01T00:30:00+00:00", "comment": "z"}"#;
    const OTHER: &str = r#"{"source.ip": "192.0.2.1", "time.observation": "2026-03-01T00:30:00+00:00"}"#;

    /// The keys and what is sent are IntelMQ 3.5.0's.
    #[test]
    fn the_first_event_is_sent_with_the_count_when_the_time_is_over() {
        let params = json!({"threshold": 2, "timespan": "1 hour"});
        let begun = feed(&params, &[("12:00:00.5", A)]);
        assert_eq!(begun.state[0].key, SCANNER.as_bytes());
        let same = feed(&params, &[("12:00:00.5", A), ("13:00:00.5", B)]);
        assert!(same.sent.is_empty() && same.dropped.len() == 1);
        let group: Group = serde_json::from_slice(same.state[0].value.as_deref().unwrap()).unwrap();
        assert_eq!(
            (group.c, &*group.f, &*group.l),
            (2, "2026-03-01T00:00:00+00:00", "2026-03-01T00:30:00+00:00")
        );

        let over =
            feed(&params, &[("12:00:00.5", A), ("12:30:00", A), ("12:40:00", B), ("13:00:01.5", OTHER)]);
        let sent = event(
            r#"{"classification.type": "scanner", "comment": "first", "time.observation": "2026-03-01T00:00:00+00:00",
                "time.source": "2026-03-01T12:00:00.500000+00:00", "extra.count": 3, "extra.time_end": "2026-03-01T00:30:00+00:00"}"#,
        );
        assert_eq!(over.sent, [("_default".to_owned(), sent)]);
        let forgotten =
            over.state.iter().any(|write| write.key == SCANNER.as_bytes() && write.value.is_none());
        assert!(forgotten, "{:?}", over.state);

        let few = feed(&params, &[("12:00:00", A), ("14:00:00", OTHER)]);
        assert!(few.sent.is_empty() && few.log.len() == 1, "{few:?}");
    }

    #[test]
    fn each_group_ends_once_in_the_order_of_their_starts() {
        let params = json!({"threshold": 1, "timespan": "10 minutes", "fields": ["source.port"]});
        let port = |port: u16| {
            format!(
                r#"{{"source.port": {port}, "time.source": "2026-03-01T00:00:00+00:00", "extra.count": 2}}"#
            )
        };
        let (a, b, c) = (port(1), port(2), port(3));
        let events =
            [("12:00:00", &*a), ("12:01:00", &b), ("12:02:00", &c), ("12:03:00", &a), ("12:11:30", &a)];
        let ports = |outcome: &Outcome| -> Vec<_> {
            let number = |message: &Message, name| message.get(name).and_then(Value::as_int).unwrap();
            outcome
                .sent
                .iter()
                .map(|(_, message)| (number(message, "source.port"), number(message, "extra.count")))
                .collect()
        };
        let first = feed(&params, &events);
        assert_eq!(ports(&first), [(1, 4), (2, 2)]);
        // The event's own time stays; IntelMQ would try to add another for ever.
        assert_eq!(first.sent[0].1.text("time.source"), Some("2026-03-01T00:00:00+00:00"));
        let rest = feed(&params, &[&events[..], &[("13:00:00", &*b)]].concat());
        assert_eq!(ports(&rest), [(3, 2), (1, 2)]);
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let made = Trial::new(MODULE, &json!({"timespan": "x"}), &Idf::builtin());
        assert!(matches!(made.err(), Some(Failure::Configuration(_))));
        let mut trial = Trial::new(MODULE, &json!({}), &Idf::builtin()).unwrap();
        assert!(matches!(
            trial.feed(event(r#"{"source.ip": "192.0.2.1"}"#)).failure,
            Some(Failure::Other(_))
        ));
    }
}
