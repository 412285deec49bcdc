//! What every broker must do, written once: `contract!(open)` in a broker's tests makes a test of each case.
//!
//! `open` is a `fn(&Path) -> Option<Box<dyn Broker>>`. The path is an empty folder of this test alone; a broker that keeps
//! its queues elsewhere takes a name from it, so that the same path finds the same queues again. `None` skips, aloud.
//! `server_contract!(server)` does so for what only a server can do: end and begin again.

mod kill;
mod model;
mod queues;
mod server;
mod state;
mod waiting;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) use kill::{kill, victim};
pub(super) use model::agrees_with_a_model;
pub(super) use queues::*;
pub(super) use server::*;
pub(super) use state::*;
pub(super) use waiting::*;

use super::{Broker, Delivery, Guarantee, Hop, Link, Outgoing, StateEntry, Wiring};

/// Opens the broker under test.
pub(super) type Open = fn(&Path) -> Option<Box<dyn Broker>>;

/// Makes a test of each case of the contract.
macro_rules! contract {
    ($open:expr) => {
        $crate::broker::contract::contract! { @cases $open;
            order, batches, several_queues, nothing_without_commit, partial_acknowledgement, acknowledged_as_received, too_many_acknowledged,
            dropped_link_gives_back, released_in_order, redelivered_after_reopening, instances_share, depths, peeking,
            clearing, odd_names, sizes, empty_hop, reopening_keeps_everything,
            remembering, forgetting, expiring, memory_is_per_bot, memory_and_messages_together,
            waits_for_a_commit, waits_no_longer_than_told, interrupt_wakes, interrupt_is_not_missed, room, no_room,
            concurrent_chain, agrees_with_a_model
        }
        #[test]
        fn kill() {
            $crate::broker::contract::kill($open, module_path!());
        }
        #[test]
        #[ignore = "run by the test `kill`"]
        fn victim() {
            $crate::broker::contract::victim($open);
        }
    };
    (@cases $open:expr; $($case:ident),*) => {
        $(
            #[test]
            fn $case() {
                let place = tempfile::tempdir().unwrap();
                $crate::broker::contract::$case(&$crate::broker::contract::Place::new(place.path(), $open));
            }
        )*
    };
}
pub(super) use contract;

/// Where one test has its queues.
pub(super) struct Place<'a> {
    path: &'a Path,
    open: Open,
}

impl<'a> Place<'a> {
    /// Makes a place of a folder.
    pub(super) fn new(path: &'a Path, open: Open) -> Self {
        Place { path, open }
    }

    /// Opens the broker, for the first time or again; `None` skips the test.
    fn open(&self) -> Option<Box<dyn Broker>> {
        let broker = (self.open)(self.path);
        if broker.is_none() {
            eprintln!("skipped: this broker is not here");
        }
        broker
    }
}

/// The queue that most cases use.
const Q: &str = "shadowserver-parser-queue";
/// A wait that is never used up when all is well.
const LONG: Duration = Duration::from_secs(60);
const NOT: Duration = Duration::ZERO;

/// Links a bot to a source.
fn link(broker: &dyn Broker, source: &str) -> Box<dyn Link> {
    let wiring = Wiring { bot: "tester".into(), source: Some(source.into()), destinations: vec![Q.into()] };
    broker.link(&wiring).unwrap()
}

/// Links a bot that only sends.
fn sender(broker: &dyn Broker) -> Box<dyn Link> {
    let wiring = Wiring { bot: "sender".into(), source: None, destinations: vec![Q.into()] };
    broker.link(&wiring).unwrap()
}

/// Makes messages for a queue.
fn to(queue: &str, bodies: &[&str]) -> Vec<Outgoing> {
    let queue: Arc<str> = queue.into();
    bodies.iter().map(|body| Outgoing { queue: queue.clone(), body: body.as_bytes().to_vec() }).collect()
}

/// Sends messages in one hop.
fn send(broker: &dyn Broker, queue: &str, bodies: &[&str]) {
    sender(broker).commit(Hop { outgoing: to(queue, bodies), ..Hop::default() }).unwrap();
}

/// Makes a hop that only acknowledges.
fn done(acknowledge: usize) -> Hop {
    Hop { acknowledge, ..Hop::default() }
}

/// Makes a state entry.
fn entry(bot: &str, key: &str, value: Option<&str>, ttl: Option<Duration>) -> StateEntry {
    StateEntry { bot: bot.into(), key: key.into(), value: value.map(|value| value.as_bytes().to_vec()), ttl }
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

/// Returns bodies as text.
fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| text(&delivery.body)).collect()
}

/// Receives at once, as text.
fn take(link: &mut dyn Link, max: usize) -> Vec<String> {
    bodies(&link.receive(max, NOT).unwrap())
}

/// Receives at once, each text with a mark if it is redelivered; at some brokers there may be more marks than are due.
fn expect_marked(broker: &dyn Broker, link: &mut dyn Link, max: usize, expected: &[&str]) {
    let exact = broker.guarantee() == Guarantee::ExactlyOnce;
    let got = link.receive(max, NOT).unwrap();
    let mark = |(at, delivery): (usize, &Delivery)| {
        let due = expected.get(at).is_some_and(|text| text.ends_with('!'));
        text(&delivery.body) + if delivery.redelivered && (exact || due) { "!" } else { "" }
    };
    assert_eq!(got.iter().enumerate().map(mark).collect::<Vec<_>>(), expected);
}

/// Receives until there are so many, as a broker may hand out a hop's messages as they arrive.
fn gather(link: &mut dyn Link, count: usize) -> Vec<Delivery> {
    let mut got = Vec::new();
    while got.len() < count {
        let more = link.receive(count - got.len(), LONG).unwrap();
        assert!(!more.is_empty(), "of {count} messages {} came", got.len());
        got.extend(more);
    }
    got
}

/// Returns waiting and in flight.
fn depth(broker: &dyn Broker, queue: &str) -> (u64, u64) {
    let depth = broker.depth(queue).unwrap();
    (depth.waiting, depth.in_flight)
}
