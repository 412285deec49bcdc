//! The log of a botnet: one file a bot in IntelMQ's line format or as JSON lines, stderr, and the last lines in memory.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::control::{LogLine, LogPage};
use crate::bots::Level;

/// The name under which the process itself writes log lines.
pub(super) const SELF: &str = "intelmq-lab";

/// How many lines are kept for readers that come later.
const KEPT: usize = 20_000;

/// How many bytes of messages are kept, and of how long a message.
const KEPT_BYTES: usize = 8 << 20;
const LONGEST: usize = 4 << 10;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `YYYY-MM-DD HH:MM:SS,mmm - BOT - LEVEL - message` in local time, as IntelMQ writes and reads it.
    #[default]
    IntelMq,
    /// One JSON object a line: `time` (UTC), `bot`, `level`, `message`.
    Json,
}

/// Where log lines go.
#[derive(Debug, Clone, Default)]
pub struct Destination {
    /// How they are written.
    pub format: Format,
    /// The folder with one `BOT.log` a bot.
    pub folder: Option<PathBuf>,
    /// Whether they are written to stderr too.
    pub stderr: bool,
}

/// Takes the log lines of all bots.
#[derive(Debug)]
pub struct Logger {
    destination: Destination,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<LogLine>,
    /// Bytes of their messages.
    bytes: usize,
    /// Number of the first line that is still kept.
    first: u64,
    files: HashMap<String, File>,
}

impl Logger {
    /// Makes a logger; files are opened when a bot writes its first line.
    pub fn new(destination: Destination) -> Self {
        Logger { destination, inner: Mutex::default() }
    }

    /// Writes one line. A file that cannot be written never stops a bot.
    pub fn log(&self, bot: &str, level: Level, message: &str) {
        let now = Timestamp::now();
        let mut line = LogLine {
            at: format!("{now:.3}"),
            bot: bot.to_owned(),
            level: level_name(level).to_owned(),
            message: message.to_owned(),
        };
        let text = self.format(&line, now);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if self.destination.stderr {
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
        if let Some(file) = inner.file(&self.destination, bot) {
            let _ = file.write_all(text.as_bytes());
        }
        shorten(&mut line.message);
        inner.bytes += line.message.len();
        inner.lines.push_back(line);
        while inner.lines.len() > KEPT || inner.bytes > KEPT_BYTES {
            let Some(oldest) = inner.lines.pop_front() else { break };
            inner.bytes -= oldest.message.len();
            inner.first += 1;
        }
    }

    /// Returns kept lines from a number on (0 is the first ever written), of one bot or of all.
    pub fn page(&self, bot: Option<&str>, after: u64, max: usize) -> LogPage {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = after.saturating_sub(inner.first) as usize;
        let mut next = after.max(inner.first);
        let mut lines = Vec::new();
        for line in inner.lines.iter().skip(skip) {
            if lines.len() == max {
                break;
            }
            next += 1;
            if bot.is_none_or(|bot| line.bot == bot) {
                lines.push(line.clone());
            }
        }
        LogPage { lines, next }
    }

    /// Opens the files anew, as after a rotation.
    pub fn reopen(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).files.clear();
    }

    fn format(&self, line: &LogLine, now: Timestamp) -> String {
        match self.destination.format {
            Format::IntelMq => {
                let local = now.to_zoned_datetime(jiff::tz::TimeZone::system());
                let stamp = local.strftime("%Y-%m-%d %H:%M:%S");
                let millis = local.millisecond();
                // One line a message, whatever stands in it: else a message could forge the next line.
                let message = line.message.replace('\r', "\\r").replace('\n', "\\n");
                format!("{stamp},{millis:03} - {} - {} - {message}\n", line.bot, line.level)
            }
            Format::Json => {
                let json = serde_json::json!({
                    "time": line.at, "bot": line.bot, "level": line.level, "message": line.message,
                });
                format!("{json}\n")
            }
        }
    }
}

impl Inner {
    fn file(&mut self, destination: &Destination, bot: &str) -> Option<&mut File> {
        let folder = destination.folder.as_ref()?;
        if !self.files.contains_key(bot) {
            let path = folder.join(format!("{bot}.log"));
            let open = || OpenOptions::new().create(true).append(true).open(&path);
            let file = open().or_else(|_| std::fs::create_dir_all(folder).and_then(|()| open()));
            self.files.insert(bot.to_owned(), file.ok()?);
        }
        self.files.get_mut(bot)
    }
}

/// Reads a line as [`Format::Json`] writes it.
pub(super) fn parse_json(line: &[u8]) -> Option<LogLine> {
    #[derive(serde::Deserialize)]
    struct Line {
        time: String,
        bot: String,
        level: String,
        message: String,
    }
    let Line { time, bot, level, message } = serde_json::from_slice(line).ok()?;
    Some(LogLine { at: time, bot, level, message })
}

/// Cuts a message that is kept in memory.
fn shorten(message: &mut String) {
    if message.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
        message.truncate(end);
        message.push_str(" … (cut; the log file has all of it)");
    }
}

/// Returns Python's name of a level.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
        Level::Critical => "CRITICAL",
    }
}

/// Reads Python's name of a level.
pub fn parse_level(name: &str) -> Option<Level> {
    match name.to_ascii_uppercase().as_str() {
        "DEBUG" => Some(Level::Debug),
        "INFO" => Some(Level::Info),
        "WARNING" | "WARN" => Some(Level::Warning),
        "ERROR" => Some(Level::Error),
        "CRITICAL" => Some(Level::Critical),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_starts_where_the_last_one_ended_and_filters_by_bot() {
        let logger = Logger::new(Destination::default());
        for number in 0..5 {
            logger.log(if number % 2 == 0 { "even" } else { "odd" }, Level::Info, &number.to_string());
        }
        let first = logger.page(None, 0, 2);
        assert_eq!(texts(&first), ["0", "1"]);
        assert_eq!(texts(&logger.page(Some("even"), first.next, 10)), ["2", "4"]);
    }

    #[test]
    fn old_lines_are_forgotten_and_numbers_go_on() {
        let logger = Logger::new(Destination::default());
        for number in 0..KEPT + 3 {
            logger.log("bot", Level::Info, &number.to_string());
        }
        let page = logger.page(None, 0, 1);
        assert_eq!(texts(&page), ["3"]);
        assert_eq!(page.next, 4);
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes() {
        let logger = Logger::new(Destination::default());
        for _ in 0..5000 {
            logger.log("bot", Level::Info, &"ü".repeat(50_000));
        }
        let page = logger.page(None, 0, KEPT);
        let bytes: usize = page.lines.iter().map(|line| line.message.len()).sum();
        assert!(
            bytes <= KEPT_BYTES && page.lines.len() > 1000,
            "{bytes} bytes in {} lines",
            page.lines.len()
        );
        assert_eq!(page.next, 5000);
    }

    #[test]
    fn a_message_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination { folder: Some(folder.path().to_owned()), ..Destination::default() };
        Logger::new(destination).log("my-bot", Level::Info, "one\r\ntwo");
        let text = std::fs::read_to_string(folder.path().join("my-bot.log")).unwrap();
        assert!(text.ends_with(" - one\\r\\ntwo\n"), "{text:?}");
    }

    #[test]
    fn files_have_the_line_format_of_intelmq() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination { folder: Some(folder.path().join("log")), ..Destination::default() };
        Logger::new(destination).log("my-bot", Level::Warning, "odd");
        let text = std::fs::read_to_string(folder.path().join("log/my-bot.log")).unwrap();
        let pattern =
            regex::Regex::new(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - my-bot - WARNING - odd\n$").unwrap();
        assert!(pattern.is_match(&text), "{text:?}");
    }

    fn texts(page: &LogPage) -> Vec<&str> {
        page.lines.iter().map(|line| line.message.as_str()).collect()
    }
}
