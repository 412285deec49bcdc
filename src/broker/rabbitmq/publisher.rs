//! Messages on their way to the server: sent one after the other, confirmed together.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};

use super::settled::Ids;
use super::wait::deadline;
use super::wire::{ANSWER, Wire};
use super::{BrokerError, Outgoing, Shared};

/// How many bytes are handed to the client library at once.
const AT_ONCE: usize = 4 << 20;
/// How AMQP says that a message outlives the server.
const PERSISTENT: u8 = 2;
/// How long a full queue is left alone before it is tried again.
const FULL: Duration = Duration::from_millis(100);

/// Sends the messages of one instance.
#[derive(Default)]
pub(super) struct Publisher {
    channel: Option<Channel>,
}

/// A message with the name of its queue at the server.
#[derive(Clone, Copy)]
struct Letter<'a> {
    key: &'a ShortString,
    message: &'a Outgoing,
}

/// What became of a message that the server did not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// No queue was found for it.
    Unroutable,
    /// The queue is full, or the server is in trouble.
    Rejected,
}

impl Publisher {
    /// Sends messages and waits until the server has them all. After an error some may be stored.
    pub(super) fn publish(&mut self, shared: &Shared, outgoing: &[Outgoing]) -> Result<(), BrokerError> {
        if outgoing.is_empty() {
            return Ok(());
        }
        let mut keys = BTreeMap::new();
        for message in outgoing {
            if !keys.contains_key(&*message.queue) {
                keys.insert(&*message.queue, shared.outgoing.queue(&message.queue)?);
            }
        }
        let letters =
            outgoing.iter().map(|message| Letter { key: &keys[&*message.queue], message }).collect();
        let result = self.send(shared, letters);
        if result.is_err() {
            // What comes late must not be taken for the answer to what is sent next.
            self.channel = None;
        }
        result
    }

    fn send(&mut self, shared: &Shared, mut left: Vec<Letter<'_>>) -> Result<(), BrokerError> {
        let wire = &shared.outgoing;
        let exchange = &shared.address.exchange;
        let end = Instant::now() + ANSWER;
        let mut declared = false;
        loop {
            let channel = self.channel(wire)?;
            if wire.is_blocked() {
                return Err(wire.unavailable("it takes no messages now: it is short of memory or disk"));
            }
            let failed = wire.ask(publish(&channel, exchange, &shared.ids, &left))?;
            if failed.is_empty() {
                return Ok(());
            }
            let unroutable = failed.iter().filter(|(_, failure)| *failure == Failure::Unroutable);
            let unroutable: BTreeSet<&str> =
                unroutable.map(|(index, _)| &*left[*index].message.queue).collect();
            match unroutable.first() {
                Some(queue) if declared || !exchange.is_empty() => {
                    return Err(wire.unavailable(format!(
                        "what is sent to {queue:?} comes back: bind a queue to the exchange {exchange:?} with that name as \
                         routing key"
                    )));
                }
                Some(_) => {
                    for queue in unroutable {
                        shared.declare(queue)?;
                    }
                    declared = true;
                }
                None if Instant::now() >= end => {
                    return Err(wire.unavailable("it rejects messages: a queue is full"));
                }
                None => shared.room.wait(shared.room.count(), deadline(FULL)),
            }
            left = failed.into_iter().map(|(index, _)| left[index]).collect();
        }
    }

    fn channel(&mut self, wire: &Wire) -> Result<Channel, BrokerError> {
        if let Some(channel) = self.channel.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = wire.channel()?;
        wire.ask(channel.confirm_select(ConfirmSelectOptions::default()))?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }
}

/// Publishes messages in order; returns which of them the server did not take.
async fn publish(
    channel: &Channel,
    exchange: &str,
    ids: &Ids,
    letters: &[Letter<'_>],
) -> lapin::Result<Vec<(usize, Failure)>> {
    let mut confirms: Vec<PublisherConfirm> = Vec::with_capacity(letters.len());
    let mut rest = letters;
    while !rest.is_empty() {
        let mut room = AT_ONCE;
        let fits = |letter: &&Letter<'_>| {
            let fits = room > 0;
            room = room.saturating_sub(letter.message.body.len() + 100);
            fits
        };
        let (now, later) = rest.split_at(rest.iter().take_while(fits).count());
        let mut sending = Vec::with_capacity(now.len());
        for letter in now {
            let mut one = Box::pin(start(channel, exchange, ids, letter));
            // This alone hands it to the client library; the answer comes when it is with the kernel.
            sending.push(match poll_fn(|context| Poll::Ready(one.as_mut().poll(context))).await {
                Poll::Ready(confirm) => Sending::Sent(confirm?),
                Poll::Pending => Sending::Pending(one),
            });
        }
        for one in sending {
            confirms.push(match one {
                Sending::Sent(confirm) => confirm,
                Sending::Pending(one) => one.await?,
            });
        }
        rest = later;
    }
    let mut failed = Vec::new();
    for (index, confirm) in confirms.into_iter().enumerate() {
        match confirm.await? {
            Confirmation::Ack(None) | Confirmation::NotRequested => {}
            Confirmation::Ack(Some(_)) => failed.push((index, Failure::Unroutable)),
            Confirmation::Nack(_) => failed.push((index, Failure::Rejected)),
        }
    }
    Ok(failed)
}

/// A message that is handed to the client library.
enum Sending<F> {
    Sent(PublisherConfirm),
    Pending(F),
}

async fn start(
    channel: &Channel,
    exchange: &str,
    ids: &Ids,
    letter: &Letter<'_>,
) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties =
        BasicProperties::default().with_delivery_mode(PERSISTENT).with_message_id(ids.next().into());
    channel
        .basic_publish(exchange.into(), letter.key.clone(), options, &letter.message.body, properties)
        .await
}
