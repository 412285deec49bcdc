use serde_json::json;

use crate::bots::Failure;
use crate::bots::trial::Trial;
use crate::message::Idf;

/// Makes the bot of a file; returns why not.
fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.sieve"), text).unwrap();
    let made = Trial::within(
        "intelmq.bots.experts.sieve.expert",
        &json!({"file": "f.sieve"}),
        &Idf::builtin(),
        folder.path(),
    );
    match made.err() {
        Some(Failure::Configuration(text)) => text.replace(&format!("{}/", folder.path().display()), ""),
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_with_its_place() {
    let table = [
        (
            "\n\n  if feed.name ==\n  'A' {\n  drop bogus }\n",
            "f.sieve:5:8: expected a statement or \"}\", found \"bogus\"",
        ),
        (
            "drop\nbogus",
            "f.sieve:2:1: expected a statement (if, drop, keep, path, add, update, remove, append or $variable = field), found \"bogus\"",
        ),
        ("if feed.name == 'A' { drop", "f.sieve:1:27: expected a statement or \"}\", found the file's end"),
        (
            "if extra.n > 3 { drop }",
            "f.sieve:1:4: extra.n cannot be compared with a number: the data format does not have it as one; compare its text instead, as in extra.n :contains '5'",
        ),
        (
            "if source.ip == 'x' { drop }",
            "f.sieve:1:4: source.ip is an address, which \"x\" is not; use << with a network for a part of one",
        ),
        (
            "if source.ip <<\n['192.0.2.0/24', '192.0.2.0/33'] { drop }",
            "f.sieve:2:1: \"192.0.2.0/33\" is no network; write one as 192.0.2.0/24 or 2001:db8::/32",
        ),
        (
            "add sorce.ip = '192.0.2.1'",
            "f.sieve:1:5: the data format has no field \"sorce.ip\" for events; did you mean \"source.ip\"?",
        ),
        (
            "update time.source += '1 fortnight'",
            "f.sieve:1:23: a time is shifted by a number and a unit, such as '2 hours'",
        ),
        (
            "if time.source :before 'soon' { drop }",
            "f.sieve:1:24: \"soon\" is no moment; write 2026-03-01T12:00:00+00:00, or an age such as '2 days'",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(refused(text), expected, "{text:?}");
    }
    assert!(refused("if feed.name =~ '(' { drop }").starts_with("f.sieve:1:17: regular expression \"(\""));
    assert!(refused(&"if (".repeat(1000)).contains("expected"));
    assert!(
        refused(&format!("if {}feed.name == 'a'", "(".repeat(100_000))).contains("nested more than 100 deep")
    );
}
