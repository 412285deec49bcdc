//! The generic parameters of a bot, read once. They are the runtime's, and work for every bot.

use std::time::Duration;

use super::log::parse_level;
use crate::bots::Level;
use crate::broker::CacheAddress;
use crate::pipeline::{ParamError, Params, Spec};

/// How one bot is run.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the runtime file")]
pub(super) struct Rules {
    /// The rest after each message, or after each round of a collector.
    pub(super) rate_limit: Duration,
    /// Whether the bot stops after the last retry instead of going on with the next message.
    pub(super) stop_on_error: bool,
    /// Retries after the first failure.
    pub(super) max_retries: u32,
    /// The rest before each retry.
    pub(super) retry_delay: Duration,
    /// Whether a message that is given up goes to the dump file.
    pub(super) dump: bool,
    /// Whether the message's content is logged when it fails.
    pub(super) log_message: bool,
    /// Whether the bot ends after one successful run.
    pub(super) scheduled: bool,
    /// Whether the queues of a path take turns instead of each getting a copy.
    pub(super) load_balance: bool,
    /// How many instances run.
    pub(super) instances: usize,
    /// The least important lines that are logged.
    pub(super) level: Level,
    /// Where the bot remembers, if not beside the queues.
    pub(super) cache: Option<CacheAddress>,
    /// How many messages the bot's own queue takes before senders wait.
    pub(super) queue_limit: u64,
}

impl Rules {
    /// Reads the generic parameters.
    pub(super) fn read(spec: &Spec, params: &Params) -> Result<Self, ParamError> {
        let retries = params.int("error_max_retries")?.unwrap_or(3);
        let level = params.text("logging_level")?.unwrap_or_else(|| "INFO".to_owned());
        Ok(Rules {
            rate_limit: params.seconds("rate_limit")?.unwrap_or_default(),
            stop_on_error: params.text("error_procedure")?.as_deref() == Some("stop"),
            max_retries: u32::try_from(retries).unwrap_or(0),
            retry_delay: params.seconds("error_retry_delay")?.unwrap_or(Duration::from_secs(15)),
            dump: params.get("error_dump_message").is_none() || params.flag("error_dump_message"),
            log_message: params.flag("error_log_message"),
            scheduled: params.text("run_mode")?.as_deref() == Some("scheduled"),
            load_balance: params.flag("load_balance"),
            instances: usize::try_from(params.int("instances_threads")?.unwrap_or(0)).unwrap_or(0).max(1),
            level: parse_level(&level).ok_or_else(|| ParamError {
                name: "logging_level".to_owned(),
                problem: format!("must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not {level}"),
            })?,
            cache: cache(spec, params)?,
            queue_limit: queue_limit(params)?,
        })
    }
}

/// Reads how many messages a bot's own queue takes.
pub(super) fn queue_limit(params: &Params) -> Result<u64, ParamError> {
    let limit = params.int("source_queue_limit")?.unwrap_or(100_000);
    Ok(u64::try_from(limit).unwrap_or(0).max(1))
}

/// Reads where a bot with a memory keeps it; only if a host is named that is Redis, else it is beside the queues.
fn cache(spec: &Spec, params: &Params) -> Result<Option<CacheAddress>, ParamError> {
    let has_memory = spec.params.iter().any(|param| param.name == "redis_cache_db");
    let Some(host) = params.text("redis_cache_host")?.filter(|_| has_memory) else { return Ok(None) };
    let port = params.int("redis_cache_port")?.unwrap_or(6379);
    Ok(Some(CacheAddress {
        host,
        port: u16::try_from(port).map_err(|_| ParamError {
            name: "redis_cache_port".to_owned(),
            problem: format!("must be a port, 0 to 65535, not {port}"),
        })?,
        database: params.int("redis_cache_db")?.unwrap_or(9),
        password: params.text("redis_cache_password")?,
    }))
}
