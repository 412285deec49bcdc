//! Reads a lab's log once, however often it is looked at.

use crate::check::{LogLevel, LogSeen};
use crate::runtime::control::{Client, ControlError, LogLine};

/// Lines asked for at once.
const PAGE: usize = 10_000;

/// The log as far as it was read.
#[derive(Debug, Default)]
pub(super) struct LogReader {
    lines: Vec<LogSeen>,
    next: u64,
}

impl LogReader {
    /// Reads on and returns all lines since the lab began.
    pub(super) fn read(&mut self, client: &Client) -> Result<&[LogSeen], ControlError> {
        loop {
            let page = client.log(None, self.next, PAGE)?;
            self.next = page.next;
            if page.lines.is_empty() {
                return Ok(&self.lines);
            }
            self.lines.extend(page.lines.into_iter().map(line));
        }
    }
}

fn line(line: LogLine) -> LogSeen {
    LogSeen { bot: line.bot, level: LogLevel::read(&line.level), text: line.message }
}
