//! The one consumer behind an intake: what came of it, in the queue's order, and what was lost with a connection.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};

use super::super::settled;
use super::super::wait::{answer, deadline};
use super::super::wire::{ANSWER, Wire};
use super::{Feed, Hand, Inner, Parcel};
use crate::broker::BrokerError;

impl Inner {
    pub(super) fn check(&self, wire: &Wire, hand: &mut Hand) -> Result<(), BrokerError> {
        if hand.generation == self.generation || hand.tags.is_empty() {
            return Ok(());
        }
        hand.tags.clear();
        Err(wire.unavailable(format!("{}; what was not acknowledged comes again", self.reason)))
    }

    /// Ends the feed: nothing that is here means anything to the server any more.
    pub(super) fn lose(&mut self, reason: impl Into<String>) -> Option<Feed> {
        self.generation += 1;
        self.reason = reason.into();
        self.waiting.clear();
        self.held.clear();
        self.feed.take()
    }

    /// Counts what is here of this window.
    pub(super) fn taken(&self) -> usize {
        let Some(feed) = &self.feed else { return 0 };
        let waiting = self.waiting.len() - self.waiting.partition_point(|parcel| parcel.tag <= feed.opened);
        waiting + self.held.range(feed.opened + 1..).count()
    }

    pub(super) fn consume(
        &mut self,
        wire: &Wire,
        channel: Channel,
        name: &ShortString,
        window: usize,
    ) -> Result<(), BrokerError> {
        let last = self.feed.as_ref().map_or(0, |feed| feed.last);
        let consuming = async {
            channel.basic_qos(window as u16, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            channel.basic_consume(name.clone(), "".into(), options, FieldTable::default()).await
        };
        match wire.ask(consuming) {
            Ok(consumer) => {
                self.feed = Some(Feed { channel, consumer, window, opened: last, last });
                Ok(())
            }
            Err(error) => {
                self.lose(error.to_string());
                Err(error)
            }
        }
    }

    /// Takes in what has come, and acknowledges at once what is finished already.
    pub(super) fn take_in(&mut self, wire: &Wire, waker: &Waker) {
        let mut context = Context::from_waker(waker);
        let mut again = Vec::new();
        while let Some(feed) = &mut self.feed {
            match Pin::new(&mut feed.consumer).poll_next(&mut context) {
                Poll::Ready(Some(Ok(delivery))) => again.extend(self.accept(delivery)),
                Poll::Ready(Some(Err(error))) => drop(self.lose(wire.trouble(&error).to_string())),
                Poll::Ready(None) => drop(self.lose("the queue was deleted, or moved")),
                Poll::Pending => break,
            }
        }
        self.confirm(&again);
    }

    /// Takes in the last messages of a consumer that was cancelled.
    pub(super) fn drain(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let mut again = Vec::new();
        while let Some(feed) = &mut self.feed
            && let Poll::Ready(Some(Ok(delivery))) = Pin::new(&mut feed.consumer).poll_next(&mut context)
        {
            again.extend(self.accept(delivery));
        }
        self.confirm(&again);
    }

    /// Takes a message in; returns its tag if it is finished already.
    fn accept(&mut self, delivery: lapin::message::Delivery) -> Option<u64> {
        let tag = delivery.delivery_tag;
        self.arrived += 1;
        if let Some(feed) = &mut self.feed {
            feed.last = tag;
        }
        let id = delivery.properties.message_id().as_ref().and_then(|id| settled::read(id.as_str()));
        if delivery.redelivered && id.is_some_and(|id| self.settled.holds(id)) {
            return Some(tag);
        }
        self.waiting.push_back(Parcel { tag, id, body: delivery.data, redelivered: delivery.redelivered });
        None
    }

    /// Tells the server that messages are finished, which are here no more.
    pub(super) fn confirm(&mut self, tags: &[u64]) {
        let (Some(feed), Some(&last)) = (&self.feed, tags.last()) else { return };
        let oldest =
            self.held.keys().next().into_iter().chain(self.waiting.front().map(|parcel| &parcel.tag)).min();
        let channel = &feed.channel;
        let multiple = |tag, multiple| channel.basic_ack(tag, BasicAckOptions { multiple });
        let telling = async {
            if oldest.is_none_or(|oldest| *oldest > last) {
                return multiple(last, true).await;
            }
            for tag in tags {
                multiple(*tag, false).await?;
            }
            Ok(())
        };
        // If it fails the connection is lost, which is seen when somebody looks.
        let _ = answer(telling, deadline(ANSWER));
    }
}
