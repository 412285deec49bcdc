//! Drops events that were seen before: an event is known by a hash of its fields, remembered for a while.

use std::time::Duration;

use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Filter, Message};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The deduplicator.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.deduplicator.expert",
        kind: Kind::Expert,
        summary: "Drops events that were seen before, as a hash over chosen fields tells.",
        params: &[
            Param::new(
                "filter_keys",
                ParamKind::List,
                "\"raw,time.observation\"",
                "Fields that filter_type is about, by their exact names; `extra` does not stand for `extra.x`. \
                 IntelMQ 3.5 does not start without it; here the documented default holds.",
            ),
            Param::new(
                "filter_type",
                ParamKind::Choice(&["blacklist", "whitelist"]),
                "\"blacklist\"",
                "`blacklist`: all fields but filter_keys make an event the same; `whitelist`: only filter_keys do. \
                 time.observation never counts.",
            ),
            Param::new("bypass", ParamKind::Bool, "false", "Lets every event pass and remembers none."),
            Param::new("redis_cache_db", ParamKind::Int, "6", "Redis database, if redis_cache_host is set."),
            Param::new(
                "redis_cache_ttl",
                ParamKind::Int,
                "86400",
                "Seconds that an event is remembered after it was first seen; 0 is for ever.",
            ),
        ],
        stateful: true,
        paths: &[],
    },
    make,
};

/// What IntelMQ stores under the hash.
const SEEN: &[u8] = b"hash";

struct Deduplicator {
    filter: Filter,
    ttl: Option<Duration>,
    bypass: bool,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let filter = chosen_fields(params)?;
    let ttl = params.int("redis_cache_ttl")?.unwrap_or(86400);
    let ttl = u64::try_from(ttl).map_err(|_| {
        Failure::Configuration(format!("parameter \"redis_cache_ttl\": must be 0 or more, not {ttl}"))
    })?;
    let ttl = (ttl > 0).then(|| Duration::from_secs(ttl));
    Ok(Bot::Expert(Box::new(Deduplicator { filter, ttl, bypass: params.flag("bypass") })))
}

/// Reads filter_keys and filter_type.
pub(super) fn chosen_fields(params: &Params) -> Result<Filter, Failure> {
    let keys = match params.list("filter_keys", true)? {
        Some(keys) => keys,
        None => vec!["raw".to_owned(), "time.observation".to_owned()],
    };
    match params.text("filter_type")?.as_deref() {
        None | Some("blacklist") => Ok(Filter::blacklist(keys)),
        Some("whitelist") => Ok(Filter::whitelist(keys)),
        Some(other) => Err(Failure::Configuration(format!(
            "parameter \"filter_type\": must be \"blacklist\" or \"whitelist\", not {other:?}"
        ))),
    }
}

impl Expert for Deduplicator {
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure> {
        if self.bypass {
            return context.send(event);
        }
        let hash = event.hash_hex(&self.filter).into_bytes();
        if context.recall(&hash)?.is_some() {
            context.drop_message("seen before");
            return Ok(());
        }
        context.remember(hash, SEEN, self.ttl);
        context.send(event)
    }

    fn key(&self, event: &Message) -> Option<Vec<u8>> {
        (!self.bypass).then(|| event.hash_hex(&self.filter).into_bytes())
    }
}
