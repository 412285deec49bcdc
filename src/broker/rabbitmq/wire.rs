//! A connection to the server: made when it is needed, and made anew when it was lost.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::ShortString;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::address::Address;
use super::wait::{answer, deadline};
use super::{BrokerError, lock};

/// How long the server has for an answer; a message larger than it can store in that time cannot be sent.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);
/// How often each side shows that it is there, in seconds; as IntelMQ has it.
const HEARTBEAT: u16 = 10;

/// The thread in which the client library looks at sockets and clocks.
pub(super) struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts it.
    pub(super) fn start() -> std::io::Result<Engine> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("rabbitmq".to_owned()).spawn(move || {
            // It ends when the sender is dropped, too.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Engine { handle, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One connection.
///
/// There are two: the server stops reading from one that publishes when it is short of memory or disk, and what it has to be
/// told of finished messages must not wait behind that.
pub(super) struct Wire {
    address: Arc<Address>,
    engine: Arc<Engine>,
    /// What the server's lists call it.
    name: String,
    connection: Mutex<Option<Connection>>,
}

impl Wire {
    /// Makes a connection that is not there yet.
    pub(super) fn new(address: Arc<Address>, engine: Arc<Engine>, name: &str) -> Wire {
        Wire { address, engine, name: format!("intelmq-lab {name}"), connection: Mutex::default() }
    }

    /// Opens a channel, on a new connection if need be.
    pub(super) fn channel(&self) -> Result<Channel, BrokerError> {
        let mut connection = lock(&self.connection);
        if let Some(there) = &*connection {
            match answer(there.create_channel(), deadline(ANSWER)) {
                Some(Ok(channel)) if there.status().connected() => return Ok(channel),
                _ => *connection = None,
            }
        }
        let fresh = self.connect()?;
        let channel = self.ask(fresh.create_channel())?;
        *connection = Some(fresh);
        Ok(channel)
    }

    fn connect(&self) -> Result<Connection, BrokerError> {
        let mut failure = None;
        for (host, port) in &self.address.hosts {
            match self.connect_to(host, *port) {
                Ok(connection) => return Ok(connection),
                // The next server of a cluster says the same.
                Err(error @ BrokerError::Refused { .. }) => return Err(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| self.unavailable("it has no host")))
    }

    fn connect_to(&self, host: &str, port: u16) -> Result<Connection, BrokerError> {
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.address.authorities()? };
        let properties = ConnectionProperties::default().with_connection_name(self.name.clone().into());
        let _inside = self.engine.handle.enter();
        let connecting = async {
            let runtime = lapin::runtime::default_runtime()?;
            Connection::connect_uri_with_config(self.uri(host, port), properties, tls, runtime).await
        };
        match answer(connecting, deadline(CONNECT)) {
            Some(Ok(connection)) => Ok(connection),
            Some(Err(error)) => Err(self.trouble(&error)),
            None => Err(self.unavailable("it does not answer")),
        }
    }

    fn uri(&self, host: &str, port: u16) -> AMQPUri {
        let Address { user, password, vhost, tls, .. } = &*self.address;
        AMQPUri {
            scheme: if *tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo { username: user.clone(), password: password.clone() },
                host: host.to_owned(),
                port,
            },
            vhost: vhost.clone(),
            query: AMQPQueryString {
                heartbeat: Some(HEARTBEAT),
                connection_timeout: u64::try_from(CONNECT.as_millis()).ok(),
                ..AMQPQueryString::default()
            },
        }
    }

    /// Tells whether the server does not read what is published now.
    pub(super) fn is_blocked(&self) -> bool {
        lock(&self.connection).as_ref().is_some_and(|connection| connection.status().blocked())
    }

    /// Waits for the server's answer.
    pub(super) fn ask<T>(&self, question: impl Future<Output = lapin::Result<T>>) -> Result<T, BrokerError> {
        match answer(question, deadline(ANSWER)) {
            Some(answer) => answer.map_err(|error| self.trouble(&error)),
            None => Err(self.unavailable("it does not answer")),
        }
    }

    /// Makes a complaint of an error of the client library.
    pub(super) fn trouble(&self, error: &lapin::Error) -> BrokerError {
        let Address { user, vhost, .. } = &*self.address;
        let ErrorKind::ProtocolError(amqp) = error.kind() else { return self.unavailable(error) };
        let said = amqp.get_message();
        match amqp.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if said.as_str().contains("Login") => self
                .refused(format!("it does not let the user {user:?} in; check user name and password ({said})")),
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => self.refused(format!(
                "the user {user:?} may not do that in the virtual host {vhost:?}; give it the permissions ({said})"
            )),
            AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND | AMQPSoftError::PRECONDITIONFAILED) => {
                self.refused(said.to_string())
            }
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => self.refused(format!(
                "the user {user:?} may not use the virtual host {vhost:?}, or there is none; make it, or name another ({said})"
            )),
            _ => self.unavailable(said),
        }
    }

    /// Makes an error that may go away by itself.
    pub(super) fn unavailable(&self, problem: impl fmt::Display) -> BrokerError {
        BrokerError::Unavailable { broker: self.address.to_string(), problem: problem.to_string() }
    }

    /// Makes an error that will not go away by itself.
    pub(super) fn refused(&self, problem: String) -> BrokerError {
        BrokerError::Refused { broker: self.address.to_string(), problem }
    }

    /// Names a queue as the server knows it.
    pub(super) fn queue(&self, queue: &str) -> Result<ShortString, BrokerError> {
        let name = format!("{}{queue}", self.address.prefix);
        if name.starts_with("amq.") {
            return Err(
                self.refused(format!("names that begin with `amq.`, such as {name:?}, are the server's own"))
            );
        }
        let length = name.len();
        ShortString::try_new(name)
            .map_err(|_| self.refused(format!("the name of a queue has {length} bytes, the longest has 255")))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(connection) = connection.filter(|connection| connection.status().connected()) {
            let _ = answer(connection.close(200, "done".into()), deadline(GOODBYE));
        }
    }
}

/// Tells whether the server says that a queue or an exchange is not there.
pub(super) fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp)
        if *amqp.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND))
}

/// Tells whether the server says that a queue is there with other properties.
pub(super) fn is_other(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp)
        if *amqp.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED))
}
