//! How Python looks at a message's fields: by name, also as a whole object, and equal across kinds of numbers.

use std::borrow::Cow;

use crate::message::{Message, Value};

/// Returns `message[name]`: a field, or the JSON text of all that is below `extra`.
pub(crate) fn lookup<'m>(message: &'m Message, name: &str) -> Option<Cow<'m, Value>> {
    match message.get(name) {
        Some(value) => Some(Cow::Borrowed(value)),
        None => message.dict_text(name).map(|text| Cow::Owned(Value::from(text))),
    }
}

/// Reads a whole number of any size, which is well-formed.
pub(crate) fn whole(text: &str) -> Value {
    let digits = text.trim_start_matches(['+', '-']).trim_start_matches('0');
    let sign = if text.starts_with('-') { "-" } else { "" };
    match format!("{sign}0{digits}").parse() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::BigInt(format!("{sign}{digits}").into()),
    }
}

/// Python's `==`: `80`, `80.0` and `True` with `1` are equal, `80` and `"80"` are not.
#[expect(clippy::float_cmp, reason = "Python compares exactly")]
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Value::Map(b_items)) => {
            a.len() == b_items.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Float(float), other) | (other, Value::Float(float)) => match integer(other) {
            Some(integer) => integer as f64 == *float && float.trunc() as i128 == i128::from(integer),
            None => false,
        },
        _ => match (integer(a), integer(b)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => a == b,
            _ => false,
        },
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bool(value) => Some(i64::from(*value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_equal_across_their_kinds() {
        let table = [
            (json!(80), json!(80.0), true),
            (json!(1), json!(true), true),
            (json!(0.0), json!(false), true),
            (json!(80), json!("80"), false),
            (json!(i64::MAX), json!(9_223_372_036_854_775_808.0), false),
            (json!([1, {"a": 2, "b": null}]), json!([true, {"b": null, "a": 2.0}]), true),
            (json!([1]), json!([1, 2]), false),
            (json!({"a": 1}), json!({"b": 1}), false),
            (json!(null), json!(false), false),
            (json!("a"), json!("a"), true),
        ];
        for (a, b, expected) in table {
            let (left, right) = (Value::from(a.clone()), Value::from(b.clone()));
            assert_eq!(equal(&left, &right), expected, "{a} == {b}");
            assert_eq!(equal(&right, &left), expected, "{b} == {a}");
        }
    }
}
