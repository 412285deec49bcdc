//! The memory of bots on a Redis server, with the keys and values of IntelMQ, so that both can share it.
//!
//! It stands apart from the queues: what a hop remembers is written after its commit, so a crash between the two may let a
//! duplicate pass but loses nothing.

use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError};

use super::BrokerError;

/// How long an answer may take, as in IntelMQ.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a cache is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheAddress {
    /// A host name, or the path of a UNIX socket.
    pub host: String,
    /// The port of a host.
    pub port: u16,
    /// The database.
    pub database: i64,
    /// The password, if it has one.
    pub password: Option<String>,
}

/// A connection to a cache, made when it is first used and again after it broke.
pub struct RedisCache {
    /// What messages call it.
    name: String,
    client: Result<Client, RedisError>,
    connection: Option<Connection>,
}

/// One thing to remember or to forget.
pub type CacheWrite = (Vec<u8>, Option<Vec<u8>>, Option<Duration>);

impl RedisCache {
    /// Names a cache; nothing is sent yet.
    pub fn new(address: &CacheAddress) -> Self {
        let CacheAddress { host, port, database, .. } = address;
        let name = format!("the bot's memory on Redis {host}:{port}, database {database}");
        RedisCache { name, client: client(address), connection: None }
    }

    /// Takes a client that knows where to go.
    pub(super) fn of_client(name: String, client: Client) -> Self {
        RedisCache { name, client: Ok(client), connection: None }
    }

    /// Returns what is remembered under a key.
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        self.ask(|connection| redis::cmd("GET").arg(key).query(connection))
    }

    /// Returns what is remembered under several keys, in one round trip.
    pub fn get_all(&mut self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BrokerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|connection| redis::cmd("MGET").arg(keys).query(connection))
    }

    /// Remembers and forgets, in one round trip.
    pub fn write(&mut self, writes: &[CacheWrite]) -> Result<(), BrokerError> {
        let mut pipe = redis::pipe();
        for (key, value, ttl) in writes {
            match value {
                Some(value) => pipe.cmd("SET").arg(key).arg(value).ignore(),
                None => pipe.cmd("DEL").arg(key).ignore(),
            };
            if let (Some(_), Some(ttl)) = (value, ttl) {
                pipe.cmd("EXPIRE").arg(key).arg(ttl.as_secs()).ignore();
            }
        }
        self.ask(|connection| pipe.query(connection))
    }

    fn ask<T>(
        &mut self,
        question: impl Fn(&mut Connection) -> Result<T, RedisError>,
    ) -> Result<T, BrokerError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|error| self.unavailable(&error))?,
        };
        let answer = question(&mut connection).map_err(|error| self.unavailable(&error))?;
        // A connection that failed is not used again.
        self.connection = Some(connection);
        Ok(answer)
    }

    fn connect(&self) -> Result<Connection, RedisError> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let connection = client.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    fn unavailable(&self, error: &RedisError) -> BrokerError {
        BrokerError::Unavailable { broker: self.name.clone(), problem: error.to_string() }
    }
}

fn client(address: &CacheAddress) -> Result<Client, RedisError> {
    let place = match address.host.strip_prefix("unix://").unwrap_or(&address.host) {
        path if path.starts_with('/') => ConnectionAddr::Unix(path.into()),
        host => ConnectionAddr::Tcp(host.to_owned(), address.port),
    };
    let mut settings = RedisConnectionInfo::default().set_db(address.database);
    if let Some(password) = &address.password {
        settings = settings.set_password(password);
    }
    Client::open(place.into_connection_info()?.set_redis_settings(settings))
}
