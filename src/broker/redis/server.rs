//! The server: where it is, how it is connected to, and what its errors mean.

use std::path::PathBuf;
use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, Connection, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, TlsCertificates,
};

use crate::broker::{BrokerError, RedisCache, Url};
use crate::tls;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where things are kept beside the queues, so that they are not taken for queues.
const BESIDE: i64 = 4;
/// Where IntelMQ's bots write how much they have done.
const STATISTICS: i64 = 3;
/// The first version that moves messages from the end of one list to the beginning of another.
const OLDEST: (u32, u32) = (6, 2);
/// The database that IntelMQ has its queues in.
const QUEUES: i64 = 2;
const PORT: u16 = 6379;

/// A server, and the databases in it.
pub(super) struct Server {
    name: String,
    client: Client,
    /// The same, for the database of statistics.
    reporting: Client,
    patience: Duration,
    /// The number of the database with the queues.
    pub(super) queues: i64,
    /// The number of the database with what is kept beside them.
    pub(super) beside: i64,
    /// The number of the database with statistics.
    pub(super) statistics: i64,
    /// What keys beside the queues begin with.
    pub(super) base: String,
}

/// A connection that was looked at.
pub(super) struct Session {
    pub(super) connection: Connection,
    /// Its number at the server.
    pub(super) number: i64,
    /// The run of the server that it belongs to.
    pub(super) run: String,
    /// Whether one may wake other connections.
    pub(super) wakes: bool,
}

impl Server {
    /// Takes an address; nothing is sent yet.
    pub(super) fn new(url: &Url) -> Result<Self, BrokerError> {
        let refuse = |problem: String| BrokerError::Refused { broker: url.to_string(), problem };
        let queues = database(url).map_err(refuse)?;
        let number = |name: &str| url.option(name).map(str::parse::<u64>).transpose();
        let wrong = |name: &str| refuse(format!("the option `{name}` must be a whole number, zero or more"));
        let index = |name: &str, usual: i64| {
            let number = number(name).map_err(|_| wrong(name))?;
            Ok(number.map_or(usual, |number| i64::try_from(number).unwrap_or(i64::MAX)))
        };
        let (beside, statistics) = (index("state_db", BESIDE)?, index("statistics_db", STATISTICS)?);
        let patience = number("timeout").map_err(|_| wrong("timeout"))?.map(|seconds| seconds.max(1));
        Ok(Server {
            name: url.to_string(),
            client: client(url, queues).map_err(refuse)?,
            reporting: client(url, statistics).map_err(refuse)?,
            statistics,
            patience: patience.map_or(PATIENCE, Duration::from_secs),
            queues,
            beside,
            base: format!("intelmq-lab:{queues}:"),
        })
    }

    /// Connects; the server shows it under a name.
    pub(super) fn connect(&self, name: &str) -> Result<Session, BrokerError> {
        self.open(name).map_err(|error| self.trouble(&error)).and_then(|(session, version)| {
            if version < OLDEST {
                let problem = format!(
                    "the server is Redis {}.{}, and {}.{} or newer is needed",
                    version.0, version.1, OLDEST.0, OLDEST.1
                );
                return Err(BrokerError::Refused { broker: self.name.clone(), problem });
            }
            Ok(session)
        })
    }

    fn open(&self, name: &str) -> Result<(Session, (u32, u32)), RedisError> {
        tls::install();
        let mut connection = self.client.get_connection_with_timeout(CONNECT)?;
        connection.set_read_timeout(Some(self.patience))?;
        connection.set_write_timeout(Some(self.patience))?;
        let mut pipe = redis::pipe();
        pipe.cmd("CLIENT").arg("ID").cmd("INFO").arg("server");
        // Its database must be there before something is kept in it.
        pipe.cmd("SELECT").arg(self.beside).ignore().cmd("SELECT").arg(self.queues).ignore();
        let (number, about): (i64, String) = pipe.query(&mut connection)?;
        // What a server's administrator may forbid without harm.
        let name: String = name.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
        let _: Result<(), _> = redis::cmd("CLIENT").arg("SETNAME").arg(name).query(&mut connection);
        let woken: Result<i64, _> = redis::cmd("CLIENT").arg("UNBLOCK").arg(0).query(&mut connection);
        let field = |name: &str| {
            let mut lines = about.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default()
        };
        let mut version = field("redis_version").split('.').map(|part| part.parse().unwrap_or(0));
        let version = (version.next().unwrap_or(0), version.next().unwrap_or(0));
        let run = field("run_id").to_owned();
        Ok((Session { connection, number, run, wakes: woken.is_ok() }, version))
    }

    /// Returns the key of what a bot remembers, in the database beside the queues.
    pub(super) fn key(&self, bot: &str, key: &[u8]) -> Vec<u8> {
        [self.base.as_bytes(), b"bot:", escaped(bot).as_bytes(), b":", key].concat()
    }

    /// Returns where statistics are written.
    pub(super) fn statistics(&self) -> RedisCache {
        let name = format!("statistics on {}, database {}", self.name, self.statistics);
        RedisCache::of_client(name, self.reporting.clone())
    }

    /// Returns how long an answer may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Makes an error that trying again may heal.
    pub(super) fn unavailable(&self, problem: impl Into<String>) -> BrokerError {
        BrokerError::Unavailable { broker: self.name.clone(), problem: problem.into() }
    }

    /// Makes an error that trying again does not heal.
    pub(super) fn refused(&self, problem: impl Into<String>) -> BrokerError {
        BrokerError::Refused { broker: self.name.clone(), problem: problem.into() }
    }

    /// Says what an error means.
    pub(super) fn trouble(&self, error: &RedisError) -> BrokerError {
        let said = error.detail().map_or_else(|| error.to_string(), str::to_owned);
        match error.code().unwrap_or_default() {
            _ if error.kind() == ErrorKind::AuthenticationFailed => self.refused(wrong_password(&said)),
            "WRONGPASS" | "NOAUTH" => self.refused(wrong_password(&said)),
            "NOPERM" => self.refused(format!("the user may not do what is needed: {said}")),
            "NOTAQUEUE" => self.unavailable(format!("{said}; remove it, or rename the queue")),
            "OOM" => self.unavailable(
                "its memory is full (`maxmemory`); what is sent waits until there is room again".to_owned(),
            ),
            "MISCONF" => self.unavailable(format!("it cannot write to its disk, and takes nothing: {said}")),
            "LOADING" => self.unavailable("it still loads its data".to_owned()),
            "BUSY" => self.unavailable("it is busy with a script of somebody else's".to_owned()),
            "READONLY" => {
                self.unavailable("it is a replica, which takes nothing; name the primary".to_owned())
            }
            _ if said.contains("DB index is out of range") => self.refused(format!(
                "it has no database {} or no database {}; say which ones there are: \
                 redis://host/NUMBER?state_db=NUMBER",
                self.queues, self.beside
            )),
            _ => self.unavailable(error.to_string()),
        }
    }
}

/// Makes a bot's id a part of a key that ends where it ends.
pub(super) fn escaped(bot: &str) -> String {
    bot.replace('%', "%25").replace(':', "%3A")
}

fn wrong_password(said: &str) -> String {
    format!(
        "the server refuses the password ({said}); write the right one into the address, \
         redis://:PASSWORD@host:6379/2 or redis://USER:PASSWORD@host:6379/2"
    )
}

/// Tells whether an error is the server's answer, so that the connection goes on.
pub(super) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn database(url: &Url) -> Result<i64, String> {
    let socket = url.scheme == "redis+unix";
    let text = if socket { url.option("db").unwrap_or_default() } else { url.path.trim_matches('/') };
    if text.is_empty() {
        return Ok(QUEUES);
    }
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| format!("{text:?} is no number of a database"))
}

fn client(url: &Url, database: i64) -> Result<Client, String> {
    let (host, port) = url.host();
    let (host, port) = (host.to_owned(), port.unwrap_or(PORT));
    let secure = url.scheme == "rediss";
    let address = match url.scheme.as_str() {
        "redis+unix" if url.path.is_empty() => return Err("it names no socket".to_owned()),
        "redis+unix" => ConnectionAddr::Unix(PathBuf::from(&url.path)),
        _ if host.is_empty() => return Err("it names no host".to_owned()),
        "rediss" => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        _ => ConnectionAddr::Tcp(host, port),
    };
    let mut settings = RedisConnectionInfo::default().set_db(database).set_skip_set_lib_name();
    if let Some(user) = url.user.as_deref().or(url.option("user")) {
        settings = settings.set_username(user);
    }
    if let Some(password) = url.password.as_deref().or(url.option("pass")) {
        settings = settings.set_password(password);
    }
    let info = address.into_connection_info().map_err(|error| error.to_string())?;
    let info: ConnectionInfo = info.set_redis_settings(settings);
    let made = if secure { Client::build_with_tls(info, certificates(url)?) } else { Client::open(info) };
    made.map_err(|error| error.to_string())
}

/// Reads the certificates that an address names: `ca` for the server's, `cert` and `key` for our own.
fn certificates(url: &Url) -> Result<TlsCertificates, String> {
    let read = |name: &str| {
        let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
        url.option(name).map(read).transpose()
    };
    let client_tls = match (read("cert")?, read("key")?) {
        (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
        (None, None) => None,
        _ => return Err("the options `cert` and `key` go together".to_owned()),
    };
    Ok(TlsCertificates { client_tls, root_cert: read("ca")? })
}
