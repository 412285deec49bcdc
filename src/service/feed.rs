//! What a running service publishes, what goes wrong with it, and who waits for more.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Fault, Trouble};

/// What a running service publishes, and what goes wrong with it.
pub(super) struct Feed {
    inside: Mutex<Inside>,
    /// Grows with everything that happens.
    changed: watch::Sender<u64>,
    /// Rung when a stream has caught up, or is gone.
    caught_up: Condvar,
}

/// A stream that is open, from its beginning to its end.
pub(super) struct OpenStream {
    feed: Arc<Feed>,
    number: u64,
}

impl OpenStream {
    /// Says that everything that was published so far has been sent.
    pub(super) fn rests(&self) {
        let mut inside = self.feed.inside();
        let all = inside.lines.len();
        inside.streams.insert(self.number, all);
        self.feed.caught_up.notify_all();
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.feed.inside().streams.remove(&self.number);
        self.feed.caught_up.notify_all();
    }
}

/// One published file.
#[derive(Clone)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) bytes: Arc<Vec<u8>>,
}

#[derive(Default)]
struct Inside {
    files: Vec<File>,
    /// The lines of all files in the order in which they came, for streams.
    lines: Vec<Arc<[u8]>>,
    /// How many lines each subscription has had.
    had: HashMap<String, usize>,
    /// The lines before these that a subscription gave back.
    given_back: HashMap<String, BTreeSet<usize>>,
    /// The streams that are open, and how many lines they have seen.
    streams: HashMap<u64, usize>,
    /// How many streams there were.
    opened: u64,
    faults: Vec<Fault>,
    /// Grows when all faults are cleared.
    cleared: u64,
    /// Grows when streams that are open shall end.
    epoch: u64,
    requests: u64,
}

impl Feed {
    pub(super) fn new() -> Self {
        Feed { inside: Mutex::default(), changed: watch::Sender::new(0), caught_up: Condvar::new() }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Returns what tells that something happened.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Publishes a file, in place of one with the same name; its lines come to streams after those that are there.
    pub(super) fn publish(&self, name: &str, bytes: Vec<u8>) {
        let lines = lines_of(name, &bytes);
        let file = File { name: name.to_owned(), bytes: Arc::new(bytes) };
        let mut inside = self.inside();
        match inside.files.iter_mut().find(|known| known.name == name) {
            Some(known) => *known = file,
            None => inside.files.push(file),
        }
        inside.lines.extend(lines);
        drop(inside);
        self.notify();
    }

    /// Notes that a stream is open.
    pub(super) fn open_stream(self: &Arc<Self>) -> OpenStream {
        let mut inside = self.inside();
        inside.opened += 1;
        let number = inside.opened;
        inside.streams.insert(number, 0);
        OpenStream { feed: Arc::clone(self), number }
    }

    /// Waits until every stream that is open has sent what was published, at most so long.
    pub(super) fn wait_for_streams(&self, limit: Duration) {
        let behind = |inside: &mut Inside| inside.streams.values().any(|seen| *seen < inside.lines.len());
        // Slow streams are as slow as they shall be.
        let _ = self.caught_up.wait_timeout_while(self.inside(), limit, behind);
    }

    /// Returns the files in the order in which they came.
    pub(super) fn files(&self) -> Vec<File> {
        self.inside().files.clone()
    }

    /// Takes the next line for a subscription that it wants; each line is given once, whatever the connection.
    pub(super) fn next_line(
        &self,
        subscription: &str,
        wants: impl Fn(&[u8]) -> bool,
    ) -> Option<(usize, Arc<[u8]>)> {
        let mut inside = self.inside();
        let again = inside.given_back.get(subscription).into_iter().flatten();
        if let Some(index) = again.copied().find(|index| wants(&inside.lines[*index])) {
            inside.given_back.entry(subscription.to_owned()).or_default().remove(&index);
            return Some((index, Arc::clone(&inside.lines[index])));
        }
        let had = inside.had.get(subscription).copied().unwrap_or(0);
        let found = (had..inside.lines.len()).find(|index| wants(&inside.lines[*index]));
        let next = found.map_or(inside.lines.len(), |index| index + 1);
        inside.had.insert(subscription.to_owned(), next);
        found.map(|index| (index, Arc::clone(&inside.lines[index])))
    }

    /// Gives a line back that a subscription took and did not get.
    pub(super) fn give_back(&self, subscription: &str, index: usize) {
        self.inside().given_back.entry(subscription.to_owned()).or_default().insert(index);
        self.notify();
    }

    pub(super) fn count_request(&self) {
        self.inside().requests += 1;
    }

    pub(super) fn requests(&self) -> u64 {
        self.inside().requests
    }

    /// Adds a fault; streams that are open and cannot meet it end, so that their clients do when they come back.
    pub(super) fn add_fault(&self, fault: Fault) {
        let mut inside = self.inside();
        inside.epoch += u64::from(!fault.trouble.meets_streams());
        inside.faults.push(fault);
        drop(inside);
        self.notify();
    }

    pub(super) fn clear_faults(&self) {
        let mut inside = self.inside();
        inside.faults.clear();
        inside.cleared += 1;
        drop(inside);
        self.notify();
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        self.inside().faults.clone()
    }

    /// Returns a number that changes when faults are cleared.
    pub(super) fn cleared(&self) -> u64 {
        self.inside().cleared
    }

    /// Returns a number that changes when streams that are open shall end.
    pub(super) fn epoch(&self) -> u64 {
        self.inside().epoch
    }

    /// Takes the first fault that applies, and one of its times.
    pub(super) fn trouble(&self, path: &str, applies: impl Fn(&Trouble) -> bool) -> Option<Trouble> {
        let mut inside = self.inside();
        let fits = |fault: &Fault| {
            applies(&fault.trouble) && fault.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
        };
        let index = inside.faults.iter().position(fits)?;
        let fault = inside.faults.get_mut(index)?;
        let trouble = fault.trouble.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                inside.faults.remove(index);
            }
        }
        Some(trouble)
    }
}

/// Cuts a file into its lines, blank ones left out; a gzip file is opened first.
fn lines_of(name: &str, bytes: &[u8]) -> Vec<Arc<[u8]>> {
    let plain = std::path::Path::new(name).extension().is_some_and(|end| end == "gz");
    let plain = if plain { gunzip(bytes) } else { None };
    let bytes = plain.as_deref().unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    lines.filter(|line| !line.is_empty()).map(Arc::from).collect()
}

fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// Packs bytes as gzip; the same bytes always give the same file.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(bytes, flate2::Compression::default());
    // Reading from memory into memory cannot fail.
    let _ = encoder.read_to_end(&mut packed);
    packed
}
