//! Talks to the control service over its UNIX socket, or its loopback port.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{ClientBuilder, RequestBuilder, Response};
use serde::de::DeserializeOwned;

use super::address::SocketAddress;
use super::outside::cause;
use super::types::{
    Api, BotAction, BotnetAction, Changed, Complaint, Configuration, DumpEntry, JournalPage, LogPage,
    Problem, Requeue, Rows, Snapshot,
};
use crate::pipeline::Kind;
use crate::service::{Fault, ServiceStatus};
use crate::tls;

/// A connection to one botnet's control service.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    /// What stands before the paths of routes.
    base: String,
    /// What is shown with every request.
    token: Option<String>,
    /// Where it is, for people.
    place: String,
    /// Keeps a long path reachable.
    _address: Option<Arc<SocketAddress>>,
}

/// Why the control service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody answers there.
    #[error("the lab's control service at {place} does not answer: {cause}")]
    Unreachable {
        /// The socket, or the address.
        place: String,
        /// What the system said.
        cause: String,
    },
    /// It answered that it will not.
    #[error("{}", .0.title)]
    Refused(Problem),
    /// It answered with something that this version does not understand.
    #[error("the lab's control service gave an answer that cannot be read: {0}")]
    Garbled(String),
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The status.
    pub status: u16,
    /// Its type and version, as far as they are known.
    pub headers: Vec<(&'static str, String)>,
    /// What it holds.
    pub body: Vec<u8>,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

type Result<T> = std::result::Result<T, ControlError>;

impl Client {
    /// Makes a client for a socket; nothing is sent yet.
    pub fn new(socket: &Path) -> Result<Self> {
        Client::within(socket, PATIENCE)
    }

    /// The same with a limit to how long any answer may take.
    pub fn within(socket: &Path, limit: Duration) -> Result<Self> {
        let place = socket.display().to_string();
        let address = SocketAddress::new(socket)
            .map_err(|error| ControlError::Unreachable { place: place.clone(), cause: error.to_string() })?;
        let http = build(builder(limit).unix_socket(address.path().to_owned()))?;
        let (base, token) = ("http://lab/v1".to_owned(), None);
        Ok(Client { http, base, token, place, _address: Some(Arc::new(address)) })
    }

    /// Makes a client for a loopback port; nothing is sent yet.
    pub fn at(api: &Api) -> Result<Self> {
        let (base, token) = (format!("{}/v1", api.url), Some(api.token.clone()));
        Ok(Client { http: build(builder(PATIENCE))?, base, token, place: api.url.clone(), _address: None })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    fn put(&self, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path)
    }

    fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Returns everything that is to be seen of the botnet.
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.json(self.get("botnet"))
    }

    /// Waits until something was committed after `activity`, or `wait` is over, and returns the snapshot.
    pub fn snapshot_after(&self, activity: u64, wait: Duration) -> Result<Snapshot> {
        let query = [("after", activity.to_string()), ("wait_ms", wait.as_millis().to_string())];
        self.json(self.get("botnet").query(&query))
    }

    /// Does something to one bot and returns once it is done.
    pub fn act(&self, bot: &str, action: BotAction) -> Result<Snapshot> {
        let action = format!("{action:?}").to_lowercase();
        self.json(self.post(&format!("bots/{}/{action}", escape(bot))))
    }

    /// Does something to all bots, or to those of a group, and returns once it is done.
    pub fn act_all(&self, action: BotnetAction, group: Option<Kind>) -> Result<Snapshot> {
        let action = format!("{action:?}").to_lowercase();
        let group: Vec<(&str, &str)> = group.map(|kind| ("group", kind.group())).into_iter().collect();
        self.json(self.post(&format!("botnet/{action}")).query(&group))
    }

    /// Makes every resting collector begin its next round now.
    pub fn run_collectors(&self) -> Result<Snapshot> {
        self.json(self.post("botnet/run"))
    }

    /// Ends the botnet and its supervisor after the messages in hand.
    pub fn shut_down(&self) -> Result<()> {
        self.send(self.post("botnet/shutdown")).map(drop)
    }

    /// Returns the oldest messages of a queue, as their wire text.
    pub fn peek(&self, queue: &str, max: usize) -> Result<Vec<String>> {
        let path = format!("queues/{}/messages", escape(queue));
        self.json(self.get(&path).query(&[("max", max.to_string())]))
    }

    /// Puts messages (wire text) into a queue.
    pub fn inject(&self, queue: &str, messages: &[String]) -> Result<Changed> {
        let path = format!("queues/{}/messages", escape(queue));
        self.json(self.post(&path).json(messages))
    }

    /// Removes the waiting messages of a queue.
    pub fn clear(&self, queue: &str) -> Result<Changed> {
        self.json(self.delete(&format!("queues/{}/messages", escape(queue))))
    }

    /// Returns the dumped messages of a bot, oldest first.
    pub fn dump(&self, bot: &str) -> Result<Vec<DumpEntry>> {
        self.json(self.get(&format!("bots/{}/dump", escape(bot))))
    }

    /// Puts dumped messages back into a queue.
    pub fn requeue(&self, bot: &str, what: &Requeue) -> Result<Changed> {
        self.json(self.post(&format!("bots/{}/dump/requeue", escape(bot))).json(what))
    }

    /// Removes dumped messages; no ids means all.
    pub fn delete_dump(&self, bot: &str, ids: &[String]) -> Result<Changed> {
        self.json(self.post(&format!("bots/{}/dump/delete", escape(bot))).json(ids))
    }

    /// Returns log lines after a position (0 is the start) of one bot or of all, oldest first.
    pub fn log(&self, bot: Option<&str>, after: u64, max: usize) -> Result<LogPage> {
        let mut query = vec![("after", after.to_string()), ("max", max.to_string())];
        query.extend(bot.map(|bot| ("bot", bot.to_owned())));
        self.json(self.get("log").query(&query))
    }

    /// Returns journal entries after a position (0 is the start).
    pub fn journal(&self, after: u64, max: usize) -> Result<JournalPage> {
        self.json(self.get("journal").query(&[("after", after), ("max", max as u64)]))
    }

    /// Asks the database that an output writes.
    pub fn rows(&self, bot: &str, query: &str) -> Result<Rows> {
        self.json(self.get(&format!("bots/{}/rows", escape(bot))).query(&[("query", query)]))
    }

    /// Returns the configuration in use.
    pub fn configuration(&self) -> Result<Configuration> {
        self.json(self.get("configuration"))
    }

    /// Returns the warnings about a configuration, without taking it into use; a faulty one is refused as [`Client::configure`] does.
    pub fn validate(&self, text: &str) -> Result<Vec<Complaint>> {
        self.json(self.post("configuration/validate").body(text.to_owned()))
    }

    /// Takes a new configuration into use; a faulty one changes nothing and is refused with located complaints.
    pub fn configure(&self, text: &str) -> Result<Configuration> {
        self.json(self.put("configuration").body(text.to_owned()))
    }

    /// Puts a file in, below the lab's folder, such as `in/report.csv`; it appears whole or not at all.
    pub fn put_file(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        self.send(self.put(&format!("files/{}", escape_path(path))).body(bytes)).map(drop)
    }

    /// Takes a file out, below the lab's folder; `None` if there is none.
    pub fn get_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.send(self.get(&format!("files/{}", escape_path(path)))) {
            Ok(response) => Ok(Some(self.body(response)?)),
            Err(ControlError::Refused(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns what runs beside the botnet.
    pub fn services(&self) -> Result<Vec<ServiceStatus>> {
        self.json(self.get("services"))
    }

    /// Makes a service publish a file.
    pub fn publish(&self, service: &str, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = format!("services/{}/files/{}", escape(service), escape(name));
        self.send(self.put(&path).body(bytes)).map(drop)
    }

    /// Makes something go wrong with a service.
    pub fn add_fault(&self, service: &str, fault: &Fault) -> Result<()> {
        let path = format!("services/{}/faults", escape(service));
        self.send(self.post(&path).json(fault)).map(drop)
    }

    /// Makes nothing go wrong with a service any more.
    pub fn clear_faults(&self, service: &str) -> Result<()> {
        self.send(self.delete(&format!("services/{}/faults", escape(service)))).map(drop)
    }

    /// Passes a request on as it is, and returns the answer as it is.
    pub fn pass(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Passed> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|error| ControlError::Garbled(error.to_string()))?;
        let mut request = self.request(method, path_and_query).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let text = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let headers =
            ["content-type", "etag"].into_iter().filter_map(|name| Some((name, text(name)?))).collect();
        Ok(Passed { status, headers, body: self.body(response)? })
    }

    fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let bytes = self.send(request).and_then(|response| self.body(response))?;
        serde_json::from_slice(&bytes).map_err(|error| ControlError::Garbled(error.to_string()))
    }

    fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = self.body(response)?;
        match serde_json::from_slice(&bytes) {
            Ok(problem) => Err(ControlError::Refused(problem)),
            Err(_) => Err(ControlError::Garbled(format!("{status}: {}", String::from_utf8_lossy(&bytes)))),
        }
    }

    fn body(&self, response: Response) -> Result<Vec<u8>> {
        response.bytes().map(|bytes| bytes.to_vec()).map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> ControlError {
        ControlError::Unreachable { place: self.place.clone(), cause: cause(error) }
    }
}

fn builder(limit: Duration) -> ClientBuilder {
    tls::install();
    // It never speaks TLS, and a system without authorities is none that it cannot run on.
    reqwest::blocking::Client::builder().timeout(limit).no_proxy().tls_certs_only([])
}

fn build(builder: ClientBuilder) -> Result<reqwest::blocking::Client> {
    builder.build().map_err(|error| ControlError::Garbled(error.to_string()))
}

fn escape_path(path: &str) -> String {
    path.split('/').map(escape).collect::<Vec<_>>().join("/")
}

/// Percent-encodes one segment of a path.
fn escape(segment: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
