//! Databases, good and bad.

use serde_json::json;

use crate::bots::Failure;
use crate::bots::trial::Trial;
use crate::message::{Idf, Message};

const MODULE: &str = "intelmq.bots.experts.asn_lookup.expert";

fn trial(database: &str) -> Result<Trial, Failure> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ipasn.dat"), database).unwrap();
    Trial::within(MODULE, &json!({"database": "ipasn.dat"}), &Idf::builtin(), folder.path())
}

#[test]
fn the_narrowest_network_counts() {
    let mut trial = trial(
        "; comment\n192.0.0.0/16\t64500\n192.0.2.0/24\t64496\n192.0.2.64/26\t64498\n192.0.2.128/25\t64497\n\
         192.0.2.129/32\t64499\n198.51.100.0/24\t1\n198.51.100.0/24\t64510\n2001:db8::/32\t64501\n\
         2001:db8:1::/48\t4294967295\n",
    )
    .unwrap();
    let table = [
        ("192.0.2.1", "64496 192.0.2.0/24"),
        ("192.0.2.63", "64496 192.0.2.0/24"),
        ("192.0.2.64", "64498 192.0.2.64/26"),
        ("192.0.2.128", "64497 192.0.2.128/25"),
        ("192.0.2.129", "64499 192.0.2.129/32"),
        ("192.0.2.130", "64497 192.0.2.128/25"),
        ("192.0.2.255", "64497 192.0.2.128/25"),
        ("192.0.3.0", "64500 192.0.0.0/16"),
        ("192.1.0.0", "none"),
        ("1.2.3.4", "none"),
        ("198.51.100.255", "64510 198.51.100.0/24"),
        ("203.0.113.1", "none"),
        ("2001:db8:1::1", "4294967295 2001:db8:1::/48"),
        ("2001:db8:2::1", "64501 2001:db8::/32"),
        ("2001:db9::1", "none"),
    ];
    for (address, expected) in table {
        let mut event = Message::event(&Idf::builtin());
        event.add("source.ip", address).unwrap();
        let sent = trial.feed(event).sent.remove(0).1;
        let asn = sent.get("source.asn").and_then(crate::message::Value::as_int);
        let found = asn.map(|asn| format!("{asn} {}", sent.text("source.network").unwrap()));
        assert_eq!(found.as_deref().unwrap_or("none"), expected, "{address}");
    }
}

#[test]
fn a_database_that_cannot_be_read_says_where() {
    let table = [
        ("192.0.2.0/24\t64496\ngarbage\n", "ipasn.dat:2: \"garbage\" is no network, tab, and number"),
        ("192.0.2.0/33\t64496\n", "ipasn.dat:1: \"192.0.2.0/33\" is no network"),
        ("192.0.2.0/24\tAS64496\n", "ipasn.dat:1: \"AS64496\" is no number"),
        ("192.0.2.0/24\t0\n", "is no number of an autonomous system"),
        ("192.0.2.0/24\t4294967296\n", "is no number of an autonomous system"),
    ];
    for (database, expected) in table {
        match trial(database) {
            Err(Failure::Configuration(text)) => assert!(text.contains(expected), "{text}"),
            _ => panic!("{database:?} was not refused"),
        }
    }
    let missing = Trial::new(MODULE, &json!({}), &Idf::builtin());
    let Err(Failure::Configuration(text)) = missing else { panic!("a missing database was not refused") };
    assert!(text.contains("asn_lookup/ipasn.dat cannot be read"), "{text}");
}
