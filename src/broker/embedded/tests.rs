use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::ReadableTableMetadata as _;

use super::faults::{Faults, Work};
use super::*;
use crate::broker::contract::contract;

#[expect(clippy::unnecessary_wraps, reason = "other brokers of the contract may be missing on a machine")]
fn open(folder: &Path) -> Option<Box<dyn Broker>> {
    Some(Box::new(Embedded::open(folder, Options::default()).unwrap()))
}

contract!(open);

fn embedded(folder: &Path) -> Embedded {
    Embedded::open(folder, Options::default()).unwrap()
}

fn refusal(folder: &Path) -> String {
    match Embedded::open(folder, Options::default()) {
        Err(error @ BrokerError::Refused { .. }) => error.to_string(),
        Err(error) => panic!("not refused for good: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

fn link(broker: &Embedded, source: &str) -> Box<dyn Link> {
    broker.link(&Wiring { bot: "b".into(), source: Some(source.into()), destinations: vec![] }).unwrap()
}

fn hop(acknowledge: usize, bodies: impl IntoIterator<Item = Vec<u8>>) -> Hop {
    let queue: Arc<str> = "q".into();
    let outgoing = bodies.into_iter().map(|body| Outgoing { queue: queue.clone(), body }).collect();
    Hop { outgoing, acknowledge, state: Vec::new() }
}

fn remember(key: u64, ttl: Option<Duration>) -> StateEntry {
    StateEntry { bot: "b".into(), key: key.to_be_bytes().to_vec(), value: Some(vec![1]), ttl }
}

fn total(broker: &Embedded, queue: &str) -> u64 {
    broker.depth(queue).unwrap().total()
}

#[test]
fn a_second_owner_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = embedded(folder.path());
    let text = refusal(folder.path());
    assert!(text.contains(&*folder.path().to_string_lossy()) && text.contains("another process"), "{text}");
    drop(first);
    embedded(folder.path());
}

#[test]
fn other_formats_are_refused() {
    for (format, hint) in [(vec![4, 0, 0, 0], "newer"), (vec![0, 0, 0, 0], "format 0"), (vec![1], "unknown")]
    {
        let folder = tempfile::tempdir().unwrap();
        let broker = embedded(folder.path());
        let write = |transaction: &redb::WriteTransaction| {
            transaction.open_table(store::ABOUT)?.insert("format", format.as_slice())?;
            Ok(())
        };
        assert!(broker.0.store.write(write).is_ok());
        drop(broker);
        let text = refusal(folder.path());
        assert!(text.contains(hint), "{text}");
    }
}

#[test]
fn rubbish_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.redb"), "this is no database".repeat(1000)).unwrap();
    assert!(refusal(folder.path()).contains("damaged"));
}

#[test]
fn damage_is_found_after_a_reboot() {
    let folder = tempfile::tempdir().unwrap();
    let broker = embedded(folder.path());
    link(&broker, "q").commit(hop(0, (0..300).map(|byte| vec![byte as u8; 1000]))).unwrap();
    drop(broker);
    let file = folder.path().join("store.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(500).position(|window| window == [7; 500]).unwrap();
    bytes[at] = 8;
    std::fs::write(&file, &bytes).unwrap();
    std::fs::write(folder.path().join("boot"), "another-boot Always\n").unwrap();
    drop(embedded(folder.path()));
    std::fs::write(folder.path().join("boot"), "another-boot Never\n").unwrap();
    let text = refusal(folder.path());
    assert!(text.contains("damaged"), "{text}");
    bytes[at] = 7;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(total(&embedded(folder.path()), "q"), 300);
}

#[test]
fn a_chunk_leaves_the_store_with_its_last_message() {
    let folder = tempfile::tempdir().unwrap();
    let broker = embedded(folder.path());
    let mut link = link(&broker, "q");
    link.commit(hop(0, (0..1000).map(|_| vec![0; 2500]))).unwrap();
    let chunks = |expected: usize| {
        let count = broker.0.store.read(|snapshot| {
            let rows = snapshot.rows()?.range::<&[u8; 12]>(..)?.count();
            Ok([rows, snapshot.bodies()?.range::<&[u8; 12]>(..)?.count()])
        });
        assert_eq!(count.unwrap(), [expected; 2]);
    };
    chunks(3);
    assert_eq!(link.receive(500, Duration::ZERO).unwrap().len(), 500);
    link.commit(hop(417, [])).unwrap();
    chunks(3);
    link.commit(hop(1, [])).unwrap();
    chunks(2);
    assert_eq!(broker.clear("q").unwrap(), 500);
    chunks(1);
    link.commit(hop(82, [])).unwrap();
    chunks(0);
}

#[test]
fn a_message_larger_than_a_chunk_is_stored_in_pieces_that_leave_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    link(&embedded(folder.path()), "q").commit(hop(0, [vec![1], large.clone(), vec![2]])).unwrap();
    let broker = embedded(folder.path());
    let pieces = |expected: u64| {
        let count = broker.0.store.write(|transaction| Ok(transaction.open_table(store::PIECES)?.len()?));
        assert_eq!(count.ok(), Some(expected));
    };
    pieces(3);
    let mut link = link(&broker, "q");
    let received: Vec<_> = link.receive(3, Duration::ZERO).unwrap().into_iter().map(|d| d.body).collect();
    assert!(received == [vec![1], large, vec![2]]);
    link.commit(hop(3, [])).unwrap();
    pieces(0);
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let broker = embedded(folder.path());
    let mut link = link(&broker, "q");
    link.commit(hop(0, (0..20).map(|_| vec![0; 1 << 20]))).unwrap();
    assert_eq!(link.receive(20, Duration::ZERO).unwrap().len(), 4);
    assert_eq!(broker.depth("q").unwrap(), Depth { waiting: 16, in_flight: 4 });
    assert!(link.receive(20, Duration::ZERO).unwrap().iter().all(|delivery| !delivery.redelivered));
}

#[test]
fn expired_entries_leave_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = embedded(folder.path());
    let mut most = 0;
    for round in 0..60 {
        if round % 7 == 0 {
            drop(broker);
            broker = embedded(folder.path());
        }
        let state = (0..200).map(|number| remember(round * 200 + number, Some(Duration::ZERO))).collect();
        link(&broker, "q").commit(Hop { state, ..Hop::default() }).unwrap();
        let count = broker.0.store.read(|snapshot| Ok(snapshot.state()?.range::<&[u8]>(..)?.count()));
        most = most.max(count.unwrap());
    }
    assert!(most < 3000, "of 12000 expired entries {most} were kept at once");
    link(&broker, "q").commit(Hop { state: vec![remember(0, None)], ..Hop::default() }).unwrap();
    for _ in 0..60 {
        let state = (0..200).map(|number| remember(1 << 40 | number, Some(Duration::ZERO))).collect();
        link(&broker, "q").commit(Hop { state, ..Hop::default() }).unwrap();
    }
    assert_eq!(link(&broker, "q").recall("b", &0u64.to_be_bytes()).unwrap(), Some(vec![1]));
}

/// Whatever fails and when, what a failed hop did not acknowledge comes again, and a hop made of that is stored once.
#[test]
fn a_failing_disk_loses_and_doubles_nothing() {
    let mut failures = 0;
    for work in [Work::Read, Work::Write, Work::Sync] {
        for (after, times) in (0..20).flat_map(|after| [1, 2, 3, usize::MAX].map(|times| (after, times))) {
            failures += fail_in_a_hop(work, (after, times), 5);
            failures += fail_in_a_hop(work, (after, times), 0);
        }
    }
    assert!(failures > 50, "only {failures} hops failed");
}

/// A bot may also be made anew while the disk fails: what it had in hand comes back, unless its hop is stored after all.
#[test]
fn a_link_dropped_while_the_disk_fails_loses_and_doubles_nothing() {
    for (work, after) in
        [Work::Write, Work::Sync].iter().flat_map(|work| (0..16).map(move |after| (*work, after)))
    {
        let folder = tempfile::tempdir().unwrap();
        let broker = embedded(folder.path());
        let mut first = link(&broker, "in");
        let queue: Arc<str> = "in".into();
        let outgoing = (0..6).map(|byte| Outgoing { queue: queue.clone(), body: vec![byte; 10] }).collect();
        first.commit(Hop { outgoing, ..Hop::default() }).unwrap();
        assert_eq!(first.receive(4, Duration::ZERO).unwrap().len(), 4);
        let faults = Faults::of(&folder.path().join("store.redb"));
        faults.fail(work, after, usize::MAX);
        let _ = first.commit(hop(3, [vec![7]]));
        drop(first);
        faults.heal();
        let first = link(&broker, "in");
        let (left, sent) = (broker.depth("in").unwrap(), broker.depth("q").unwrap());
        let expected = if sent.total() == 1 { 3 } else { 6 };
        assert_eq!(
            (left, sent.in_flight),
            (Depth { waiting: expected, in_flight: 0 }, 0),
            "{work:?} after {after}"
        );
        drop(first);
        drop(broker);
        let broker = embedded(folder.path());
        assert_eq!(
            (broker.depth("in").unwrap(), broker.depth("q").unwrap()),
            (left, sent),
            "{work:?} after {after}"
        );
    }
}

/// Sends some messages in a hop that acknowledges three; returns how often that failed.
fn fail_in_a_hop(work: Work, (after, times): (usize, usize), sent: u8) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let broker = embedded(folder.path());
    let mut link = link(&broker, "in");
    let queue: Arc<str> = "in".into();
    let outgoing = (0..6).map(|byte| Outgoing { queue: queue.clone(), body: vec![byte; 10] }).collect();
    link.commit(Hop { outgoing, ..Hop::default() }).unwrap();
    assert_eq!(link.receive(4, Duration::ZERO).unwrap().len(), 4);
    let next = || Hop { state: vec![remember(1, None)], ..hop(3, (0..sent).map(|byte| vec![byte; 300_000])) };
    let faults = Faults::of(&folder.path().join("store.redb"));
    faults.fail(work, after, times);
    let mut failed = 0;
    while let Err(error) = link.commit(next()) {
        assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
        failed += 1;
        if failed == 3 {
            faults.heal();
        }
        while link.release().is_err() {
            faults.heal();
        }
        // As a worker goes on: with what comes again, and that is nothing if the hop was stored after all.
        let again = loop {
            match link.receive(4, Duration::ZERO) {
                Ok(again) => break again,
                Err(_) => faults.heal(),
            }
        };
        if again[0].body[0] != 0 {
            assert_eq!(again.len(), 3);
            link.release().unwrap();
            break;
        }
    }
    faults.heal();
    let check = |broker: &Embedded| {
        assert_eq!(
            (total(broker, "in"), total(broker, "q")),
            (3, u64::from(sent)),
            "{work:?} after {after}, {times} times"
        );
        let bodies = broker.peek("q", 9).unwrap();
        assert!(bodies.iter().map(|body| (body[0], body.len())).eq((0..sent).map(|byte| (byte, 300_000))));
        assert_eq!(broker.peek("in", 9).unwrap(), [[3; 10], [4; 10], [5; 10]]);
    };
    check(&broker);
    link.release().unwrap();
    assert_eq!(link.receive(9, Duration::ZERO).unwrap().len(), 3);
    drop(link);
    drop(broker);
    check(&embedded(folder.path()));
    failed
}

#[test]
fn failing_reads_lose_nothing() {
    for after in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let broker = embedded(folder.path());
        link(&broker, "q").commit(hop(0, (0..40).map(|byte| vec![byte; 90_000]))).unwrap();
        drop(broker);
        let broker = embedded(folder.path());
        let mut link = link(&broker, "q");
        let faults = Faults::of(&folder.path().join("store.redb"));
        faults.fail(Work::Read, after, usize::MAX);
        let mut got = 0;
        while got < 40 {
            match link.receive(40, Duration::ZERO) {
                Ok(batch) => {
                    assert!(batch.iter().zip(got..).all(|(delivery, number)| delivery.body[0] == number));
                    got += batch.len() as u8;
                }
                Err(error) => {
                    assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
                    faults.heal();
                }
            }
            assert_eq!(total(&broker, "q"), 40);
        }
        link.commit(hop(40, [])).unwrap();
        assert_eq!(total(&broker, "q"), 0);
    }
}

#[test]
fn clearing_with_a_failing_disk_can_be_repeated() {
    for (work, after) in
        [Work::Write, Work::Sync].iter().flat_map(|work| (0..12).map(move |after| (*work, after)))
    {
        let folder = tempfile::tempdir().unwrap();
        let broker = embedded(folder.path());
        let mut link = link(&broker, "q");
        link.commit(hop(0, (0..9).map(|byte| vec![byte; 10]))).unwrap();
        assert_eq!(link.receive(2, Duration::ZERO).unwrap().len(), 2);
        let faults = Faults::of(&folder.path().join("store.redb"));
        faults.fail(work, after, usize::MAX);
        let cleared = broker.clear("q");
        faults.heal();
        if cleared.is_err() {
            broker.clear("q").unwrap();
        }
        assert_eq!(broker.depth("q").unwrap(), Depth { waiting: 0, in_flight: 2 });
        drop(link);
        drop(broker);
        assert_eq!(embedded(folder.path()).peek("q", 9).unwrap(), [[0; 10], [1; 10]]);
    }
}
