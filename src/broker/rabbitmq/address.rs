//! Where the server is, and how it is used.

use std::fmt;
use std::path::PathBuf;

use super::BrokerError;

/// How queues are kept by the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum QueueKind {
    /// On one server, as IntelMQ makes them.
    #[default]
    Classic,
    /// On a majority of a cluster's servers.
    Quorum,
}

/// Where the server is, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) vhost: String,
    /// Whether the connection is encrypted.
    pub(super) tls: bool,
    /// A PEM file with the authorities that are believed beside the system's.
    pub(super) authorities: Option<PathBuf>,
    /// Where messages are sent, with the queue's name as routing key; then queues are not made, but must be there.
    pub(super) exchange: String,
    /// How queues are made.
    pub(super) kind: QueueKind,
    /// What stands before the names of queues on the server.
    pub(super) prefix: String,
    /// How many messages the server sends ahead at most.
    pub(super) prefetch: u16,
    /// Where its management plugin listens on the same host.
    pub(super) management: u16,
}

impl Address {
    /// Reads the authorities that are believed beside the system's.
    pub(super) fn authorities(&self) -> Result<Option<String>, BrokerError> {
        let Some(path) = &self.authorities else { return Ok(None) };
        let text = std::fs::read_to_string(path);
        text.map(Some).map_err(|error| BrokerError::Refused {
            broker: self.to_string(),
            problem: format!("{}: {error}; name a readable PEM file", path.display()),
        })
    }
}

/// Shows where the server is, without what is secret.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RabbitMQ at {}:{}", self.host, self.port)
    }
}
