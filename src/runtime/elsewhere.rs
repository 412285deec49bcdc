//! What is to be seen of a botnet that may be in several processes: its log, its journal, and queues that others read.

use super::botnet::Botnet;
use super::control::{JournalPage, LogPage};
use super::error::BotnetError;
use super::surroundings::Surroundings;

impl Botnet {
    /// Returns log lines from a number on (0 is the first), of one bot or of all.
    pub(super) fn log(&self, bot: Option<&str>, (after, max): (u64, usize)) -> std::io::Result<LogPage> {
        let Surroundings { apart, logger, .. } = self.surroundings();
        if apart.is_empty() {
            return Ok(logger.page(bot, after, max));
        }
        apart.log(bot, (after, max), &self.net().ids())
    }

    /// Returns journal entries from a position on (0 is the start).
    pub(super) fn journal(&self, (after, max): (u64, usize)) -> std::io::Result<JournalPage> {
        let Surroundings { apart, journal, .. } = self.surroundings();
        match journal {
            Some(_) if !apart.is_empty() => apart.journal((after, max), &self.net().ids()),
            Some(journal) => journal.page(after, max),
            None => Ok(JournalPage { entries: Vec::new(), next: 0, full: false }),
        }
    }

    /// Returns the oldest messages of a queue without receiving them.
    pub(super) fn peek(&self, queue: &str, max: usize) -> Result<Vec<Vec<u8>>, BotnetError> {
        match self.reader_apart(queue) {
            Some(reader) => self.surroundings().apart.peek(&reader, queue, max),
            None => Ok(self.broker().peek(queue, max)?),
        }
    }

    /// Removes the waiting messages of a queue and returns how many there were.
    pub(super) fn clear(&self, queue: &str) -> Result<u64, BotnetError> {
        let cleared = match self.reader_apart(queue) {
            Some(reader) => self.surroundings().apart.clear(&reader, queue),
            None => Ok(self.broker().clear(queue)?),
        };
        self.activity().bump();
        cleared
    }

    /// Returns the bot that reads a queue if it runs for itself: only its process knows what it has in hand.
    fn reader_apart(&self, queue: &str) -> Option<String> {
        let net = self.net();
        let slot = &net.slots[*net.readers.get(queue)?];
        (!self.runs_here(slot)).then(|| slot.id.to_string())
    }
}
