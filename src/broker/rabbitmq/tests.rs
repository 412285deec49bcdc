//! The contract on a real server, and what is RabbitMQ's own.

mod server;

use std::path::Path;

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeleteOptions};
use tempfile::TempDir;

use self::server::PASSWORD;
use super::*;
use crate::broker::contract::{self, Server, contract, server_contract};

const NOT: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(60);

/// Returns the address of a place: queues of one place never meet those of another.
fn address(port: u16, prefix: &str, more: &str) -> Address {
    let text = format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{port}?management=0&prefix={prefix}.&{more}");
    Address::of_url(&Url::parse(&text).unwrap()).unwrap()
}

fn broker(address: Address, place: &Path) -> RabbitMq {
    RabbitMq::new(address, place.join("memory"), SyncMode::Never).unwrap()
}

fn open(place: &Path) -> Option<Box<dyn Broker>> {
    let address = address(server::port(place)?, &place.display().to_string(), "");
    Some(Box::new(broker(address, place)))
}

contract!(open);

const SERVER: Server = Server {
    open: |place| server::start_own(place).then(|| open(place)).flatten(),
    stop: |place| server::own(place, server::Process::kill),
    start: |place| server::own(place, server::Process::restart),
    intrude: |place| {
        let right = address(server::port(place).unwrap(), &place.display().to_string(), "");
        Box::new(broker(Address { password: "wrong".to_owned(), ..right }, &place.join("intruder")))
    },
};

server_contract!(SERVER);

#[test]
fn processes_share() {
    let place = tempfile::tempdir().unwrap();
    contract::processes_share(place.path(), |place, member| {
        let address = address(server::port(place)?, &place.display().to_string(), "");
        Some(Box::new(broker(address, &place.join(member.to_string()))))
    });
}

/// A broker in an empty place.
struct Lab {
    place: TempDir,
    address: Address,
    broker: RabbitMq,
}

impl Lab {
    /// Opens a broker with some more options.
    fn new(more: &str) -> Option<Lab> {
        let place = tempfile::tempdir().unwrap();
        let port = server::port(place.path())?;
        let address = address(port, &place.path().display().to_string(), more);
        let broker = broker(address.clone(), place.path());
        Some(Lab { place, address, broker })
    }

    /// Does something with the server that the broker knows nothing of.
    fn behind<T>(&self, work: impl AsyncFnOnce(&Channel) -> lapin::Result<T>) -> T {
        let engine = Arc::new(Engine::start().unwrap());
        let wire = Wire::new(Arc::new(self.address.clone()), engine, "test");
        let channel = wire.channel().unwrap();
        wire.ask(work(&channel)).unwrap()
    }

    fn name(&self, queue: &str) -> ShortString {
        format!("{}{queue}", self.address.prefix).into()
    }
}

fn link(broker: &RabbitMq, source: &str) -> Box<dyn Link> {
    broker.link(&wiring(Some(source))).unwrap()
}

fn wiring(source: Option<&str>) -> Wiring {
    Wiring { bot: "b".to_owned(), source: source.map(str::to_owned), destinations: vec!["q".to_owned()] }
}

fn hop(acknowledge: usize, bodies: impl IntoIterator<Item = u32>) -> Hop {
    let queue: Arc<str> = "q".into();
    let body = |number: u32| number.to_string().into_bytes();
    let outgoing = bodies.into_iter().map(|number| Outgoing { queue: queue.clone(), body: body(number) });
    Hop { outgoing: outgoing.collect(), acknowledge, state: Vec::new() }
}

fn number(body: &[u8]) -> u32 {
    String::from_utf8_lossy(body).parse().unwrap()
}

/// Receives at once.
fn take(link: &mut dyn Link, max: usize) -> Vec<u32> {
    link.receive(max, NOT).unwrap().iter().map(|delivery| number(&delivery.body)).collect()
}

#[test]
fn who_is_not_let_in_is_told_so() {
    let Some(lab) = Lab::new("") else { return };
    let right = || lab.address.clone();
    let wrongs = [
        (Address { password: "wrong".to_owned(), ..right() }, "check user name and password"),
        (Address { vhost: "nowhere".to_owned(), ..right() }, r#"may not use the virtual host "nowhere""#),
        (Address { prefix: "amq.".to_owned(), ..right() }, "are the server's own"),
    ];
    for (address, problem) in wrongs {
        let Err(error) = broker(address, lab.place.path()).link(&wiring(None)) else { panic!("let in") };
        assert!(
            matches!(error, BrokerError::Refused { .. }) && error.to_string().contains(problem),
            "{error}"
        );
        assert!(error.to_string().starts_with("RabbitMQ at 127.0.0.1:"), "{error}");
    }
}

#[test]
fn a_server_that_is_not_there_may_come() {
    let place = tempfile::tempdir().unwrap();
    let broker = broker(address(1, "p", ""), place.path());
    let Err(error) = broker.link(&wiring(Some("a"))) else { panic!("nobody listens there") };
    assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
    assert!(matches!(broker.depth("a"), Err(BrokerError::Unavailable { .. })));
}

#[test]
fn a_deleted_queue_is_made_again() {
    let Some(lab) = Lab::new("") else { return };
    let mut link = link(&lab.broker, "q");
    link.commit(hop(0, 0..3)).unwrap();
    assert_eq!(take(&mut *link, 2), [0, 1]);
    lab.behind(async |channel| channel.queue_delete(lab.name("q"), QueueDeleteOptions::default()).await);
    let end = Instant::now() + LONG;
    while lab.broker.depth("q").map_or(1, Depth::total) > 0 {
        assert!(Instant::now() < end, "it does not hear of it");
    }
    // What was in flight is gone with the queue: the hop is not stored, and nothing of it is.
    assert!(link.commit(hop(2, 7..8)).is_err());
    link.commit(hop(0, 3..6)).unwrap();
    assert_eq!(take(&mut *link, 9), [3, 4, 5]);
}

#[test]
fn quorum_queues_keep_the_order() {
    let Some(lab) = Lab::new("queues=quorum") else { return };
    let mut first = link(&lab.broker, "q");
    first.commit(hop(0, 0..6)).unwrap();
    assert_eq!(take(&mut *first, 3), [0, 1, 2]);
    first.commit(hop(1, [])).unwrap();
    assert_eq!(lab.broker.depth("q").unwrap(), Depth { waiting: 3, in_flight: 2 });
    first.release().unwrap();
    drop(first);
    let end = Instant::now() + LONG;
    // A quorum hears of a consumer's end when it has agreed on it.
    while lab.broker.depth("q").unwrap().total() < 5 {
        let there = || (lab.broker.0.ready("q"), lab.broker.peek("q", 9));
        assert!(Instant::now() < end, "{:?}", there());
    }
    let peeked = lab.broker.peek("q", 9).unwrap();
    assert!(peeked.iter().map(|body| number(body)).eq(1..6), "{peeked:?}");
    let mut second = link(&lab.broker, "q");
    assert_eq!(take(&mut *second, 9), [1, 2, 3, 4, 5]);
    // Another process may know them as classic ones: they are used as they are.
    let classic = Address { queues: QueueKind::Classic, ..lab.address.clone() };
    let other = broker(classic, &lab.place.path().join("other"));
    assert_eq!(other.link(&wiring(Some("q"))).err().map(|error| error.to_string()), None);
}

#[test]
fn with_an_exchange_queues_are_there_or_missed() {
    let Some(lab) = Lab::new("exchange=own") else { return };
    let Err(error) = lab.broker.link(&wiring(None)) else { panic!("it is not there") };
    assert!(error.to_string().contains("there is no queue \"q\""), "{error}");
    let exchange = format!("{}own", lab.address.prefix);
    lab.behind(async |channel| {
        let options = ExchangeDeclareOptions::default();
        channel
            .exchange_declare(exchange.clone().into(), ExchangeKind::Direct, options, FieldTable::default())
            .await?;
        declare(channel, lab.name("q"), Some(FieldTable::default())).await
    });
    let address = Address { exchange: exchange.clone(), ..lab.address.clone() };
    let broker = broker(address, &lab.place.path().join("bound"));
    let mut link = link(&broker, "q");
    let error = link.commit(hop(0, 1..2)).unwrap_err().to_string();
    assert!(error.contains("comes back: bind a queue to the exchange"), "{error}");
    lab.behind(async |channel| {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(lab.name("q"), exchange.clone().into(), lab.name("q"), options, none).await
    });
    link.commit(hop(0, 2..4)).unwrap();
    assert_eq!(take(&mut *link, 9), [2, 3]);
}

#[test]
fn what_is_finished_does_not_come_again_after_a_death_before_its_acknowledgement() {
    let Some(lab) = Lab::new("") else { return };
    let mut first = link(&lab.broker, "q");
    first.commit(hop(0, 0..5)).unwrap();
    drop(first);
    let intake = lab.broker.0.make_intake("q").unwrap();
    let mut hand = intake.join();
    assert_eq!(intake.receive(&lab.broker.0, &mut hand, 4, true).unwrap().len(), 4);
    let done = intake.oldest(&hand, 3);
    assert_eq!(done.len(), 3);
    lab.broker.0.memory.store(vec![Memory::finished("q", hand.slot, &done)]).unwrap();
    intake.leave(&mut hand);
    let Lab { place, address, broker: dead } = lab;
    drop((intake, dead));
    let broker = broker(address, place.path());
    let mut again = link(&broker, "q");
    assert_eq!(take(&mut *again, 9), [3, 4]);
    again.commit(hop(2, [])).unwrap();
    assert_eq!(broker.depth("q").unwrap().total(), 0);
}
