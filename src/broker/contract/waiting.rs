//! Waiting for messages, for room, and being woken.

use std::thread;
use std::time::Instant;

use super::*;

/// Runs something while another thread waits, once that had time to begin; what it checks holds also if it had not.
fn meanwhile<T: Send>(wait: impl FnOnce() -> T + Send, act: impl FnOnce()) -> T {
    thread::scope(|scope| {
        let waiting = scope.spawn(wait);
        thread::park_timeout(Duration::from_millis(30));
        act();
        waiting.join().unwrap()
    })
}

pub(in crate::broker) fn waits_for_a_commit(place: &Place) {
    let Some(broker) = place.open() else { return };
    let mut link = link(&*broker, Q);
    let start = Instant::now();
    let got = meanwhile(|| gather(&mut *link, 2), || send(&*broker, Q, &["1", "2"]));
    assert_eq!(bodies(&got), ["1", "2"]);
    assert!(start.elapsed() < LONG);
}

pub(in crate::broker) fn waits_no_longer_than_told(place: &Place) {
    let Some(broker) = place.open() else { return };
    let wait = Duration::from_millis(50);
    for mut link in [link(&*broker, Q), sender(&*broker)] {
        let start = Instant::now();
        assert!(link.receive(9, wait).unwrap().is_empty());
        assert!(start.elapsed() >= wait);
    }
}

pub(in crate::broker) fn interrupt_wakes(place: &Place) {
    let Some(broker) = place.open() else { return };
    for mut link in [link(&*broker, Q), sender(&*broker)] {
        let start = Instant::now();
        let got = meanwhile(|| link.receive(9, LONG).unwrap(), || broker.interrupt());
        assert!(got.is_empty());
        assert!(start.elapsed() < LONG);
    }
}

pub(in crate::broker) fn interrupt_is_not_missed(place: &Place) {
    let Some(broker) = place.open() else { return };
    let mut link = link(&*broker, Q);
    broker.interrupt();
    let start = Instant::now();
    assert!(link.receive(9, LONG).unwrap().is_empty());
    assert!(start.elapsed() < LONG);
    send(&*broker, Q, &["1"]);
    broker.interrupt();
    assert_eq!(bodies(&link.receive(9, LONG).unwrap()), ["1"]);
}

pub(in crate::broker) fn room(place: &Place) {
    let Some(broker) = place.open() else { return };
    assert!(broker.wait_for_room(Q, 1, NOT).unwrap());
    send(&*broker, Q, &["1", "2", "3"]);
    let mut link = link(&*broker, Q);
    take(&mut *link, 3);
    let start = Instant::now();
    let there = meanwhile(|| broker.wait_for_room(Q, 2, LONG).unwrap(), || link.commit(done(2)).unwrap());
    assert!(there);
    assert!(start.elapsed() < LONG);
}

pub(in crate::broker) fn no_room(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2"]);
    take(&mut *link(&*broker, Q), 1);
    for limit in [0, 1, 2] {
        assert!(!broker.wait_for_room(Q, limit, Duration::from_millis(10)).unwrap());
    }
    assert!(broker.wait_for_room(Q, 3, NOT).unwrap());
}

/// Threads that hand messages down a chain, two to each stage, while one stage is slow.
pub(in crate::broker) fn concurrent_chain(place: &Place) {
    const COUNT: usize = 2000;
    let Some(broker) = place.open() else { return };
    let stage = |source: &str, next: &str| {
        let mut link = link(&*broker, source);
        loop {
            let batch = link.receive(64, Duration::from_millis(50)).unwrap();
            let outgoing: Vec<_> =
                batch.iter().flat_map(|delivery| to(next, &[&text(&delivery.body)])).collect();
            let state =
                batch.iter().map(|delivery| entry(next, &text(&delivery.body), Some("seen"), None)).collect();
            link.commit(Hop { outgoing, acknowledge: batch.len(), state }).unwrap();
            if depth(&*broker, "end").0 == COUNT as u64 {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for (source, next) in [("a", "b"), ("b", "c"), ("c", "end")] {
            scope.spawn(move || stage(source, next));
            scope.spawn(move || stage(source, next));
        }
        for start in (0..COUNT).step_by(50) {
            assert!(broker.wait_for_room("a", 500, LONG).unwrap());
            let names: Vec<_> = (start..start + 50).map(|number| number.to_string()).collect();
            send(&*broker, "a", &names.iter().map(String::as_str).collect::<Vec<_>>());
        }
    });
    let mut got: Vec<usize> =
        broker.peek("end", COUNT * 2).unwrap().iter().map(|body| text(body).parse().unwrap()).collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..COUNT));
    assert_eq!(broker.queues().unwrap(), ["end"]);
}
