//! Removes what a lab leaves on a server that it shares with others: everything whose name begins with the lab's prefix.

use redis::{Connection, RedisError};

use super::scan;
use super::server::escaped;
use super::shared::Shared;
use crate::broker::BrokerError;

/// How many keys one command removes.
const CHUNK: usize = 1000;

/// Removes queues, what is kept beside them, and statistics.
pub(super) fn erase(shared: &Shared, prefix: &str) -> Result<(), BrokerError> {
    let server = &shared.server;
    let is_queue =
        |key: &[u8]| key.starts_with(prefix.as_bytes()) && !key.starts_with(server.base.as_bytes());
    let is_beside = |key: &[u8]| {
        let Some(rest) = key.strip_prefix(server.base.as_bytes()) else { return false };
        let starts = |kind: &str, name: &str| {
            rest.strip_prefix(kind.as_bytes()).is_some_and(|rest| rest.starts_with(name.as_bytes()))
        };
        let link = rest.strip_prefix(b"link:").and_then(|rest| rest.splitn(2, |byte| *byte == b':').nth(1));
        starts("bot:", &escaped(prefix))
            || starts("owners:", prefix)
            || starts("links:", prefix)
            || link.is_some_and(|queue| queue.starts_with(prefix.as_bytes()))
    };
    // A connection of its own, as it goes from database to database.
    let mut session = server.connect("intelmq-lab")?;
    let connection = &mut session.connection;
    let mut all = || {
        remove(connection, server.queues, Some("list"), &is_queue)?;
        remove(connection, server.beside, None, &is_beside)?;
        // Statistics say no botnet's name; without a prefix they may be of others.
        if prefix.is_empty() {
            return Ok(());
        }
        remove(connection, server.statistics, Some("string"), &is_queue)
    };
    all().map_err(|error| server.trouble(&error))
}

fn remove(
    connection: &mut Connection,
    database: i64,
    kind: Option<&str>,
    goes: &dyn Fn(&[u8]) -> bool,
) -> Result<(), RedisError> {
    let () = redis::cmd("SELECT").arg(database).query(connection)?;
    let keys: Vec<Vec<u8>> = scan(connection, kind)?.into_iter().filter(|key| goes(key)).collect();
    for keys in keys.chunks(CHUNK) {
        let () = redis::cmd("UNLINK").arg(keys).query(connection)?;
    }
    Ok(())
}
