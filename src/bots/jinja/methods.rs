//! The methods of Python's texts and mappings that templates use.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

/// Calls a method that a value of a template does not have by itself.
pub(super) fn call(
    _state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let found = match (value.as_str(), value.kind()) {
        (Some(text), _) => on_text(text, method, arguments)?,
        (None, ValueKind::Map) => on_mapping(value, method, arguments)?,
        _ => None,
    };
    found.ok_or_else(|| {
        Error::new(ErrorKind::UnknownMethod, format!("{} has no method named {method}", value.kind()))
    })
}

fn on_text(text: &str, method: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let argument = |index: usize| arguments.get(index).and_then(Value::as_str);
    let first = || argument(0).ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("{method}()")));
    let strange = |c: char| argument(0).map_or(c.is_whitespace(), |letters| letters.contains(c));
    let value = match method {
        "lower" => text.to_lowercase().into(),
        "upper" => text.to_uppercase().into(),
        "strip" => text.trim_matches(strange).into(),
        "lstrip" => text.trim_start_matches(strange).into(),
        "rstrip" => text.trim_end_matches(strange).into(),
        "startswith" => text.starts_with(first()?).into(),
        "endswith" => text.ends_with(first()?).into(),
        "replace" => text.replace(first()?, argument(1).unwrap_or_default()).into(),
        "split" => match argument(0) {
            Some(at) if !at.is_empty() => text.split(at).collect(),
            _ => text.split_whitespace().collect(),
        },
        "splitlines" => text.lines().collect(),
        "title" => title(text).into(),
        "capitalize" => capitalized(text).into(),
        "join" => {
            let items = arguments.first().map(Value::try_iter).transpose()?;
            let items: Vec<String> = items.into_iter().flatten().map(|item| super::show(&item)).collect();
            items.join(text).into()
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters.flat_map(char::to_lowercase)).collect()
}

fn title(text: &str) -> String {
    let mut within = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if within {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        within = c.is_alphabetic();
    }
    out
}

fn on_mapping(value: &Value, method: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let keys = || value.try_iter();
    Ok(Some(match (method, arguments) {
        ("get", [key, rest @ ..]) => {
            let found = value.get_item(key)?;
            if found.is_undefined() { rest.first().cloned().unwrap_or(Value::from(())) } else { found }
        }
        ("keys", []) => keys()?.collect(),
        ("values", []) => keys()?.map(|key| value.get_item(&key)).collect::<Result<Value, _>>()?,
        ("items", []) => {
            let pair = |key: Value| Ok(Value::from(vec![key.clone(), value.get_item(&key)?]));
            keys()?.map(pair).collect::<Result<Value, Error>>()?
        }
        _ => return Ok(None),
    }))
}
