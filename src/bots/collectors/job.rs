//! Work that waits for the world, done by a thread of the collector's own, so that the collector itself never waits.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use tokio::sync::watch;

use crate::bots::{Bell, Failure};

/// Where a thread puts what it has; each thing rings the collector's bell, and so does the end.
pub(super) struct Sink<T> {
    /// There until the end.
    sender: Option<SyncSender<T>>,
    bell: Bell,
    wanted: watch::Receiver<()>,
}

/// Where the collector finds what its thread has.
pub(super) struct Source<T> {
    receiver: Receiver<T>,
    /// The thread's work is wanted as long as this is there.
    wanted: Option<watch::Sender<()>>,
}

impl<T> Source<T> {
    /// Takes what is there.
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Tells the thread that nothing more is wanted, and returns what it had until it ended.
    ///
    /// Only for threads that heed [`Sink::wanted`]: others are waited for.
    pub(super) fn end(&mut self) -> impl Iterator<Item = T> {
        self.wanted = None;
        self.receiver.iter()
    }
}

impl<T> Sink<T> {
    /// Returns what says that the thread's work is wanted: its sender is there.
    pub(super) fn wanted(&self) -> watch::Receiver<()> {
        self.wanted.clone()
    }

    /// Hands a thing over, and waits while the collector has enough; tells whether the collector is still there.
    pub(super) fn put(&self, thing: T) -> bool {
        let there = self.put_last(thing);
        self.bell.ring();
        there
    }

    /// Hands over the last thing, which the end rings for: a ring after the round would begin another.
    fn put_last(&self, thing: T) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.send(thing).is_ok())
    }
}

impl<T> Drop for Sink<T> {
    fn drop(&mut self) {
        // The collector learns that nothing more comes also from a thread that panicked; it must see the end when it is rung for.
        self.sender = None;
        self.bell.ring();
    }
}

/// Starts a thread that hands over at most so many things ahead. It is left to itself when the source is gone.
pub(super) fn start<T: Send + 'static>(
    bell: Bell,
    ahead: usize,
    work: impl FnOnce(&Sink<T>) + Send + 'static,
) -> Result<Source<T>, Failure> {
    let (sender, receiver) = sync_channel(ahead);
    let (wanted, heeded) = watch::channel(());
    let sink = Sink { sender: Some(sender), bell, wanted: heeded };
    std::thread::Builder::new().name("fetch".into()).spawn(move || work(&sink))?;
    Ok(Source { receiver, wanted: Some(wanted) })
}

/// One result that is fetched.
pub(super) struct Job<T>(Option<Source<Result<T, Failure>>>);

impl<T> Default for Job<T> {
    fn default() -> Self {
        Job(None)
    }
}

impl<T: Send + 'static> Job<T> {
    /// Tells whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// Starts to fetch, or returns what was fetched; `None` while it is on its way.
    pub(super) fn poll(
        &mut self,
        bell: Bell,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<Option<T>, Failure> {
        let Some(source) = &self.0 else {
            self.0 = Some(start(bell, 1, move |sink| {
                sink.put_last(work());
            })?);
            return Ok(None);
        };
        let result = match source.try_recv() {
            Err(TryRecvError::Empty) => return Ok(None),
            Ok(result) => result,
            Err(TryRecvError::Disconnected) => {
                Err(Failure::Other("the fetching ended without a result".into()))
            }
        };
        self.0 = None;
        result.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    /// Fetches, and returns what comes of it with the first ring, and how often the bell rang in all.
    fn fetched(
        work: impl FnOnce() -> Result<u8, Failure> + Send + 'static,
    ) -> (Result<Option<u8>, String>, usize) {
        let (ringing, rings) = channel();
        let bell = Bell::new(move || {
            let _ = ringing.send(());
        });
        let mut job = Job::default();
        assert!(matches!(job.poll(bell.clone(), work), Ok(None)));
        drop(bell);
        rings.recv_timeout(Duration::from_secs(20)).unwrap();
        let result = job.poll(Bell::new(|| {}), || panic!("nothing more is to be fetched"));
        (result.map_err(|failure| failure.to_string()), 1 + rings.iter().count())
    }

    #[test]
    fn a_job_rings_once_when_its_result_or_its_end_is_there() {
        let ended = "the fetching ended without a result".to_owned();
        assert_eq!(fetched(|| Ok(5)), (Ok(Some(5)), 1));
        assert_eq!(fetched(|| Err(Failure::Other("no".into()))), (Err("no".to_owned()), 1));
        assert_eq!(fetched(|| panic!("as it shall")), (Err(ended), 1));
    }
}
