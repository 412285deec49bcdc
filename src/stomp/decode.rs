//! Bytes as they arrive, cut into frames and heartbeats.

use super::frame::is_plain;
use super::{Frame, StompError, Version};

/// The most bytes of a frame unless another limit is set.
const LIMIT: usize = 64 * 1024 * 1024;

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A line end between frames: the other side is alive.
    HeartBeat,
    /// A whole frame.
    Frame(Frame),
}

/// Collects bytes and gives back what is whole.
///
/// ```
/// use intelmq_lab::stomp::{Decoder, Frame, Item, Version};
/// let mut decoder = Decoder::new(Version::V1_2);
/// decoder.push(b"\nMESSAGE\ndestination:/a\\cb\n\nhel");
/// assert_eq!(decoder.next_item(), Ok(Some(Item::HeartBeat)));
/// assert_eq!(decoder.next_item(), Ok(None), "the rest is still to come");
/// decoder.push(b"lo\0");
/// let frame = Frame::new("MESSAGE").with("destination", "/a:b").with_body("hello");
/// assert_eq!(decoder.next_item(), Ok(Some(Item::Frame(frame))));
/// ```
#[derive(Debug)]
pub struct Decoder {
    version: Version,
    limit: usize,
    buffer: Vec<u8>,
    /// Bytes at the buffer's start that are done with.
    done: usize,
    /// Bytes after `done` in which the end was not found, so that nothing is searched twice.
    searched: usize,
    /// A frame whose body is still to come, and how long that is if it says so.
    begun: Option<(Frame, Option<usize>)>,
    /// Whether the last item was a frame: the line end after it belongs to it and is no heartbeat.
    after_frame: bool,
}

impl Decoder {
    /// Makes a decoder; use 1.0 until both sides agreed on a version.
    pub fn new(version: Version) -> Self {
        Decoder {
            version,
            limit: LIMIT,
            buffer: Vec::new(),
            done: 0,
            searched: 0,
            begun: None,
            after_frame: false,
        }
    }

    /// Sets the version that both sides agreed on, for the frames that follow.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Sets the most bytes that a frame may have; 64 MiB unless it is set.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..std::mem::take(&mut self.done));
        self.buffer.extend_from_slice(bytes);
    }

    /// Tells whether a frame has begun and is not whole yet: if the connection ends now, it was cut off.
    pub fn is_within_frame(&self) -> bool {
        self.begun.is_some() || self.done < self.buffer.len()
    }

    /// Returns the next frame or heartbeat; `None` until more bytes arrive.
    ///
    /// # Errors
    /// The bytes are no STOMP frame; the connection should be closed.
    pub fn next_item(&mut self) -> Result<Option<Item>, StompError> {
        if self.begun.is_none() {
            while let Some(length) = line_end(&self.buffer[self.done..]) {
                self.done += length;
                if !std::mem::take(&mut self.after_frame) {
                    return Ok(Some(Item::HeartBeat));
                }
            }
            self.read_head()?;
        }
        self.read_body()
    }

    /// Reads command and headers, if they are whole.
    fn read_head(&mut self) -> Result<(), StompError> {
        let rest = &self.buffer[self.done..];
        let Some(length) = head_length(rest, self.searched) else {
            if rest.len() > self.limit {
                return Err(StompError::TooLong(self.limit));
            }
            // A zero before the blank line ends a frame that has none; nothing that follows could mend it.
            if rest.contains(&0) {
                let text = String::from_utf8_lossy(&rest[..rest.len().min(80)]);
                return Err(StompError::NoColon(text.into_owned()));
            }
            self.searched = rest.len();
            return Ok(());
        };
        let frame = head(&rest[..length], self.version)?;
        let body = match frame.header("content-length") {
            None => None,
            Some(text) => {
                let length: usize =
                    text.trim().parse().map_err(|_| StompError::BadLength(text.to_owned()))?;
                if length > self.limit {
                    return Err(StompError::TooLong(self.limit));
                }
                Some(length)
            }
        };
        self.begun = Some((frame, body));
        self.done += length;
        self.searched = 0;
        Ok(())
    }

    /// Reads the body of the frame that has begun, if it is whole.
    fn read_body(&mut self) -> Result<Option<Item>, StompError> {
        let Some((frame, length)) = self.begun.take() else { return Ok(None) };
        let rest = &self.buffer[self.done..];
        let end = match length {
            Some(length) => match rest.get(length) {
                Some(0) => Some(length),
                Some(_) => return Err(StompError::WrongLength(length)),
                None => None,
            },
            None => (self.searched..rest.len()).find(|at| rest[*at] == 0),
        };
        let Some(end) = end else {
            if rest.len() > self.limit {
                return Err(StompError::TooLong(self.limit));
            }
            self.searched = rest.len();
            self.begun = Some((frame, length));
            return Ok(None);
        };
        let frame = frame.with_body(&rest[..end]);
        self.done += end + 1;
        self.searched = 0;
        self.after_frame = true;
        Ok(Some(Item::Frame(frame)))
    }
}

/// Returns the length of a line end at the start; a lone CR waits for its LF.
fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

/// Returns the length of command and headers with the blank line after them.
fn head_length(bytes: &[u8], searched: usize) -> Option<usize> {
    // The blank line may have begun in what was searched before.
    let from = searched.saturating_sub(2);
    (from..bytes.len()).find_map(|at| match &bytes[at..] {
        [b'\n', b'\n', ..] => Some(at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// Reads command and headers.
fn head(bytes: &[u8], version: Version) -> Result<Frame, StompError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StompError::NotUtf8("head"))?;
    let mut lines = text.split('\n');
    let command = lines.next().unwrap_or_default();
    let mut frame = Frame::new(command.strip_suffix('\r').unwrap_or(command));
    let plain = is_plain(&frame.command);
    for line in lines {
        // Before 1.2 a CR belongs to the value, but many clients connect with CR LF before they know the version.
        let line =
            if plain || version == Version::V1_2 { line.strip_suffix('\r').unwrap_or(line) } else { line };
        if line.is_empty() || line == "\r" {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| StompError::NoColon(line.to_owned()))?;
        let (name, value) = match version {
            _ if plain => (name.to_owned(), value.to_owned()),
            Version::V1_0 => (name.trim().to_owned(), value.trim().to_owned()),
            _ => (unescape(name, version)?, unescape(value, version)?),
        };
        frame.headers.push((name, value));
    }
    Ok(frame)
}

fn unescape(text: &str, version: Version) -> Result<String, StompError> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        out.push(match characters.next() {
            Some('n') => '\n',
            Some('c') => ':',
            Some('\\') => '\\',
            Some('r') if version == Version::V1_2 => '\r',
            _ => return Err(StompError::BadEscape(text.to_owned())),
        });
    }
    Ok(out)
}
