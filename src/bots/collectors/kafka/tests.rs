//! The collector against a real Kafka.
#![cfg(feature = "kafka")]

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::*;
use crate::bots::kafka::peer::Peer;
use crate::bots::trial::Trial;
use crate::message::Idf;

fn trial(peer: &Peer, further: &Json) -> Trial {
    Trial::new(SPEC.spec.module, &peer.params(further), &Idf::builtin()).unwrap()
}

/// Waits for so many reports, or for a failure.
fn come(trial: &mut Trial, count: usize) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    while all.len() < count {
        let outcome = trial.round();
        if let Some(failure) = outcome.failure {
            return Err(failure.to_string());
        }
        let raw = |report: &Message| String::from_utf8(report.raw().unwrap()).unwrap();
        all.extend(outcome.sent.iter().map(|(_, report)| raw(report)));
        assert!(all.len() >= count || trial.rings(Duration::from_secs(20)), "nothing came after {all:?}");
    }
    Ok(all)
}

#[test]
fn each_message_is_a_report_and_what_is_stored_is_committed() {
    let Some(peer) = Peer::new("collector", 2) else { return };
    peer.send(&["one", "", "two"]);
    let group = json!({"group_id": "collectors"});
    let mut first = trial(&peer, &group);
    assert_eq!(come(&mut first, 2).unwrap(), ["one", "two"]);
    peer.wait_for("collectors", 3);
    peer.send(&["three"]);
    assert_eq!(come(&mut first, 1).unwrap(), ["three"]);
    peer.wait_for("collectors", 4);
    drop(first);
    peer.send(&["four"]);
    // Where nothing is remembered the group says where to go on.
    assert_eq!(come(&mut trial(&peer, &group), 1).unwrap(), ["four"]);
    // What is remembered was stored together with the reports, and is right.
    let mut behind = trial(&peer, &group);
    behind.remember("collectors collector", "0:2");
    assert_eq!(come(&mut behind, 3).unwrap(), ["two", "three", "four"]);
    let mut other = trial(&peer, &json!({"group_id": "others"}));
    assert_eq!(come(&mut other, 4).unwrap(), ["one", "two", "three", "four"]);
}

#[test]
fn what_was_stored_unheard_is_not_sent_again() {
    let Some(peer) = Peer::new("collector-unheard", 1) else { return };
    peer.send(&["one"]);
    let site = Site { bot: "unheard".into(), state: std::env::temp_dir(), idf: Idf::builtin() };
    let params: std::collections::BTreeMap<String, Json> =
        peer.params(&json!({})).as_object().unwrap().clone().into_iter().collect();
    let Ok(Bot::Collector(mut bot)) = make(&Params::new(params), &site) else { panic!("no collector") };
    let mut shelf = Shelf(None);
    let (ringing, rings) = std::sync::mpsc::channel();
    let mut collect = |shelf: &mut Shelf, stores: bool| {
        let paths = ["_default".to_owned()];
        let mut remembered = Shelf(shelf.0.clone());
        let mut context = Context::new(&site, &paths, &mut remembered, 500);
        let ringing = ringing.clone();
        let ring = move || {
            let _ = ringing.send(());
        };
        context.set_bell(crate::bots::Bell::new(ring), false);
        bot.collect(&mut context).unwrap();
        let effects = context.finish();
        if let (true, Some(write)) = (stores, effects.state.into_iter().next()) {
            shelf.0 = write.value;
        }
        effects.sent.len()
    };
    while collect(&mut shelf, false) == 0 {
        rings.recv_timeout(Duration::from_secs(20)).unwrap();
    }
    assert_eq!(collect(&mut shelf, true), 1, "it was not stored, so it is sent again");
    assert_eq!(shelf.0.as_deref(), Some(&b"0:1"[..]));
    assert_eq!(collect(&mut shelf, true), 0, "it was stored, although nobody said so");
}

struct Shelf(Option<Vec<u8>>);

impl crate::bots::Memory for Shelf {
    fn get(&mut self, _: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.clone())
    }
}

#[test]
fn what_the_servers_refuse_is_said() {
    let Some(peer) = Peer::new("collector-refused", 1) else { return };
    for (further, wanted) in [
        (json!({"sasl_plain_password": "wrong"}), "is the password right?"),
        (json!({"topic": "collector-missing"}), "there is no topic \"collector-missing\""),
    ] {
        let failure = come(&mut trial(&peer, &further), 1).unwrap_err();
        assert!(failure.contains(wanted), "{failure}");
    }
}
