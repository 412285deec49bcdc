//! STOMP as bots speak it: a connection over TLS with login, heartbeats, and frames in both directions.

mod options;
#[cfg(test)]
pub(crate) mod peer;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

pub(crate) use self::options::{Options, PARAMS};
use super::Failure;
use crate::stomp::{Decoder, Frame, Item, Version, heart_beats};
use crate::tls;

/// How long one look for bytes lasts before heartbeats and the sender's wishes are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long a connection, and the answer to `CONNECT`, may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may take to say that it has read everything.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection that both sides agreed on.
pub(crate) struct Connection {
    stream: tls::Stream,
    decoder: Decoder,
    version: Version,
    /// How often something is sent at least.
    beat: Option<Duration>,
    /// How long the server may be silent.
    silence: Option<Duration>,
    sent: Instant,
    heard: Instant,
    /// How many receipts were asked for.
    receipts: u64,
    address: String,
}

impl Connection {
    /// Connects and logs in; a server that refuses is a failure with what it says.
    pub(crate) fn open(options: &Options) -> Result<Connection, Failure> {
        let address = format!("{}:{}", options.host, options.port);
        let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("{address}: {error}"));
        let config = tls::config(&options.trust, options.identity.as_ref())
            .map_err(|error| Failure::Configuration(error.to_string()))?;
        let socket = dial(options).map_err(|error| failed(&error))?;
        socket.set_read_timeout(Some(LOOK)).map_err(|error| failed(&error))?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(|error| failed(&error))?;
        let stream = tls::wrap(config, &options.host, socket).map_err(|error| failed(&error))?;
        let now = Instant::now();
        let mut connection = Connection {
            stream,
            decoder: Decoder::new(Version::default()),
            version: Version::default(),
            beat: None,
            silence: None,
            sent: now,
            heard: now,
            receipts: 0,
            address: address.clone(),
        };
        let beats = format!("{0},{0}", options.heartbeat);
        let mut connect = Frame::new("CONNECT")
            .with("accept-version", "1.0,1.1,1.2")
            .with("host", options.host.as_str())
            .with("heart-beat", beats.as_str());
        if let Some((login, passcode)) = &options.login {
            connect = connect.with("login", login.as_str()).with("passcode", passcode.as_str());
        }
        connection.send(&connect)?;
        let answer = connection.receive(now + PATIENCE)?;
        let answer = answer.ok_or_else(|| failed(&"the server does not answer to CONNECT"))?;
        if answer.command != "CONNECTED" {
            return Err(failed(&format!("{} came in place of CONNECTED", answer.command)));
        }
        let version = Version::of(answer.header("version"))
            .ok_or_else(|| failed(&"the server speaks no version of STOMP that is known"))?;
        connection.version = version;
        connection.decoder.set_version(version);
        let (client, server) =
            heart_beats(Some(&beats), answer.header("heart-beat")).map_err(|error| failed(&error))?;
        connection.beat = (client > 0).then(|| Duration::from_millis(client) * 2 / 3);
        connection.silence = (server > 0).then(|| Duration::from_millis(server) * 2);
        Ok(connection)
    }

    /// Returns the version that both sides agreed on.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, frame: &Frame) -> Result<(), Failure> {
        let bytes = frame.encode(self.version);
        self.write(&bytes)
    }

    /// Sends a frame and waits until the server says that it has it.
    pub(crate) fn deliver(&mut self, frame: Frame) -> Result<(), Failure> {
        self.receipts += 1;
        let receipt = self.receipts.to_string();
        self.send(&frame.with("receipt", receipt.as_str()))?;
        let until = Instant::now() + PATIENCE;
        while let Some(answer) = self.receive(until)? {
            if answer.command == "RECEIPT" && answer.header("receipt-id") == Some(receipt.as_str()) {
                return Ok(());
            }
        }
        Err(self.failed(&"the server does not say that it has the message"))
    }

    /// Tells whether the server has heard from this side as often as it was promised; else it may have hung up.
    pub(crate) fn is_fresh(&self) -> bool {
        self.beat.is_none_or(|beat| self.sent.elapsed() < beat)
    }

    /// Returns the next frame, or nothing if none came until the deadline, at most [`LOOK`] later than it.
    ///
    /// Heartbeats are sent and expected meanwhile. An `ERROR` frame is a failure with what it says.
    pub(crate) fn receive(&mut self, until: Instant) -> Result<Option<Frame>, Failure> {
        loop {
            while let Some(item) = self.decoder.next_item().map_err(|error| self.failed(&error))? {
                match item {
                    Item::Frame(frame) if frame.command == "ERROR" => return Err(self.refused(&frame)),
                    Item::Frame(frame) => return Ok(Some(frame)),
                    Item::HeartBeat => {}
                }
            }
            if self.beat.is_some_and(|beat| self.sent.elapsed() >= beat) {
                self.write(b"\n")?;
            }
            if self.silence.is_some_and(|silence| self.heard.elapsed() > silence) {
                return Err(self.failed(&"the server's heartbeat has stopped"));
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(self.failed(&"the server closed the connection")),
                Ok(length) => {
                    self.heard = Instant::now();
                    self.decoder.push(buffer.get(..length).unwrap_or_default());
                    continue;
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&tls::words(&error))),
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    /// Ends the connection in order, as far as the server lets it: what was sent before has been read when it is over.
    pub(crate) fn close(mut self) {
        let until = Instant::now() + FAREWELL;
        if self.send(&Frame::new("DISCONNECT").with("receipt", "bye")).is_ok() {
            // A close with messages unread would reset the connection, and acknowledgements on their way were lost.
            while let Ok(Some(frame)) = self.receive(until) {
                if frame.command == "RECEIPT" {
                    break;
                }
            }
        }
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
        written.map_err(|error| self.failed(&tls::words(&error)))?;
        self.sent = Instant::now();
        Ok(())
    }

    fn refused(&self, frame: &Frame) -> Failure {
        let body = String::from_utf8_lossy(&frame.body);
        let message = frame.header("message").unwrap_or_default();
        self.failed(&format!("the server says: {message} {}", body.trim()).trim_end())
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::Other(format!("{}: {error}", self.address))
    }
}

/// Connects to the first address of a host that answers.
fn dial(options: &Options) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in (options.host.as_str(), options.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
