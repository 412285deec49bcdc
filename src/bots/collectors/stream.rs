//! A stream that a thread reads: what comes is sent in batches, kept until it is stored, and an end or a failure comes after
//! everything that came before it.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use super::job::{self, Sink, Source};
use crate::bots::{Context, Failure, Level, Round};

/// How many things are sent in one portion, and how many wait for it.
const BATCH: usize = 500;

/// What comes from a stream.
pub(super) enum Come {
    /// The stream is open, with a line for the log.
    Open(String),
    /// One thing that becomes a report, and what the source is told once it is stored.
    Data(Vec<u8>, Option<String>),
    /// The stream ended in order.
    End,
    /// The stream cannot go on.
    Failed(Failure),
}

/// Reads a stream in a thread: hands over what comes, and hears the marks of what is stored.
pub(super) type Reading = Box<dyn FnOnce(&Sink<Come>, &Receiver<String>) -> Result<(), Failure> + Send>;

/// The collector's side of a stream.
#[derive(Default)]
pub(super) struct Stream {
    source: Option<Source<Come>>,
    /// Where the reading thread learns what is stored.
    acks: Option<Sender<String>>,
    open: bool,
    /// What was sent and is not known to be stored.
    in_hand: Vec<Vec<u8>>,
    mark: Option<String>,
    failure: Option<Failure>,
    ended: bool,
}

impl Stream {
    /// Does one portion of a collector's round; `start` opens the stream in a thread, `send` makes a report of one thing.
    pub(super) fn collect(
        &mut self,
        context: &mut Context,
        start: impl FnOnce() -> Reading,
        mut send: impl FnMut(&[u8], &mut Context) -> Result<(), Failure>,
    ) -> Result<Round, Failure> {
        if !self.in_hand.is_empty() {
            // The portion before was not stored.
            self.in_hand.iter().try_for_each(|data| send(data, context))?;
            return Ok(Round::More);
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if std::mem::take(&mut self.ended) {
            return Ok(Round::Done);
        }
        if self.source.is_none() {
            if context.only_rung() {
                return Ok(Round::Done);
            }
            self.open = false;
            let (read, (acks, stored)) = (start(), channel());
            self.acks = Some(acks);
            self.source = Some(job::start(context.bell(), BATCH, move |sink| {
                if let Err(failure) = read(sink, &stored) {
                    sink.put(Come::Failed(failure));
                }
            })?);
            return Ok(Round::Wait);
        }
        self.take(context);
        self.in_hand.iter().try_for_each(|data| send(data, context))?;
        if self.in_hand.is_empty() {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if std::mem::take(&mut self.ended) {
                return Ok(Round::Done);
            }
            return Ok(if self.open { Round::Listen } else { Round::Wait });
        }
        Ok(Round::More)
    }

    /// Takes what came, up to a batch.
    fn take(&mut self, context: &mut Context) {
        let Some(source) = &self.source else { return };
        while self.in_hand.len() < BATCH {
            match source.try_recv() {
                Ok(Come::Open(line)) => {
                    self.open = true;
                    context.log(Level::Info, line);
                }
                Ok(Come::Data(data, mark)) => {
                    self.in_hand.push(data);
                    self.mark = mark.or(self.mark.take());
                }
                Ok(Come::End) => {
                    self.ended = true;
                    break;
                }
                Ok(Come::Failed(failure)) => {
                    self.failure = Some(failure);
                    break;
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.failure =
                        Some(Failure::Other("the reading of the stream ended without a reason".into()));
                    break;
                }
            }
        }
        if self.ended || self.failure.is_some() {
            self.source = None;
        }
    }

    /// Tells whether the source is read.
    pub(super) fn is_running(&self) -> bool {
        self.source.is_some()
    }

    /// Returns what the source is to be told once what was sent last is stored.
    pub(super) fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Learns that everything that was sent is stored, and tells the source, if that wants to hear of it.
    pub(super) fn stored(&mut self) {
        self.in_hand.clear();
        if let (Some(mark), Some(acks)) = (self.mark.take(), &self.acks) {
            // A source that is gone need not hear it: what it does not know comes again.
            let _ = acks.send(mark);
        }
    }

    /// Ends the reading, the connection included; tells whether something that came is not stored yet.
    ///
    /// A source over HTTP gives nothing twice. So what was read ahead is handed on by further calls of [`Stream::collect`], and
    /// the next reader gets the next line. Only for sources that heed [`Sink::wanted`].
    pub(super) fn close(&mut self) -> bool {
        if let Some(mut source) = self.source.take() {
            let data = |come| if let Come::Data(data, _) = come { Some(data) } else { None };
            self.in_hand.extend(source.end().filter_map(data));
        }
        !self.in_hand.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::bots::{Memory, Site};
    use crate::message::{Idf, Message};

    struct Nothing;

    impl Memory for Nothing {
        fn get(&mut self, _key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
            Ok(None)
        }
    }

    #[test]
    fn what_was_read_ahead_is_handed_on_before_the_end() {
        let site = Site { bot: "stream".into(), state: std::env::temp_dir(), idf: Idf::builtin() };
        let paths = ["_default".to_owned()];
        let (sender, all_there) = channel();
        let work = move |sink: &Sink<Come>, _: &Receiver<String>| {
            for text in ["a", "b", "c"] {
                assert!(sink.put(Come::Data(text.into(), None)));
            }
            sender.send(()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            assert!(runtime.block_on(sink.wanted().changed()).is_err(), "it is not wanted any more");
            Ok(())
        };
        let mut stream = Stream::default();
        let collect = |stream: &mut Stream| {
            let mut memory = Nothing;
            let mut context = Context::new(&site, &paths, &mut memory, BATCH);
            let work = work.clone();
            let sent = stream.collect(
                &mut context,
                || Box::new(work),
                |data, context| {
                    let mut report = Message::report(&site.idf);
                    report.add("raw", data)?;
                    context.send(report)
                },
            );
            assert!(sent.is_ok());
            context.finish().sent.into_iter().map(|(_, report)| report.raw().unwrap()).collect::<Vec<_>>()
        };
        assert!(collect(&mut stream).is_empty(), "it is only begun");
        all_there.recv().unwrap();
        assert!(stream.close());
        assert_eq!(collect(&mut stream), [b"a", b"b", b"c"]);
        stream.stored();
        assert!(!stream.close());
    }
}
