//! What bots remember, and that it is stored with the messages.

use super::*;

fn remember(broker: &dyn Broker, state: Vec<StateEntry>) {
    sender(broker).commit(Hop { state, ..Hop::default() }).unwrap();
}

fn recall(broker: &dyn Broker, bot: &str, key: &str) -> Option<String> {
    sender(broker).recall(bot, key.as_bytes()).unwrap().map(|value| text(&value))
}

pub(in crate::broker) fn remembering(place: &Place) {
    let Some(broker) = place.open() else { return };
    assert_eq!(recall(&*broker, "bot", "k"), None);
    remember(&*broker, vec![entry("bot", "k", Some("1"), None), entry("bot", "", Some(""), None)]);
    assert_eq!(recall(&*broker, "bot", "k").as_deref(), Some("1"));
    assert_eq!(recall(&*broker, "bot", "").as_deref(), Some(""));
    let twice = vec![entry("bot", "k", Some("2"), None), entry("bot", "k", Some("3"), None)];
    remember(&*broker, twice);
    drop(broker);
    let Some(broker) = place.open() else { return };
    assert_eq!(recall(&*broker, "bot", "k").as_deref(), Some("3"));
    assert_eq!(recall(&*broker, "bot", "kk"), None);
}

pub(in crate::broker) fn forgetting(place: &Place) {
    let Some(broker) = place.open() else { return };
    remember(&*broker, vec![entry("bot", "k", Some("1"), None), entry("bot", "l", Some("1"), None)]);
    remember(&*broker, vec![entry("bot", "k", None, None), entry("bot", "never-there", None, None)]);
    assert_eq!(recall(&*broker, "bot", "k"), None);
    let back = vec![entry("bot", "l", None, None), entry("bot", "l", Some("2"), None)];
    remember(&*broker, back);
    assert_eq!(recall(&*broker, "bot", "l").as_deref(), Some("2"));
}

pub(in crate::broker) fn expiring(place: &Place) {
    let Some(broker) = place.open() else { return };
    let ttl = Duration::from_millis(1500);
    let state = vec![
        entry("bot", "short", Some("1"), Some(ttl)),
        entry("bot", "long", Some("1"), Some(Duration::from_secs(3600))),
        entry("bot", "longest", Some("1"), Some(Duration::MAX)),
        entry("bot", "no-time", Some("1"), Some(Duration::ZERO)),
        entry("bot", "ever", Some("1"), Some(ttl)),
    ];
    remember(&*broker, state);
    remember(&*broker, vec![entry("bot", "ever", Some("2"), None)]);
    assert_eq!(recall(&*broker, "bot", "short").as_deref(), Some("1"));
    assert_eq!(recall(&*broker, "bot", "no-time"), None);
    assert!(sender(&*broker).receive(1, ttl).unwrap().is_empty());
    for (key, expected) in [("short", None), ("long", Some("1")), ("longest", Some("1")), ("ever", Some("2"))]
    {
        assert_eq!(recall(&*broker, "bot", key).as_deref(), expected, "{key}");
    }
}

pub(in crate::broker) fn memory_is_per_bot(place: &Place) {
    let Some(broker) = place.open() else { return };
    remember(&*broker, vec![entry("a", "bk", Some("1"), None), entry("ab", "k", Some("2"), None)]);
    for (bot, key, expected) in
        [("a", "bk", Some("1")), ("ab", "k", Some("2")), ("a", "k", None), ("", "abk", None)]
    {
        assert_eq!(recall(&*broker, bot, key).as_deref(), expected, "{bot} {key}");
    }
}

pub(in crate::broker) fn memory_and_messages_together(place: &Place) {
    let Some(broker) = place.open() else { return };
    send(&*broker, Q, &["1", "2"]);
    let mut link = link(&*broker, Q);
    take(&mut *link, 2);
    let hop = |acknowledge| Hop {
        outgoing: to("next", &["x"]),
        acknowledge,
        state: vec![entry("bot", "k", Some("1"), None)],
    };
    assert!(link.commit(hop(3)).is_err());
    assert_eq!(link.recall("bot", b"k").unwrap(), None);
    link.commit(hop(1)).unwrap();
    drop(link);
    drop(broker);
    let Some(broker) = place.open() else { return };
    assert_eq!(recall(&*broker, "bot", "k").as_deref(), Some("1"));
    assert_eq!(take(&mut *super::link(&*broker, "next"), 9), ["x"]);
    assert_eq!(take(&mut *super::link(&*broker, Q), 9), ["2"]);
}
