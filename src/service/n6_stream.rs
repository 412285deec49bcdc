//! n6's stream API: STOMP over TLS, with a login; and its other direction, events that somebody pushes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::cuts::Cuts;
use super::network::{Connection, Serve, Served, append_line};
use super::unacknowledged::Unacknowledged;
use super::{Feed, Kind, ServiceError, Setup, Trouble};
use crate::stomp::{Decoder, Frame, Item, Version, heart_beats};

pub(super) const KIND: Kind = Kind {
    name: "n6-stream",
    summary: "n6's stream API: STOMP 1.0 to 1.2 over TLS with login and passcode; what is pushed is written to out/ID.jsonl.",
    scheme: ["stomp", "stomp+ssl"],
    tls: true,
    publishes: true,
    options: &["login", "key", "organisation", "resource", "push", "heartbeat_ms", "tls"],
    faults: &["wrong_key", "slow", "cut_bytes", "cut_lines", "expired_certificate", "no_answer"],
    writes: &["ID.jsonl"],
    make,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Who may connect.
    login: String,
    /// Their API key, which is the passcode.
    key: String,
    /// The organisation's id in destinations.
    #[serde(default = "organisation")]
    organisation: String,
    /// The resource in destinations.
    #[serde(default = "resource")]
    resource: String,
    /// Where others may send to.
    #[serde(default = "push")]
    push: String,
    /// How often it is willing to send and wants to get a heartbeat.
    #[serde(default = "ten_seconds")]
    heartbeat_ms: u64,
    #[serde(default, rename = "tls")]
    _tls: bool,
}

fn organisation() -> String {
    "lab.example".to_owned()
}

fn resource() -> String {
    "inside".to_owned()
}

fn push() -> String {
    "/exchange/_push".to_owned()
}

fn ten_seconds() -> u64 {
    10_000
}

struct Broker {
    options: Options,
    /// Where what is pushed is written.
    pushed: PathBuf,
}

fn make(setup: &Setup) -> Result<Arc<dyn Serve>, ServiceError> {
    let options = setup.options()?;
    Ok(Arc::new(Broker { options, pushed: setup.out.join(format!("{}.jsonl", setup.id)) }))
}

impl Serve for Broker {
    fn serve(self: Arc<Self>, connection: Connection, feed: Arc<Feed>) -> Served {
        Box::pin(async move {
            let now = Instant::now();
            let cuts = Cuts::new(&feed, None);
            let unacknowledged = Unacknowledged::new(&feed);
            let session = Session {
                broker: self,
                connection,
                feed,
                decoder: Decoder::new(Version::V1_0),
                version: None,
                subscriptions: Vec::new(),
                cuts,
                unacknowledged,
                beats: (0, 0),
                heard: now,
                said: now,
                sent: 0,
            };
            session.run().await
        })
    }

    fn check_file(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let object =
            |line: &[u8]| line.is_empty() || matches!(serde_json::from_slice(line), Ok(Json::Object(_)));
        if lines.all(object) { Ok(()) } else { Err(format!("{name:?} is not one JSON object a line")) }
    }
}

struct Subscription {
    id: Option<String>,
    /// The parts of the routing key; `*` is any.
    pattern: Vec<String>,
    destination: String,
    /// Whether the client says when it has a message.
    acknowledges: bool,
}

struct Session {
    broker: Arc<Broker>,
    connection: Connection,
    feed: Arc<Feed>,
    decoder: Decoder,
    /// The version, once the client is let in.
    version: Option<Version>,
    subscriptions: Vec<Subscription>,
    cuts: Cuts,
    unacknowledged: Unacknowledged,
    /// How often the client and the server send something, in milliseconds; 0 is never.
    beats: (u64, u64),
    /// When something was received last.
    heard: Instant,
    /// When something was sent last.
    said: Instant,
    /// How many messages were sent.
    sent: u64,
}

/// How long a client may take to notice that it was cut off.
const FAREWELL: Duration = Duration::from_secs(5);

/// A moment that never comes.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Session {
    async fn run(mut self) -> io::Result<()> {
        let (mut watch, epoch) = (self.feed.watch(), self.feed.epoch());
        let open = self.feed.open_stream();
        let mut bytes = vec![0; 16 * 1024];
        loop {
            watch.mark_unchanged();
            if self.feed.epoch() != epoch || !self.deliver().await? {
                drop(open);
                return self.cut().await;
            }
            open.rests();
            let beat = |millis: u64| if millis == 0 { NEVER } else { Duration::from_millis(millis) };
            let (say, miss) = (self.said + beat(self.beats.1), self.heard + beat(self.beats.0) * 2);
            tokio::select! {
                biased;
                read = self.connection.read(&mut bytes) => {
                    let length = read?;
                    self.heard = Instant::now();
                    self.decoder.push(&bytes[..length]);
                    if length == 0 || !self.frames().await? {
                        return self.connection.shutdown().await;
                    }
                }
                changed = watch.changed() => if changed.is_err() { return Ok(()) },
                () = tokio::time::sleep_until(say) => self.write(b"\n").await?,
                () = tokio::time::sleep_until(miss) => return Ok(()),
            }
        }
    }

    /// Ends the connection from this side. What the client did not acknowledge before is for the next one; it can read to the
    /// end what was sent, and what it still says is not heard.
    async fn cut(mut self) -> io::Result<()> {
        self.unacknowledged.give_back();
        self.connection.shutdown().await?;
        let mut ignored = vec![0; 16 * 1024];
        let gone = async { while self.connection.read(&mut ignored).await.is_ok_and(|length| length > 0) {} };
        // A close with something unread would be a reset, and take away what the client has not read yet.
        let _ = tokio::time::timeout(FAREWELL, gone).await;
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.said = Instant::now();
        self.connection.write_all(bytes).await?;
        self.connection.flush().await
    }

    async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.write(&frame.encode(self.version.unwrap_or_default())).await
    }

    /// Says what is wrong; the connection ends with it. Returns that it does not go on.
    async fn refuse(&mut self, message: &str, body: &str) -> io::Result<bool> {
        let frame = Frame::new("ERROR").with("message", message).with("content-type", "text/plain");
        self.send(&frame.with_body(format!("{body}\n"))).await?;
        Ok(false)
    }

    /// Handles the frames that have arrived; tells whether the connection goes on.
    async fn frames(&mut self) -> io::Result<bool> {
        loop {
            match self.decoder.next_item() {
                Ok(None) => return Ok(true),
                Ok(Some(Item::HeartBeat)) => {}
                Ok(Some(Item::Frame(frame))) => {
                    if !self.frame(&frame).await? {
                        return Ok(false);
                    }
                }
                Err(error) => return self.refuse("Bad frame", &error.to_string()).await,
            }
        }
    }

    async fn frame(&mut self, frame: &Frame) -> io::Result<bool> {
        match frame.command.as_str() {
            "CONNECT" | "STOMP" => return self.connect(frame).await,
            _ if self.version.is_none() => {
                return self.refuse("Not connected", "the first frame is CONNECT").await;
            }
            "SUBSCRIBE" => {
                if let Err(problem) = self.subscribe(frame) {
                    return self.refuse("Bad SUBSCRIBE", &problem).await;
                }
            }
            "UNSUBSCRIBE" => {
                let id = frame.header("id");
                self.subscriptions.retain(|one| one.id.as_deref() != id);
            }
            "SEND" => {
                let destination = frame.header("destination").unwrap_or_default();
                if destination != self.broker.options.push {
                    let problem = format!("nobody may send to {destination:?}");
                    return self.refuse("Access refused", &problem).await;
                }
                self.feed.count_request();
                append_line(&self.broker.pushed, &line_of(&frame.body))?;
            }
            "ACK" | "NACK" => {
                let id = frame.header("id").or(frame.header("message-id")).unwrap_or_default();
                self.unacknowledged.acknowledge(id);
            }
            "BEGIN" | "COMMIT" | "ABORT" | "DISCONNECT" => {}
            other => return self.refuse("Unknown command", other).await,
        }
        if let Some(receipt) = frame.header("receipt") {
            self.send(&Frame::new("RECEIPT").with("receipt-id", receipt)).await?;
        }
        Ok(frame.command != "DISCONNECT")
    }

    async fn connect(&mut self, frame: &Frame) -> io::Result<bool> {
        self.feed.count_request();
        let Some(version) = Version::best(frame.header("accept-version")) else {
            return self.refuse("Version mismatch", "supported versions are 1.0,1.1,1.2").await;
        };
        let Options { login, key, heartbeat_ms, .. } = self.broker.options.clone();
        let wrong = self.feed.trouble("", |trouble| *trouble == Trouble::WrongKey).is_some();
        let shown = (frame.header("login"), frame.header("passcode"));
        if wrong || shown != (Some(&login), Some(&key)) {
            let name = shown.0.unwrap_or_default();
            return self.refuse("Bad CONNECT", &format!("Access refused for user '{name}'")).await;
        }
        let offer = format!("{heartbeat_ms},{heartbeat_ms}");
        self.beats = match heart_beats(frame.header("heart-beat"), Some(&offer)) {
            Ok(beats) if version > Version::V1_0 => beats,
            Ok(_) => (0, 0),
            Err(error) => return self.refuse("Bad CONNECT", &error.to_string()).await,
        };
        let mut connected = Frame::new("CONNECTED").with("server", "intelmq-lab");
        connected = connected.with("session", format!("session-{}", self.feed.requests()));
        if version > Version::V1_0 {
            connected = connected.with("heart-beat", offer).with("version", version.name());
        }
        self.send(&connected).await?;
        self.decoder.set_version(version);
        self.version = Some(version);
        Ok(true)
    }

    fn subscribe(&mut self, frame: &Frame) -> Result<(), String> {
        let destination = frame.header("destination").unwrap_or_default();
        let parts: Vec<&str> = destination.split('/').collect();
        let organisation = &self.broker.options.organisation;
        let ["", "exchange", own, key] = parts.as_slice() else {
            return Err(format!(
                "{destination:?} is no destination; it is like /exchange/{organisation}/*.*.*.*"
            ));
        };
        if own != organisation {
            return Err(format!("there is no exchange {own:?} for this user"));
        }
        let pattern: Vec<String> = key.split('.').map(str::to_owned).collect();
        if pattern.len() != 4 {
            return Err(format!("{key:?} is not like resource.category.provider.channel"));
        }
        self.subscriptions.push(Subscription {
            id: frame.header("id").map(str::to_owned),
            pattern,
            destination: destination.to_owned(),
            acknowledges: frame.header("ack").is_some_and(|mode| mode != "auto"),
        });
        Ok(())
    }

    /// Sends what was published and is subscribed to; tells whether the connection goes on.
    async fn deliver(&mut self) -> io::Result<bool> {
        if self.version.is_none() {
            return Ok(true);
        }
        self.cuts.look(&self.feed, "");
        let feed = Arc::clone(&self.feed);
        for index in 0..self.subscriptions.len() {
            let Subscription { id, pattern, destination, acknowledges } = &self.subscriptions[index];
            let acknowledges = *acknowledges;
            let (id, pattern, destination) = (id.clone(), pattern.clone(), destination.clone());
            let resource = self.broker.options.resource.clone();
            let fits = |line: &[u8]| fits(&pattern, &routing_key(&resource, line));
            while let Some((number, line)) = feed.next_line(&destination, fits) {
                let frame = self.message(id.as_deref(), &routing_key(&resource, &line), &line);
                if let Some(wait) = self.cuts.wait {
                    tokio::time::sleep(wait).await;
                }
                let bytes = frame.encode(self.version.unwrap_or_default());
                let part = self.cuts.part(bytes.len());
                let written = self.write(&bytes[..part]).await;
                if written.is_err() || part < bytes.len() {
                    // What the client did not get whole is for the next one.
                    feed.give_back(&destination, number);
                    return written.map(|()| false);
                }
                if let (true, Some(mark)) = (acknowledges, frame.header("message-id")) {
                    self.unacknowledged.add(mark.to_owned(), &destination, number);
                }
                if self.cuts.over() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn message(&mut self, id: Option<&str>, key: &str, line: &[u8]) -> Frame {
        self.sent += 1;
        let mark = format!("T_{}@@session@@{}", id.unwrap_or("0"), self.sent);
        let mut frame = Frame::new("MESSAGE")
            .with("destination", format!("/exchange/clients/{key}"))
            .with("message-id", mark.clone())
            .with("n6-client-id", self.broker.options.organisation.clone())
            .with("persistent", "1");
        if let Some(id) = id {
            frame = frame.with("subscription", id);
        }
        if self.version == Some(Version::V1_2) {
            frame = frame.with("ack", mark);
        }
        frame.with_body(line)
    }
}

/// Returns what a message is routed by: resource, category, provider and channel.
fn routing_key(resource: &str, line: &[u8]) -> String {
    let event: Json = serde_json::from_slice(line).unwrap_or_default();
    let text = |key: &str| event.get(key).and_then(Json::as_str).unwrap_or("unknown").to_owned();
    let source = text("source");
    let source = if source.contains('.') { source } else { format!("{source}.unknown") };
    format!("{resource}.{}.{source}", text("category"))
}

fn fits(pattern: &[String], key: &str) -> bool {
    let parts: Vec<&str> = key.splitn(4, '.').collect();
    parts.len() == pattern.len()
        && pattern.iter().zip(&parts).all(|(wanted, part)| wanted == "*" || wanted == part)
}

/// Makes one line of what was pushed: the JSON object that it is, or its text.
fn line_of(body: &[u8]) -> Json {
    match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => Json::Object(object),
        _ => json!({ "body": String::from_utf8_lossy(body) }),
    }
}
