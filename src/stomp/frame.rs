//! One frame, and how it is written in each version.

use super::StompError;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// 1.0: headers are not escaped, no heartbeats.
    #[default]
    V1_0,
    /// 1.1: headers escape `\n`, `\c` and `\\`.
    V1_1,
    /// 1.2: also `\r`; lines may end with CR LF.
    V1_2,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Version; 3] = [Version::V1_0, Version::V1_1, Version::V1_2];

    /// Returns what the headers `version` and `accept-version` call it.
    pub fn name(self) -> &'static str {
        match self {
            Version::V1_0 => "1.0",
            Version::V1_1 => "1.1",
            Version::V1_2 => "1.2",
        }
    }

    /// Finds a version by its name; a missing header means 1.0.
    pub fn of(header: Option<&str>) -> Option<Self> {
        let name = header.map_or("1.0", str::trim);
        Version::ALL.into_iter().find(|version| version.name() == name)
    }

    /// Takes the newest version of a list such as `1.0,1.1,1.2`, as a server does; a missing list means 1.0.
    pub fn best(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept else { return Some(Version::V1_0) };
        accept.split(',').filter_map(|name| Version::of(Some(name))).max()
    }
}

/// A frame: a command, headers in order, a body of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// `CONNECT`, `SEND`, `MESSAGE` and so on.
    pub command: String,
    /// The headers, unescaped, in order; a name that is there twice means its first value.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Frame {
    /// Makes a frame without headers and body.
    pub fn new(command: &str) -> Self {
        Frame { command: command.to_owned(), ..Frame::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Returns a header's value: the first one, as the specification wants.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Writes the frame; a body gets a `content-length` unless the frame has one.
    ///
    /// In 1.0 a line break in a header cannot be written and becomes a blank.
    pub fn encode(&self, version: Version) -> Vec<u8> {
        let version = if is_plain(&self.command) { Version::V1_0 } else { version };
        let mut out = self.command.clone().into_bytes();
        out.push(b'\n');
        let mut line = |name: &str, value: &str| {
            out.extend(escape(name, version, true).bytes());
            out.push(b':');
            out.extend(escape(value, version, false).bytes());
            out.push(b'\n');
        };
        for (name, value) in &self.headers {
            line(name, value);
        }
        if !self.body.is_empty() && self.header("content-length").is_none() {
            line("content-length", &self.body.len().to_string());
        }
        out.push(b'\n');
        out.extend(&self.body);
        out.extend([0, b'\n']);
        out
    }
}

/// Tells whether the headers of a command are never escaped: they come before both sides agree on a version.
pub(super) fn is_plain(command: &str) -> bool {
    matches!(command, "CONNECT" | "STOMP" | "CONNECTED")
}

fn escape(text: &str, version: Version, is_name: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match (character, version) {
            ('\n' | '\r', Version::V1_0) | ('\r', Version::V1_1) => out.push(' '),
            (':', Version::V1_0) if is_name => out.push(' '),
            (other, Version::V1_0) => out.push(other),
            ('\n', _) => out.push_str("\\n"),
            (':', _) => out.push_str("\\c"),
            ('\\', _) => out.push_str("\\\\"),
            ('\r', Version::V1_2) => out.push_str("\\r"),
            (other, _) => out.push(other),
        }
    }
    out
}

/// Works out which heartbeats are sent, from the `heart-beat` headers of the frames `CONNECT` and `CONNECTED`.
///
/// Returns how often the client and how often the server sends something, in milliseconds; 0 is never.
pub fn heart_beats(client: Option<&str>, server: Option<&str>) -> Result<(u64, u64), StompError> {
    let (client_can, client_wants) = pair(client)?;
    let (server_can, server_wants) = pair(server)?;
    let agree = |can: u64, wants: u64| if can == 0 || wants == 0 { 0 } else { can.max(wants) };
    Ok((agree(client_can, server_wants), agree(server_can, client_wants)))
}

fn pair(header: Option<&str>) -> Result<(u64, u64), StompError> {
    let Some(header) = header else { return Ok((0, 0)) };
    let numbers = header
        .split_once(',')
        .and_then(|(can, wants)| Some((can.trim().parse::<u32>().ok()?, wants.trim().parse::<u32>().ok()?)));
    let (can, wants) = numbers.ok_or_else(|| StompError::BadHeartBeat(header.to_owned()))?;
    Ok((u64::from(can), u64::from(wants)))
}
