//! The golden cases, observed from IntelMQ 3.5.0, and the rules for adding fields.

use super::*;

const TYPES: &str = include_str!("../../tests/golden/golden-types.json");
const HASHES: &str = include_str!("../../tests/golden/golden-hash.json");

/// Reads a case's value: bytes and odd floats are written as `{"bytes_hex": …}` and `{"float": …}`.
fn decode(value: &Value) -> Value {
    match (value.get("bytes_hex"), value.get("float")) {
        (Some(Value::Text(hex)), _) => Value::Bytes(
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect(),
        ),
        (_, Some(Value::Text(text))) => Value::Float(text.parse().unwrap()),
        _ => value.clone(),
    }
}

fn cases(text: &str) -> Vec<Value> {
    match json::parse(text.as_bytes()).unwrap() {
        Value::List(cases) => cases,
        other => panic!("not a list: {other:?}"),
    }
}

fn check_types(text: &str) -> usize {
    let cases = cases(text);
    for case in &cases {
        let kind = FieldType::from_name(case.get("type").and_then(Value::as_str).unwrap()).unwrap();
        let input = decode(case.get("in").unwrap());
        let what = format!("{} of {}", kind.name(), python::repr(&input));
        assert_eq!(
            kind.is_valid(&input),
            case.get("valid_as_is") == Some(&Value::Bool(true)),
            "valid as is: {what}"
        );
        let sanitized = kind.sanitize(&input);
        if case.get("sanitize_raises").is_some() {
            assert!(sanitized.is_err(), "{what} should raise, gave {sanitized:?}");
            continue;
        }
        let expected = decode(case.get("sanitized").unwrap());
        let expected = if expected == Value::Null { None } else { Some(expected) };
        assert_eq!(sanitized, Ok(expected.clone()), "sanitized: {what}");
        let valid_after = expected.is_some_and(|value| kind.is_valid(&value));
        assert_eq!(Some(&Value::Bool(valid_after)), case.get("valid_after"), "valid after: {what}");
    }
    cases.len()
}

#[test]
fn types_convert_and_accept_as_intelmq_does() {
    assert_eq!(check_types(TYPES), 226);
}

#[test]
fn wire_form_hash_and_export_are_those_of_intelmq() {
    let idf = Idf::builtin();
    let cases = cases(HASHES);
    assert_eq!(cases.len(), 24);
    for case in &cases {
        let text = |name: &str| case.get(name).and_then(Value::as_str).unwrap();
        let wire = text("wire");
        let message = Message::from_wire(&idf, wire.as_bytes(), None).unwrap();
        assert_eq!(message.to_wire(), wire);
        assert_eq!(message.hash_hex(&Filter::default()), text("hash"), "{wire}");
        assert_eq!(message.hash_hex(&Filter::blacklist(["raw"])), text("hash_blacklist_raw"), "{wire}");
        let some = Filter::whitelist(["source.ip", "source.port"]);
        assert_eq!(message.hash_hex(&some), text("hash_whitelist_source.ip_source.port"), "{wire}");
        assert_eq!(message.to_json(&Export::default()), text("to_json"));
        let nested = Export { hierarchical: true, with_type: true, ..Export::default() };
        assert_eq!(message.to_json(&nested), text("to_json_hier_type"));
        for (name, value) in message.iter() {
            let expected = case.get("repr").and_then(|all| all.get(&name)).and_then(Value::as_str);
            assert_eq!(Some(python::repr(value).as_str()), expected);
        }
    }
}
