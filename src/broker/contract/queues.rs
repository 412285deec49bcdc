//! Messages: order, acknowledgement, what comes back, what can be seen.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use super::*;
use crate::broker::Member;

/// A wait that may be in vain.
const SHORT: Duration = Duration::from_millis(50);

pub(in crate::broker) fn order(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2"]);
    send(&*broker, Q, &["3"]);
    send(&*broker, Q, &["4", "5"]);
    let mut link = link(&*broker, Q);
    assert_eq!(take(&mut *link, 100), ["1", "2", "3", "4", "5"]);
    assert_eq!(take(&mut *link, 100), [""; 0]);
}

pub(in crate::broker) fn batches(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2", "3"]);
    send(&*broker, Q, &["4", "5"]);
    let mut link = link(&*broker, Q);
    assert_eq!(take(&mut *link, 0), [""; 0]);
    assert_eq!(take(&mut *link, 2), ["1", "2"]);
    assert_eq!(take(&mut *link, 2), ["3", "4"]);
    assert_eq!(take(&mut *link, 2), ["5"]);
    link.commit(done(5)).unwrap();
    assert_eq!(depth(&*broker, Q), (0, 0));
}

pub(in crate::broker) fn several_queues(place: &Place) {
    let Some(broker) = place.open() else { return };
    let mixed = ["a", "b", "a", "c", "b", "a"].iter().zip(1..);
    let outgoing = mixed.flat_map(|(queue, number)| to(queue, &[&number.to_string()])).collect();
    sender(&*broker).commit(Hop { outgoing, ..Hop::default() }).unwrap();
    for (queue, expected) in [("a", &["1", "3", "6"][..]), ("b", &["2", "5"]), ("c", &["4"])] {
        assert_eq!(take(&mut *link(&*broker, queue), 9), expected);
    }
}

pub(in crate::broker) fn nothing_without_commit(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2"]);
    let mut link = link(&*broker, Q);
    assert_eq!(take(&mut *link, 9), ["1", "2"]);
    drop(link);
    drop(broker);
    let Some(broker) = place.open() else { return };
    assert_eq!(depth(&*broker, Q), (2, 0));
}

pub(in crate::broker) fn partial_acknowledgement(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2", "3", "4"]);
    send(&*broker, Q, &["5", "6"]);
    let mut link = link(&*broker, Q);
    assert_eq!(take(&mut *link, 6).len(), 6);
    link.commit(done(1)).unwrap();
    assert_eq!(depth(&*broker, Q), (0, 5));
    link.commit(done(4)).unwrap();
    assert_eq!(depth(&*broker, Q), (0, 1));
    drop(link);
    drop(broker);
    let Some(broker) = place.open() else { return };
    assert_eq!(take(&mut *super::link(&*broker, Q), 9), ["6"]);
}

/// What an instance finishes first is what it received first, also if something older came to it later.
pub(in crate::broker) fn acknowledged_as_received(place: &Place) {
    let Some(broker) = place.open() else { return };
    let (mut first, mut second) = (link(&*broker, Q), link(&*broker, Q));
    send(&*broker, Q, &["1", "2", "3"]);
    assert_eq!(take(&mut *first, 1), ["1"]);
    assert_eq!(take(&mut *second, 1), ["2"]);
    first.release().unwrap();
    assert_eq!(take(&mut *second, 2), ["1", "3"]);
    second.commit(done(1)).unwrap();
    drop(second);
    assert_eq!(take(&mut *first, 9), ["1", "3"]);
}

pub(in crate::broker) fn too_many_acknowledged(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2"]);
    let mut link = link(&*broker, Q);
    take(&mut *link, 1);
    let hop = Hop { outgoing: to("next", &["x"]), ..done(2) };
    assert!(link.commit(hop).is_err());
    assert_eq!((depth(&*broker, Q), depth(&*broker, "next")), ((1, 1), (0, 0)));
}

pub(in crate::broker) fn dropped_link_gives_back(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2", "3", "4"]);
    let mut first = link(&*broker, Q);
    assert_eq!(take(&mut *first, 3), ["1", "2", "3"]);
    first.commit(done(1)).unwrap();
    drop(first);
    assert_eq!(depth(&*broker, Q), (3, 0));
    expect_marked(&*broker, &mut *link(&*broker, Q), 9, &["2!", "3!", "4"]);
}

pub(in crate::broker) fn released_in_order(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2", "3"]);
    send(&*broker, Q, &["4", "5", "6"]);
    let (mut a, mut b) = (link(&*broker, Q), link(&*broker, Q));
    assert_eq!(take(&mut *a, 2), ["1", "2"]);
    assert_eq!(take(&mut *b, 3), ["3", "4", "5"]);
    b.release().unwrap();
    assert_eq!(depth(&*broker, Q), (4, 2));
    a.release().unwrap();
    expect_marked(&*broker, &mut *a, 9, &["1!", "2!", "3!", "4!", "5!", "6"]);
    assert_eq!(take(&mut *b, 9), [""; 0]);
}

pub(in crate::broker) fn redelivered_after_reopening(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2", "3"]);
    let mut first = link(&*broker, Q);
    expect_marked(&*broker, &mut *first, 2, &["1", "2"]);
    drop(first);
    drop(broker);
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["4"]);
    expect_marked(&*broker, &mut *link(&*broker, Q), 9, &["1!", "2!", "3", "4"]);
}

pub(in crate::broker) fn instances_share(place: &Place) {
    let Some(broker) = place.open() else { return };
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    send(&*broker, Q, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut links = [link(&*broker, Q), link(&*broker, Q), link(&*broker, Q)];
    let mut got = Vec::new();
    for round in 0..10 {
        for link in &mut links {
            got.extend(take(&mut **link, 4));
            if round % 2 == 0 {
                link.commit(done(2)).unwrap();
            }
        }
    }
    assert_eq!(got.len(), 100);
    assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), 100);
    drop(links);
    assert_eq!(depth(&*broker, Q), (70, 0));
    let left = take(&mut *link(&*broker, Q), 100);
    assert!(left.is_sorted_by_key(|name| name.parse::<u32>().unwrap()), "{left:?}");
}

/// Opens the broker of a place as one of several processes.
pub(in crate::broker) type OpenMember = fn(&Path, &Member) -> Option<Box<dyn Broker>>;

/// Several processes read one queue: each message comes to one of them, and to its successor if that ends before the commit.
pub(in crate::broker) fn processes_share(place: &Path, open: OpenMember) {
    let Some(outside) = open(place, &Member::alone("sender")) else { return };
    let names: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let member = |number| open(place, &Member { name: "bot".to_owned(), number, of: 2 }).unwrap();
    let brokers = [member(0), member(1)];
    let mut links = [0, 1].map(|number| link(&*brokers[number], Q));
    send(&*outside, Q, &names.iter().map(String::as_str).collect::<Vec<_>>());

    let mut got: Vec<String> = Vec::new();
    let deadline = Instant::now() + LONG;
    for link in &mut links {
        while got.len() < 30 && Instant::now() < deadline {
            let batch = bodies(&link.receive(10, SHORT).unwrap());
            link.commit(done(batch.len())).unwrap();
            got.extend(batch);
        }
    }
    // The rest is in one's hands when it ends.
    let held: usize = links.iter_mut().map(|link| link.receive(5, SHORT).unwrap().len()).sum();
    drop(links);
    drop(brokers);
    let left = 60 - got.len() as u64;
    while outside.depth(Q).unwrap().waiting != left {
        assert!(Instant::now() < deadline, "{held} of {left} were held, and did not come back");
        thread::park_timeout(SHORT);
    }

    let brokers = [member(0), member(1)];
    let mut links = [0, 1].map(|number| link(&*brokers[number], Q));
    while got.len() < 60 && Instant::now() < deadline {
        for link in &mut links {
            let batch = bodies(&link.receive(7, SHORT).unwrap());
            link.commit(done(batch.len())).unwrap();
            got.extend(batch);
        }
    }
    assert!(links.iter_mut().all(|link| take(&mut **link, 1).is_empty()));
    got.sort_by_key(|name| name.parse::<u32>().unwrap());
    assert_eq!(got, names);
    assert_eq!(outside.depth(Q).unwrap().total(), 0);
}

pub(in crate::broker) fn depths(place: &Place) {
    let Some(broker) = place.open() else { return };
    assert_eq!(depth(&*broker, "nobody-knows-it"), (0, 0));
    send(&*broker, Q, &["1", "2", "3"]);
    assert_eq!(depth(&*broker, Q), (3, 0));
    let mut link = link(&*broker, Q);
    take(&mut *link, 2);
    assert_eq!(depth(&*broker, Q), (1, 2));
    link.commit(Hop { outgoing: to(Q, &["4"]), ..done(1) }).unwrap();
    assert_eq!(depth(&*broker, Q), (2, 1));
    assert_eq!(broker.depth(Q).unwrap().total(), 3);
}

pub(in crate::broker) fn peeking(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2"]);
    send(&*broker, Q, &["3", "4"]);
    let mut link = link(&*broker, Q);
    take(&mut *link, 3);
    link.commit(done(1)).unwrap();
    let peek = |max| broker.peek(Q, max).unwrap().iter().map(|body| text(body)).collect::<Vec<_>>();
    assert_eq!(peek(9), ["2", "3", "4"]);
    assert_eq!(peek(2), ["2", "3"]);
    assert_eq!(peek(0), [""; 0]);
    assert_eq!(depth(&*broker, Q), (1, 2));
    assert!(broker.peek("nobody-knows-it", 9).unwrap().is_empty());
}

pub(in crate::broker) fn clearing(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2", "3"]);
    send(&*broker, "other", &["x"]);
    send(&*broker, Q, &["4"]);
    let mut link = link(&*broker, Q);
    take(&mut *link, 1);
    assert_eq!(broker.clear(Q).unwrap(), 3);
    assert_eq!(depth(&*broker, Q), (0, 1));
    assert_eq!(broker.clear(Q).unwrap(), 0);
    assert_eq!(broker.clear("nobody-knows-it").unwrap(), 0);
    drop(link);
    drop(broker);
    let Some(broker) = place.open() else { return };
    assert_eq!(take(&mut *super::link(&*broker, Q), 9), ["1"]);
    assert_eq!(take(&mut *super::link(&*broker, "other"), 9), ["x"]);
}

pub(in crate::broker) fn odd_names(place: &Place) {
    const NAMES: [&str; 7] = ["a b", "ü/ß\u{1f41e}", "../up", "*", "queue/x", "nul\0byte", "a:b{c}"];
    let Some(broker) = place.open() else { return };
    for (number, name) in NAMES.iter().enumerate() {
        send(&*broker, name, &[&number.to_string()]);
    }
    let mut sorted = NAMES.map(str::to_owned);
    sorted.sort_unstable();
    assert_eq!(broker.queues().unwrap(), sorted);
    drop(broker);
    let Some(broker) = place.open() else { return };
    for (number, name) in NAMES.iter().enumerate() {
        assert_eq!(take(&mut *link(&*broker, name), 9), [number.to_string()]);
    }
}

pub(in crate::broker) fn sizes(place: &Place) {
    let Some(broker) = place.open() else { return };
    let body = |size: usize| (0..size).map(|at| (at * 31 + size) as u8).collect::<Vec<u8>>();
    let sizes = [0, 1, 10 << 20, 1, (1 << 20) - 520, 1 << 20, 300, 700_000, 700_000, 0];
    let queue: Arc<str> = Q.into();
    let outgoing = sizes.iter().map(|size| Outgoing { queue: queue.clone(), body: body(*size) }).collect();
    sender(&*broker).commit(Hop { outgoing, ..Hop::default() }).unwrap();
    drop(broker);
    let Some(broker) = place.open() else { return };
    let mut link = link(&*broker, Q);
    let mut got = Vec::new();
    while got.len() < sizes.len() {
        let batch = link.receive(sizes.len(), LONG).unwrap();
        assert!(!batch.is_empty());
        got.extend(batch.into_iter().map(|delivery| delivery.body));
    }
    for (size, got) in sizes.iter().zip(got) {
        assert!(got == body(*size), "a body of {size} bytes came back with {}", got.len());
    }
    link.commit(done(sizes.len())).unwrap();
    assert!(broker.queues().unwrap().is_empty());
}

pub(in crate::broker) fn empty_hop(place: &Place) {
    let Some(broker) = place.open() else { return };
    let mut link = link(&*broker, Q);
    link.commit(Hop::default()).unwrap();
    link.release().unwrap();
    assert_eq!(depth(&*broker, Q), (0, 0));
    assert!(broker.queues().unwrap().is_empty());
}

pub(in crate::broker) fn reopening_keeps_everything(place: &Place) {
    let Some(mut broker) = place.open() else { return };
    let mut expected = Vec::new();
    for round in 0..5 {
        let names = [format!("{round}a"), format!("{round}b")];
        send(&*broker, Q, &[&names[0], &names[1]]);
        expected.extend(names);
        drop(broker);
        let Some(again) = place.open() else { return };
        broker = again;
    }
    assert_eq!(broker.queues().unwrap(), [Q]);
    assert_eq!(take(&mut *link(&*broker, Q), 99), expected);
}
