//! Rules that cannot be used.

use serde_json::json;

use crate::bots::Failure;
use crate::bots::trial::Trial;
use crate::message::Idf;

const MODULE: &str = "intelmq.bots.experts.modify.expert";

#[test]
fn rules_that_cannot_be_used_say_where() {
    let table = [
        ("", "must be a list of rules"),
        ("{", "m.conf:1"),
        ("a: 1", "must be a list of rules"),
        ("[{if: {}, then: {}}]", "rule 1: rulename is missing"),
        ("[{rulename: x, then: {}}]", "rule \"x\": if is missing"),
        ("[{rulename: x, if: {}}]", "rule \"x\": then is missing"),
        ("[{rulename: x, if: [], then: {}}]", "rule \"x\": if must be a mapping of fields, not []"),
        (
            "[{rulename: x, if: {source.ip: '('}, then: {}}]",
            "rule \"x\", if source.ip: regular expression \"(\"",
        ),
        ("[{rulename: x, if: {}, then: {comment: '{'}}]", "rule \"x\", then comment: \"{\": Single '{'"),
        (
            "[{rulename: x, if: {}, then: {nosuch: y}}]",
            "rule \"x\", then nosuch: key \"nosuch\" is not allowed",
        ),
        ("[{rulename: x, if: {}, then: {extra.Foo: y}}]", "then extra.Foo: key \"extra.Foo\" is not allowed"),
        ("[{rulename: x, if: {a: 1, a: 2}, then: {}}]", "m.conf:1"),
    ];
    for (rules, expected) in table {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m.conf"), rules).unwrap();
        let params = json!({"configuration_path": "m.conf"});
        match Trial::within(MODULE, &params, &Idf::builtin(), folder.path()) {
            Err(Failure::Configuration(text)) => assert!(text.contains(expected), "{rules}: {text}"),
            _ => panic!("{rules:?} was not refused"),
        }
    }
    let missing = Trial::new(MODULE, &json!({}), &Idf::builtin());
    let Err(Failure::Configuration(text)) = missing else { panic!("missing rules were not refused") };
    assert!(text.contains("modify/modify.conf cannot be read"), "{text}");
}
