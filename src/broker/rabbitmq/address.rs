//! Where the server is, and how it is used: `amqp://user:password@host:port/vhost?option=value`.

use std::fmt;
use std::path::PathBuf;

use super::{BrokerError, Url};

/// The port without and with TLS.
const PORTS: [u16; 2] = [5672, 5671];
/// Who comes in at a server as it is installed, from the same machine.
const GUEST: &str = "guest";
/// How many messages are sent ahead, unless an option says otherwise: two batches.
const PREFETCH: u16 = 1000;
/// Where the management plugin listens, unless an option says otherwise.
const MANAGEMENT: u16 = 15672;

/// The options of an address.
pub(super) const OPTIONS: &[&str] = &["exchange", "queues", "prefix", "prefetch", "management", "ca"];

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
    /// The servers of a cluster; the first that answers is taken.
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) vhost: String,
    /// Whether the connection is encrypted.
    pub(super) tls: bool,
    /// A PEM file with the authorities that are believed beside the system's.
    pub(super) ca: Option<PathBuf>,
    /// Where messages are sent, with the queue's name as routing key; then queues are not made, but must be there.
    pub(super) exchange: String,
    /// How queues are made.
    pub(super) queues: QueueKind,
    /// What stands before the names of queues on the server.
    pub(super) prefix: String,
    /// How many messages the server sends ahead at most.
    pub(super) prefetch: u16,
    /// Where its management plugin listens on the first host; 0 if it is not asked.
    pub(super) management: u16,
}

impl Address {
    /// Reads an address.
    pub(super) fn of_url(url: &Url) -> Result<Address, BrokerError> {
        let wrong = |problem: String| BrokerError::Refused { broker: url.to_string(), problem };
        if let Some(name) = url.options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
            return Err(wrong(format!("there is no option {name:?}; there are {}", OPTIONS.join(", "))));
        }
        let number = |name: &str, usual: u16| match url.option(name) {
            Some(text) => text.parse().map_err(|_| wrong(format!("{name}={text} is no number up to 65535"))),
            None => Ok(usual),
        };
        let tls = url.scheme == "amqps";
        let host =
            |(host, port): &(String, Option<u16>)| (host.clone(), port.unwrap_or(PORTS[usize::from(tls)]));
        let hosts: Vec<_> = url.hosts.iter().map(host).collect();
        if hosts.is_empty() {
            return Err(wrong("it names no host".to_owned()));
        }
        let queues = match url.option("queues") {
            None | Some("classic") => QueueKind::Classic,
            Some("quorum") => QueueKind::Quorum,
            Some(other) => return Err(wrong(format!("queues={other} is neither classic nor quorum"))),
        };
        let vhost = url.path.strip_prefix('/').filter(|vhost| !vhost.is_empty());
        let text = |name: &str| url.option(name).unwrap_or_default().to_owned();
        let login = |text: &Option<String>| text.clone().unwrap_or_else(|| GUEST.to_owned());
        Ok(Address {
            hosts,
            user: login(&url.user),
            password: login(&url.password),
            vhost: vhost.unwrap_or("/").to_owned(),
            tls,
            ca: url.option("ca").map(PathBuf::from),
            exchange: text("exchange"),
            queues,
            prefix: text("prefix"),
            prefetch: number("prefetch", PREFETCH)?.max(1),
            management: number("management", MANAGEMENT)?,
        })
    }

    /// Reads the authorities that are believed beside the system's.
    pub(super) fn authorities(&self) -> Result<Option<String>, BrokerError> {
        let Some(path) = &self.ca else { return Ok(None) };
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
        let hosts = self.hosts.iter().map(|(host, port)| format!("{host}:{port}"));
        write!(f, "RabbitMQ at {}", hosts.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Address, BrokerError> {
        Address::of_url(&Url::parse(text).unwrap())
    }

    #[test]
    fn an_address_says_where_and_how() {
        let plain = read("amqp://127.0.0.1").unwrap();
        assert_eq!(plain.hosts, [("127.0.0.1".to_owned(), 5672)]);
        assert_eq!(
            (&*plain.user, &*plain.password, &*plain.vhost, plain.tls, plain.prefetch, plain.management),
            ("guest", "guest", "/", false, 1000, 15672)
        );
        let full = "amqps://lab:p%2Fw@one,two:5000/a%2Fb?exchange=x&queues=quorum&prefix=p.&prefetch=7&management=0&ca=ca.pem";
        let full = read(full).unwrap();
        assert_eq!(full.to_string(), "RabbitMQ at one:5671,two:5000");
        assert_eq!((&*full.user, &*full.password, &*full.vhost, full.tls), ("lab", "p/w", "a/b", true));
        assert_eq!((&*full.exchange, full.queues, &*full.prefix), ("x", QueueKind::Quorum, "p."));
        assert_eq!((full.prefetch, full.management, full.ca), (7, 0, Some("ca.pem".into())));
        for (text, vhost) in [("amqp://h/", "/"), ("amqp://h/%2F", "/"), ("amqp://h/lab", "lab")] {
            assert_eq!(read(text).unwrap().vhost, vhost);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, problem) in [
            ("amqp://h?exchnage=x", r#"there is no option "exchnage""#),
            ("amqp://h?queues=stream", "queues=stream is neither classic nor quorum"),
            ("amqp://h?prefetch=many", "prefetch=many is no number"),
            ("amqp:///vhost", "it names no host"),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                matches!(error, BrokerError::Refused { .. }) && error.to_string().contains(problem),
                "{error}"
            );
        }
    }
}
