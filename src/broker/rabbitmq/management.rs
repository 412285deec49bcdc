//! What only the server's management plugin tells: how much other processes have in flight.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::address::Address;
use super::lock;

/// How long the plugin has for an answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How long it is left alone after it was not there.
const REST: Duration = Duration::from_secs(30);
/// How much of an answer is read.
const LONGEST: u64 = 1 << 20;

/// The management plugin, which may not be there.
pub(super) struct Management {
    address: Arc<Address>,
    /// When it was not there.
    missed: Mutex<Option<Instant>>,
}

impl Management {
    /// Knows where to ask.
    pub(super) fn new(address: Arc<Address>) -> Management {
        Management { address, missed: Mutex::default() }
    }

    /// Returns how many messages of a queue are received and not acknowledged, by anybody; `None` if it cannot be asked.
    ///
    /// The plugin counts now and then, every five seconds unless it is told otherwise.
    pub(super) fn unacknowledged(&self, queue: &impl ToString) -> Option<u64> {
        if self.address.management == 0 || lock(&self.missed).is_some_and(|at| at.elapsed() < REST) {
            return None;
        }
        let path = format!("/api/queues/{}/{}", encode(&self.address.vhost), encode(&queue.to_string()));
        let answer = self.get(&path);
        if answer.is_none() {
            *lock(&self.missed) = Some(Instant::now());
        }
        answer?.get("messages_unacknowledged")?.as_u64()
    }

    fn get(&self, path: &str) -> Option<Value> {
        let Address { hosts, management, user, password, .. } = &*self.address;
        let (host, _) = hosts.first()?;
        let place = (host.as_str(), *management).to_socket_addrs().ok()?.next()?;
        let mut socket = TcpStream::connect_timeout(&place, ANSWER).ok()?;
        socket.set_read_timeout(Some(ANSWER)).ok()?;
        socket.set_write_timeout(Some(ANSWER)).ok()?;
        let login = BASE64_STANDARD.encode(format!("{user}:{password}"));
        // HTTP/1.0: the answer ends with the connection, and is not cut into chunks.
        write!(socket, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic {login}\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        socket.take(LONGEST).read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, body) = (&answer[..end], &answer[end + 4..]);
        head.split(|byte| *byte == b' ').nth(1).filter(|status| *status == b"200")?;
        serde_json::from_slice(body).ok()
    }
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
