//! The output against a real Kafka.
#![cfg(feature = "kafka")]

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::message::{Headers, Message as _};
use serde_json::{Value as Json, json};

use super::*;
use crate::bots::kafka::peer::Peer;
use crate::bots::trial::Trial;
use crate::message::{Idf, Value};

fn trial(peer: &Peer, further: &Json) -> Trial {
    Trial::new(SPEC.spec.module, &peer.params(further), &Idf::builtin()).unwrap()
}

fn event(fields: &Json) -> Message {
    let mut event = Message::event(&Idf::builtin());
    for (name, value) in fields.as_object().unwrap() {
        event.add(name, Value::from(value.clone())).unwrap();
    }
    event
}

#[test]
fn an_event_is_a_message_with_its_key_and_headers() {
    let Some(peer) = Peer::new("output-keys", 1) else { return };
    let headers = json!({"kind": "classification.type", "asn": "source.asn", "none": "source.fqdn"});
    let mut trial = trial(&peer, &json!({"key_field": "source.ip", "headers": headers}));
    let given =
        json!({"source.ip": "192.0.2.1", "source.asn": 64496, "classification.type": "scanner", "raw": "a"});
    assert_eq!(trial.feed(event(&given)).failure, None);
    assert_eq!(trial.feed(event(&json!({"source.port": 1}))).failure, None);
    let messages = peer.messages(2);
    let texts = messages.iter().map(|message| {
        let headers = message.headers().map(Headers::iter).into_iter().flatten();
        let headers = headers.map(|header| format!("{}={}", header.key, utf8(header.value)));
        (utf8(message.key()), headers.collect::<Vec<_>>().join(" "), utf8(message.payload()))
    });
    let body = r#"{"classification.type": "scanner", "source.asn": 64496, "source.ip": "192.0.2.1"}"#;
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            ("192.0.2.1".to_owned(), "kind=scanner asn=64496".to_owned(), body.to_owned()),
            (String::new(), String::new(), r#"{"source.port": 1}"#.to_owned()),
        ]
    );
}

fn utf8(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap()
}

#[test]
fn what_has_the_same_key_keeps_its_order() {
    let Some(peer) = Peer::new("output-order", 3) else { return };
    let mut trial = trial(&peer, &json!({"key_field": "source.asn", "single_key": "source.port"}));
    for port in 1..=30 {
        let given = json!({"source.asn": 64496 + port % 6, "source.port": port});
        assert_eq!(trial.feed(event(&given)).failure, None);
    }
    let mut by_key: BTreeMap<String, Vec<(i32, u32)>> = BTreeMap::new();
    for message in peer.messages(30) {
        let port = utf8(message.payload()).parse().unwrap();
        by_key.entry(utf8(message.key())).or_default().push((message.partition(), port));
    }
    assert_eq!(by_key.len(), 6);
    for (key, messages) in &by_key {
        assert!(messages.is_sorted_by_key(|(_, port)| *port), "{key}: {messages:?}");
        let partitions: BTreeSet<i32> = messages.iter().map(|(partition, _)| *partition).collect();
        assert_eq!((messages.len(), partitions.len()), (5, 1), "{key}");
    }
}

#[test]
fn what_the_servers_refuse_is_said() {
    let Some(peer) = Peer::new("output-refused", 1) else { return };
    for (further, wanted) in [
        (json!({"sasl_plain_password": "wrong"}), "is the password right?"),
        (json!({"topic": "output-missing"}), "nknown topic"),
    ] {
        let failure = trial(&peer, &further).feed(event(&json!({"source.port": 1}))).failure;
        let text = failure.map(|failure| failure.to_string()).unwrap_or_default();
        assert!(text.contains(wanted), "{text}");
    }
    let wrong = Trial::new(SPEC.spec.module, &peer.params(&json!({"headers": {"a": 1}})), &Idf::builtin());
    assert!(matches!(wrong, Err(Failure::Configuration(text)) if text.contains("headers")));
}
