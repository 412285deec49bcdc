//! HTTP/1.1 as far as simulated feeds need it, by hand, because they must also answer wrongly: cut, late, half.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::cuts::Cuts;
use super::network::{Connection, Serve, Served};
use super::{Feed, Trouble};

/// The most bytes that the head of a request may have.
const HEAD: usize = 64 * 1024;
/// The most bytes that its body may have.
const BODY: usize = 16 * 1024 * 1024;

/// What a client asks.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path, decoded.
    pub(super) path: String,
    /// The query as it came, without `?`.
    pub(super) raw_query: String,
    /// The query, decoded, in order.
    pub(super) query: Vec<(String, String)>,
    /// The headers with names in small letters.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the key is to be taken for a wrong one.
    pub(super) wrong_key: bool,
}

impl Request {
    /// Returns a header by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What it gets.
pub(super) enum Answer {
    Whole(Response),
    Stream(Lines),
}

/// An answer that has an end.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// Whether it is a file, which half of can be given.
    pub(super) is_file: bool,
}

impl Response {
    pub(super) fn new(status: u16, media: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type", media.to_owned())];
        Response { status, headers, body: body.into(), is_file: false }
    }

    pub(super) fn json(status: u16, value: &serde_json::Value) -> Self {
        Response::new(status, "application/json", value.to_string())
    }

    /// Makes an answer that only says what is wrong.
    pub(super) fn error(status: u16, text: &str) -> Self {
        Response::json(status, &serde_json::json!({ "error": text }))
    }

    #[must_use]
    pub(super) fn into_file(mut self) -> Self {
        self.is_file = true;
        self
    }
}

/// Says whether a line is wanted.
pub(super) type Wants = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// An answer without an end: lines as they are published.
pub(super) struct Lines {
    /// Lines are given once to each of these.
    pub(super) subscription: String,
    /// Which lines.
    pub(super) wants: Wants,
    /// How often a blank line says that the other side is alive.
    pub(super) heartbeat: Duration,
}

/// What a simulated web server answers.
pub(super) trait Site: Send + Sync + 'static {
    fn answer(&self, request: &Request, feed: &Feed) -> Answer;

    /// Has a say about a file before it is published.
    fn check_file(&self, _name: &str, _bytes: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// Serves a site.
pub(super) struct Web<S>(pub(super) S);

impl<S: Site> Serve for Web<S> {
    fn serve(self: Arc<Self>, connection: Connection, feed: Arc<Feed>) -> Served {
        Box::pin(async move {
            let mut talk = Talk { connection, buffer: Vec::new(), feed };
            while let Some(request) = talk.request().await? {
                if !talk.answer(&self.0, request).await? {
                    break;
                }
            }
            talk.connection.shutdown().await
        })
    }

    fn check_file(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        self.0.check_file(name, bytes)
    }
}

struct Talk {
    connection: Connection,
    /// What was read and belongs to the next request.
    buffer: Vec<u8>,
    feed: Arc<Feed>,
}

impl Talk {
    /// Reads more; tells whether the client is still there.
    async fn more(&mut self) -> io::Result<bool> {
        Ok(self.connection.read_buf(&mut self.buffer).await? > 0)
    }

    /// Reads a request; `None` once the client is gone, or if it sends no HTTP.
    async fn request(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > HEAD || !self.more().await? {
                return Ok(None);
            }
        };
        let rest = self.buffer.split_off(end + 4);
        let head = std::mem::replace(&mut self.buffer, rest);
        let Some(mut request) = head_of(&head) else { return Ok(None) };
        let length = request.header("content-length").map_or(Some(0), |text| text.trim().parse().ok());
        let Some(length) = length.filter(|length| *length <= BODY) else { return Ok(None) };
        if request.header("expect").is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue")) {
            self.connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while self.buffer.len() < length {
            if !self.more().await? {
                return Ok(None);
            }
        }
        let rest = self.buffer.split_off(length);
        request.body = std::mem::replace(&mut self.buffer, rest);
        Ok(Some(request))
    }

    /// Answers a request, rightly or as a fault wants; tells whether the connection goes on.
    async fn answer(&mut self, site: &impl Site, mut request: Request) -> io::Result<bool> {
        self.feed.count_request();
        let first =
            |trouble: &Trouble| matches!(trouble, Trouble::Status(..) | Trouble::WrongKey | Trouble::Slow(_));
        let go_on = !request.header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close"));
        let trouble = self.feed.trouble(&request.path, first);
        match trouble {
            Some(Trouble::Status(status, wait)) => {
                let mut response = Response::error(status, reason(status));
                response.headers.extend(wait.map(|wait| ("Retry-After", wait.to_string())));
                self.write(&response, usize::MAX).await?;
                return Ok(go_on);
            }
            Some(Trouble::WrongKey) => request.wrong_key = true,
            Some(Trouble::Slow(wait)) => tokio::time::sleep(Duration::from_millis(wait)).await,
            _ => {}
        }
        let mut response = match site.answer(&request, &self.feed) {
            Answer::Whole(response) => response,
            Answer::Stream(lines) => {
                self.stream(&request.path, &lines, trouble.as_ref()).await?;
                return Ok(false);
            }
        };
        let file = response.is_file;
        let then = |trouble: &Trouble| match trouble {
            Trouble::HalfFile => file,
            trouble => matches!(trouble, Trouble::CutBytes(_) | Trouble::CutLines(_)),
        };
        let most = match self.feed.trouble(&request.path, then) {
            Some(Trouble::CutBytes(bytes)) => bytes as usize,
            Some(Trouble::CutLines(lines)) => {
                let lines = response.body.split_inclusive(|byte| *byte == b'\n').take(lines as usize);
                lines.map(<[u8]>::len).sum()
            }
            Some(Trouble::HalfFile) => {
                response.body.truncate(response.body.len() / 2);
                usize::MAX
            }
            _ => usize::MAX,
        };
        if request.method == "HEAD" {
            response.headers.push(("Content-Length", response.body.len().to_string()));
            response.body.clear();
        }
        self.write(&response, most).await?;
        Ok(go_on && most == usize::MAX)
    }

    /// Writes an answer, of its body only the first bytes.
    async fn write(&mut self, response: &Response, most: usize) -> io::Result<()> {
        let mut out = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
        for (name, value) in &response.headers {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        if !response.headers.iter().any(|(name, _)| *name == "Content-Length") {
            let _ = write!(out, "Content-Length: {}\r\n", response.body.len());
        }
        out.push_str("\r\n");
        self.connection.write_all(out.as_bytes()).await?;
        self.connection.write_all(&response.body[..most.min(response.body.len())]).await?;
        self.connection.flush().await
    }

    /// Writes lines as they are published, until the client is gone or a fault ends it.
    async fn stream(&mut self, path: &str, lines: &Lines, slow: Option<&Trouble>) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        self.connection.write_all(head.as_bytes()).await?;
        let (mut watch, epoch) = (self.feed.watch(), self.feed.epoch());
        let mut cuts = Cuts::new(&self.feed, slow);
        let open = self.feed.open_stream();
        let mut ignored = [0; 1024];
        loop {
            watch.mark_unchanged();
            cuts.look(&self.feed, path);
            while let Some((index, line)) = self.feed.next_line(&lines.subscription, &lines.wants) {
                let written = self.line(&line, &mut cuts).await;
                if !matches!(written, Ok(true)) {
                    // What the client did not get whole is for the next one.
                    self.feed.give_back(&lines.subscription, index);
                    return written.map(drop);
                }
                if cuts.over() || self.feed.epoch() != epoch {
                    return Ok(());
                }
            }
            if self.feed.epoch() != epoch {
                return Ok(());
            }
            open.rests();
            tokio::select! {
                biased;
                read = self.connection.read(&mut ignored) => if read? == 0 { return Ok(()) },
                changed = watch.changed() => if changed.is_err() { return Ok(()) },
                () = tokio::time::sleep(lines.heartbeat) => self.chunk(b"\n").await?,
            }
        }
    }

    /// Tells whether the client has closed the connection: a line that were written now would be nobody's.
    async fn client_is_gone(&mut self) -> io::Result<bool> {
        // Lets the runtime see first what has come from outside.
        tokio::task::yield_now().await;
        let mut ignored = [0; 1024];
        tokio::select! {
            biased;
            read = self.connection.read(&mut ignored) => Ok(read? == 0),
            () = std::future::ready(()) => Ok(false),
        }
    }

    /// Writes one line of a stream; tells whether it was written whole.
    async fn line(&mut self, line: &[u8], cuts: &mut Cuts) -> io::Result<bool> {
        if let Some(wait) = cuts.wait {
            tokio::time::sleep(wait).await;
        }
        if self.client_is_gone().await? {
            return Ok(false);
        }
        let mut bytes = line.to_vec();
        bytes.push(b'\n');
        let part = cuts.part(bytes.len());
        self.chunk(&bytes[..part]).await?;
        Ok(part == bytes.len())
    }

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            // An empty chunk would be a proper end.
            return Ok(());
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.connection.write_all(&chunk).await?;
        self.connection.flush().await
    }
}

/// Reads the head of a request; `None` if it is none.
fn head_of(bytes: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
    };
    Some(Request {
        method: method.to_owned(),
        path: decoded(path),
        raw_query: query.to_owned(),
        query: query.split('&').filter(|one| !one.is_empty()).map(pair).collect(),
        headers: headers.collect(),
        ..Request::default()
    })
}

/// Decodes `%41` and the like; what is no such thing stays.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    let hex = |at: usize| bytes.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    while let Some(byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, hex(at + 1), hex(at + 2)) {
            out.push((high * 16 + low) as u8);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Returns the words for a status.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        524 => "A Timeout Occurred",
        other if other < 500 => "Client Error",
        _ => "Server Error",
    }
}
