//! Cases observed from IntelMQ 3.5.0 (`tests/golden`), and what holds for every message.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

/// Reads a value of a case: bytes and odd floats are written as `{"bytes_hex": …}` and `{"float": …}`.
pub(super) fn decode(value: &Value) -> Value {
    match (value.get("bytes_hex"), value.get("float")) {
        (Some(Value::Text(hex)), _) => {
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            Value::Bytes((0..hex.len()).step_by(2).map(byte).collect())
        }
        (_, Some(Value::Text(text))) => Value::Float(text.parse().unwrap()),
        _ => value.clone(),
    }
}

/// Reads a list of cases.
pub(super) fn cases(text: &str) -> Vec<Value> {
    match json::parse(text.as_bytes()).unwrap() {
        Value::List(cases) => cases,
        other => panic!("not a list: {other:?}"),
    }
}

fn check_types(text: &str, count: usize) {
    let cases = cases(text);
    assert_eq!(cases.len(), count);
    for case in &cases {
        let kind = FieldType::from_name(case.get("type").and_then(Value::as_str).unwrap()).unwrap();
        let input = decode(case.get("in").unwrap());
        let what = format!("{} of {}", kind.name(), python::repr(&input));
        let valid_as_is = case.get("valid_as_is") == Some(&Value::Bool(true));
        assert_eq!(kind.is_valid(&input), valid_as_is, "valid as is: {what}");
        let sanitized = kind.sanitize(&input);
        if kind.is_clean(&input) {
            assert_eq!(sanitized, Ok(Some(input.clone())), "needs no change: {what}");
        }
        if case.get("sanitize_raises").is_some() {
            assert!(sanitized.is_err(), "{what} should raise, gave {sanitized:?}");
            continue;
        }
        let expected = Some(decode(case.get("sanitized").unwrap())).filter(|value| *value != Value::Null);
        assert_eq!(sanitized, Ok(expected.clone()), "sanitized: {what}");
        let valid_after = expected.is_some_and(|value| kind.is_valid(&value));
        assert_eq!(Some(&Value::Bool(valid_after)), case.get("valid_after"), "valid after: {what}");
    }
}

#[test]
fn types_convert_and_accept_as_intelmq_does() {
    check_types(include_str!("../../tests/golden/golden-types.json"), 226);
    check_types(include_str!("../../tests/golden/own-types.json"), 320);
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{case:?} has no {name}"))
}

const NESTED: Export = Export { hierarchical: true, with_type: true, jsondict_as_string: false };

#[test]
fn wire_form_hash_and_export_are_those_of_intelmq() {
    let idf = Idf::builtin();
    let cases = cases(include_str!("../../tests/golden/golden-hash.json"));
    assert_eq!(cases.len(), 24);
    for case in &cases {
        let wire = text(case, "wire");
        let message = Message::from_wire(&idf, wire.as_bytes(), None).unwrap();
        assert_eq!(message.to_wire(), wire);
        assert_eq!(message.hash_hex(&Filter::default()), text(case, "hash"), "{wire}");
        assert_eq!(message.hash_hex(&Filter::blacklist(["raw"])), text(case, "hash_blacklist_raw"), "{wire}");
        let some = Filter::whitelist(["source.ip", "source.port"]);
        assert_eq!(message.hash_hex(&some), text(case, "hash_whitelist_source.ip_source.port"), "{wire}");
        assert_eq!(message.to_json(&Export::default()), text(case, "to_json"));
        assert_eq!(message.to_json(&NESTED), text(case, "to_json_hier_type"));
        for (name, value) in message.iter() {
            assert_eq!(python::repr(value), text(case.get("repr").unwrap(), &name));
        }
    }
}

fn name_of(error: &WireError) -> &'static str {
    match error {
        WireError::NotUtf8(_) => "NotUtf8",
        WireError::NotJson(_) => "NotJson",
        WireError::NotObject => "NotObject",
        WireError::NoType => "NoType",
        WireError::UnknownType(_) => "UnknownType",
        WireError::Field(error) => field_error(error),
    }
}

fn field_error(error: &MessageError) -> &'static str {
    match error {
        MessageError::KeyExists(_) => "KeyExists",
        MessageError::KeyNotExists(_) => "KeyNotExists",
        MessageError::InvalidKey(_) => "InvalidKey",
        MessageError::InvalidValue { .. } => "InvalidValue",
    }
}

#[test]
fn messages_are_read_sanitised_or_refused_as_by_intelmq() {
    let idf = Idf::builtin();
    let gathered = Export { jsondict_as_string: true, ..Export::default() };
    for case in &cases(include_str!("../../tests/golden/own-wire.json")) {
        let wire = text(case, "wire");
        match Message::from_wire(&idf, wire.as_bytes(), None) {
            Err(error) => assert_eq!(name_of(&error), text(case, "error"), "{wire}: {error}"),
            Ok(message) => {
                assert_eq!(case.get("error"), None, "{wire} should be refused");
                assert_eq!(message.to_wire(), text(case, "again"), "{wire}");
                assert_eq!(message.hash_hex(&Filter::default()), text(case, "hash"), "{wire}");
                assert_eq!(message.to_json(&Export::default()), text(case, "to_json"), "{wire}");
                assert_eq!(message.to_json(&NESTED), text(case, "hierarchical"), "{wire}");
                let dict = json::to_text(&message.to_dict(&gathered), true, false);
                assert_eq!(dict, text(case, "dict"), "{wire}");
            }
        }
    }
    assert_eq!(Message::from_wire(&idf, b"{\"comment\": \"\xff\"}", None), Err(WireError::NotUtf8(13)));
    let report = Message::from_wire(&idf, b"{\"raw\": \"YQ==\"}", Some(MessageType::Report)).unwrap();
    assert_eq!(report.to_wire(), r#"{"raw": "YQ==", "__type": "Report"}"#);
}

fn apply(message: &mut Message, op: &str, name: &str, value: Value) -> Value {
    let how = match op {
        "add" => Add::default(),
        "raw" => Add::RAW,
        "replace" => Add::REPLACE,
        "keep" => Add::KEEP,
        "has" => return Value::Bool(message.contains(name)),
        "remove" => return Value::Bool(message.remove(name)),
        "get" => {
            let whole = || message.dict_text(name).map(Value::from);
            return message.get(name).cloned().or_else(whole).unwrap_or(Value::Null);
        }
        "change" => return outcome(&message.change(name, value)),
        "update" => return outcome(&message.update([(name, value)]).map(|()| true)),
        other => panic!("unknown operation {other}"),
    };
    let mut other = message.clone();
    let by_name = message.add_with(name, value.clone(), how);
    if let Ok(key) = message.idf().key(message.message_type(), name) {
        assert_eq!(other.add_key(&key, value, how), by_name, "by key: {name}");
        assert_eq!(other, *message);
    }
    outcome(&by_name)
}

fn outcome(result: &Result<bool, MessageError>) -> Value {
    match result {
        Ok(stored) => Value::Bool(*stored),
        Err(error) => Value::from(field_error(error)),
    }
}

#[test]
fn fields_are_added_changed_and_removed_by_intelmqs_rules() {
    for case in &cases(include_str!("../../tests/golden/own-add.json")) {
        let mut message = Message::event(&Idf::builtin());
        let Some(Value::List(ops)) = case.get("ops") else { panic!("{case:?} has no ops") };
        let mut results = Vec::new();
        for op in ops {
            let Value::List(op) = op else { panic!("{op:?} is no list") };
            results.push(apply(
                &mut message,
                op[0].as_str().unwrap(),
                op[1].as_str().unwrap(),
                decode(&op[2]),
            ));
        }
        assert_eq!(Some(&Value::List(results)), case.get("results"), "{case:?}");
        assert_eq!(message.to_wire(), text(case, "wire"));
    }
}

fn read(wire: &str) -> Message {
    Message::from_wire(&Idf::builtin(), wire.as_bytes(), None).unwrap()
}

#[test]
fn events_inherit_from_reports_what_describes_the_feed() {
    let report = read(
        r#"{"feed.name": "f", "extra.file_name": "x", "extra.b": 2, "raw": "YQ==", "rtir_id": 5,
            "time.observation": "2025-01-01T00:00:00+00:00", "feed.code": "c", "__type": "Report"}"#,
    );
    let table = [
        (
            vec![],
            r#"{"feed.code": "c", "feed.name": "f", "rtir_id": 5, "time.observation": "2025-01-01T00:00:00+00:00", "__type": "Event"}"#,
        ),
        (
            vec!["extra.file_name".to_owned(), "feed.name".to_owned(), "nonsense".to_owned()],
            r#"{"feed.code": "c", "feed.name": "f", "rtir_id": 5, "time.observation": "2025-01-01T00:00:00+00:00", "extra.file_name": "x", "__type": "Event"}"#,
        ),
    ];
    for (also, wire) in table {
        assert_eq!(Message::event_from(&report, &also).to_wire(), wire);
    }
    assert_eq!(report.raw(), Some(b"a".to_vec()));
}

#[test]
fn a_report_made_of_an_event_keeps_what_reports_know() {
    let event = read(
        r#"{"source.ip": "192.0.2.1", "raw": "YQ==", "extra.a": 1, "time.observation": "2025-01-01T00:00:00+00:00", "__type": "Event"}"#,
    );
    let wire = r#"{"raw": "YQ==", "extra.a": 1, "time.observation": "2025-01-01T00:00:00+00:00", "__type": "Report"}"#;
    assert_eq!(event.into_report().to_wire(), wire);
    let report = Message::event(&Idf::builtin()).into_report();
    assert!(FieldType::DateTime.is_valid(report.get("time.observation").unwrap()));
}

#[test]
fn order_matters_to_neither_equality_nor_identity() {
    let a = read(r#"{"source.ip": "192.0.2.1", "extra.a": 1, "__type": "Event"}"#);
    let b = read(r#"{"extra.a": 1, "source.ip": "192.0.2.1", "__type": "Event"}"#);
    let others = [
        r#"{"extra.a": 1.0, "source.ip": "192.0.2.1", "__type": "Event"}"#,
        r#"{"extra.b": 1, "source.ip": "192.0.2.1", "__type": "Event"}"#,
        r#"{"source.ip": "192.0.2.1", "__type": "Event"}"#,
    ];
    assert_eq!((&a, a.identity()), (&b, b.identity()));
    for other in others.map(read) {
        assert_ne!(a, other);
        assert_ne!(a.identity(), other.identity());
    }
    let (event, report) =
        (read(r#"{"raw": "YQ==", "__type": "Event"}"#), read(r#"{"raw": "YQ==", "__type": "Report"}"#));
    assert_ne!(event, report);
    assert_ne!(event.identity(), report.identity());
}

#[test]
fn the_built_in_format_has_the_fields_of_intelmq() {
    let idf = Idf::builtin();
    assert_eq!(idf.fields(MessageType::Event).count(), 89);
    assert_eq!(idf.fields(MessageType::Report).count(), 10);
    for field in idf.fields(MessageType::Event) {
        let key = idf.key(MessageType::Event, &field.name).unwrap();
        assert_eq!(idf.name(&key), *field.name);
    }
    let fits_both =
        idf.fields(MessageType::Report).all(|field| idf.key(MessageType::Event, &field.name).is_ok());
    assert!(fits_both);
    assert!(idf.key(MessageType::Report, "source.ip").is_err());
    assert_eq!(FieldType::from_name("Nope"), None);
}

const SITE: &str = r#"{
    "event": {
        "aa": {"type": "String", "length": "5"}, "my.dict": {"type": "JSONDict"},
        "my": {"type": "JSONDict", "length": 12, "regex": "a"}, "plain": {"type": "JSONDict"}, "plain.own": {"type": "Integer"},
        "num": {"type": "Integer", "regex": "^1"}, "acc": {"type": "Accuracy", "length": 3}, "word": {"type": "String", "iregex": "^(x|y)$"}
    },
    "report": {"raw": {"type": "Base64"}}
}"#;

#[test]
fn a_site_may_have_fields_of_its_own() {
    let idf = Idf::parse(SITE).unwrap();
    let table = [
        ("aa", r#""ababa""#, r#"{"aa": "ababa", "__type": "Event"}"#),
        ("aa", r#""ababab""#, "InvalidValue"),
        ("my.dict", r#"{"a": 1}"#, r#"{"my.dict.a": 1, "__type": "Event"}"#),
        ("my.dict.x", "1", "InvalidValue"),
        ("my.dict.x", r#""ab""#, r#"{"my.dict.x": "ab", "__type": "Event"}"#),
        ("my", r#"{"a": 1}"#, r#"{"my.a": 1, "__type": "Event"}"#),
        ("my", r#"{"b": 1}"#, "InvalidValue"),
        ("my", r#"{"a": 123456}"#, "InvalidValue"),
        ("plain", r#"{"a": "", "b": "-", "c": 0}"#, r#"{"plain.c": 0, "__type": "Event"}"#),
        ("plain.own", r#""5""#, r#"{"plain.own": 5, "__type": "Event"}"#),
        ("num", r#""12""#, r#"{"num": 12, "__type": "Event"}"#),
        ("num", "2", "InvalidValue"),
        ("acc", "1", r#"{"acc": 1.0, "__type": "Event"}"#),
        ("acc", "10", "InvalidValue"),
        ("word", r#""Y""#, r#"{"word": "Y", "__type": "Event"}"#),
        ("word", r#""z""#, "InvalidValue"),
        ("source.ip", r#""192.0.2.1""#, "InvalidKey"),
    ];
    for (name, value, expected) in table {
        let mut message = Message::event(&idf);
        match message.add(name, json::parse(value.as_bytes()).unwrap()) {
            Ok(_) => assert_eq!(message.to_wire(), expected),
            Err(error) => assert_eq!(field_error(&error), expected, "{name} {value}: {error}"),
        }
    }
}

#[test]
fn sub_keys_sort_among_a_sites_own_fields_by_their_text() {
    let idf = Idf::parse(SITE).unwrap();
    let mut message = Message::event(&idf);
    for name in ["plain.z", "plain.own", "plain.a", "aa"] {
        message.add(name, 5).unwrap();
    }
    let json = r#"{"aa": "5", "plain.a": 5, "plain.own": 5, "plain.z": 5}"#;
    assert_eq!(message.to_json(&Export::default()), json);
}

#[test]
fn a_faulty_format_is_refused_with_the_place() {
    let table = [
        ("[", "not JSON"),
        ("[]", "not an object"),
        (r#"{"event": {}}"#, "report: missing"),
        (r#"{"event": {"Foo Bar": {"type": "String"}}, "report": {}}"#, "event: Foo Bar: not a name"),
        (r#"{"event": {"a": {"type": "String"}}, "report": {}}"#, "event: a: not a name"),
        (r#"{"event": {"ab": {"type": "Nope"}}, "report": {}}"#, "event: ab: unknown type \"Nope\""),
        (r#"{"event": {"ab": {}}, "report": {}}"#, "event: ab: has no \"type\""),
        (r#"{"event": {}, "report": {"ab": {"type": "String", "length": "x"}}}"#, "report: ab: \"length\""),
        (
            r#"{"event": {"ab": {"type": "String", "regex": "("}}, "report": {}}"#,
            "event: ab: \"regex\" cannot be used",
        ),
        (
            r#"{"event": {"ab": {"type": "String", "iregex": 5}}, "report": {}}"#,
            "event: ab: \"iregex\" must be text",
        ),
    ];
    for (text, complaint) in table {
        let error = Idf::parse(text).unwrap_err();
        assert!(error.0.starts_with(complaint), "{text}: {error}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        "[1-9][0-9]{20,40}".prop_map(|digits| Value::BigInt(digits.into())),
        any::<f64>().prop_map(Value::Float),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| Value::Map(map.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names: Vec<String> =
        Idf::builtin().fields(MessageType::Event).map(|field| field.name.to_string()).collect();
    prop_oneof![prop::sample::select(names), "extra(\\.[a-z_0-9]{1,3}){1,3}", any::<String>()]
}

fn usual_text() -> impl Strategy<Value = Value> {
    let texts = [
        "192.0.2.1",
        "2001:db8::1",
        "Example.COM.",
        "http://example.com/\u{fc}",
        "2025-03-01 10:00",
        "phishing",
        "AT",
        "5",
        "1e5",
    ];
    prop::sample::select(texts.to_vec()).prop_map(Value::from)
}

proptest! {
    #[test]
    fn what_was_written_is_read_again(fields in prop::collection::vec((any_name(), prop_oneof![usual_text(), any_value()]), 0..40)) {
        let idf = Idf::builtin();
        let mut message = Message::event(&idf);
        for (name, value) in fields {
            // The whole of `extra` may hold keys that are written but not read.
            if name != "extra" {
                let _ = message.add_with(&name, value, Add::REPLACE);
            }
        }
        let wire = message.to_wire();
        prop_assert!(wire.is_ascii());
        let again = Message::from_wire(&idf, wire.as_bytes(), None).unwrap();
        prop_assert_eq!(again.to_wire(), wire);
        prop_assert_eq!(again.identity(), message.identity());
        prop_assert_eq!(&again, &message);
        let reader = json::parse(message.to_json(&Export::default()).as_bytes()).unwrap();
        prop_assert!(matches!(reader, Value::Map(items) if items.len() == message.len()));
    }

    #[test]
    fn nothing_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80), text in any::<String>(), value in any_value()) {
        let idf = Idf::builtin();
        let _ = Message::from_wire(&idf, &bytes, None);
        let wire = format!(r#"{{"{text}": "{text}", "__type": "Event"}}"#);
        let _ = Message::from_wire(&idf, wire.as_bytes(), None);
        let _ = Idf::parse(&text);
        let kinds: HashSet<FieldType> = idf.fields(MessageType::Event).map(|field| field.kind).collect();
        for kind in kinds {
            for input in [Value::from(text.clone()), Value::Bytes(bytes.clone()), value.clone()] {
                if kind.is_clean(&input) {
                    prop_assert_eq!(kind.sanitize(&input), Ok(Some(input.clone())));
                }
                let _ = (kind.sanitize(&input), kind.is_valid(&input));
            }
        }
    }

    #[test]
    fn dates_never_panic(text in "([0-9]{1,14}|[a-zA-Z]{1,5}|[-+/:., ()T]){1,12}") {
        let _ = datetime::parse_fuzzy(&text);
        for format in ["timestamp", "windows_nt", "epoch_millis", "from_format|%c", "from_format|%W %w %Y", "from_format|%G %V %u"] {
            let _ = datetime::TimeFormat::parse(format).unwrap().convert(&Value::from(text.clone()));
        }
    }
}

#[test]
fn keys_are_shared_and_compare_by_their_text() {
    let idf: Arc<Idf> = Idf::builtin();
    let key = |name| idf.key(MessageType::Event, name).unwrap();
    let long = format!("extra.{}", "x".repeat(100));
    assert_eq!(key("extra.a"), key("extra.a"));
    assert_eq!(key(&long), key(&long));
    assert_ne!(key("extra.a"), key("extra.b"));
    assert_ne!(key("extra.a"), key("source.ip"));
}
