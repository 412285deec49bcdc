//! The event as templates see it, methods that Python's texts and dicts have, and values written as Python writes them.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value as Item, ValueKind, from_args};
use minijinja::{Error, ErrorKind, Output};

use crate::bots::values::lookup;
use crate::message::{Message, Value, json, python};

/// An object with its keys in their order: `msg`, and what is below it.
#[derive(Debug)]
pub(super) struct Entries {
    items: Vec<(String, Item)>,
    /// The event, if this is `msg`.
    event: Option<Message>,
}

impl Entries {
    /// Makes `msg`.
    pub(super) fn of_event(event: &Message) -> Item {
        let items = event.iter().map(|(name, value)| (name.into_owned(), item(value))).collect();
        Item::from_object(Entries { items, event: Some(event.clone()) })
    }

    fn value(items: Vec<(String, Item)>) -> Item {
        Item::from_object(Entries { items, event: None })
    }
}

fn item(value: &Value) -> Item {
    match value {
        Value::Null => Item::from(()),
        Value::Bool(value) => Item::from(*value),
        Value::Int(number) => Item::from(*number),
        Value::Float(number) => Item::from(*number),
        Value::BigInt(digits) => digits.parse::<i128>().map_or_else(|_| Item::from(&**digits), Item::from),
        Value::Text(text) => Item::from(text.as_str()),
        Value::Bytes(bytes) => Item::from_bytes(bytes.clone()),
        Value::List(items) => items.iter().map(item).collect::<Vec<_>>().into(),
        Value::Map(items) => {
            Entries::value(items.iter().map(|(key, value)| (key.clone(), item(value))).collect())
        }
    }
}

impl Object for Entries {
    fn get_value(self: &Arc<Self>, key: &Item) -> Option<Item> {
        let key = key.as_str()?;
        let found = self.items.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone()).or_else(|| {
            let whole = lookup(self.event.as_ref()?, key)?;
            Some(item(&whole))
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items.iter().map(|(name, _)| Item::from(name.as_str())).collect())
    }
}

/// Writes `msg` as a whole: its wire form with the fields in their order.
fn wire(event: &Message) -> String {
    let fields = event.iter().map(|(name, value)| (name.into_owned(), value.clone()));
    let kind = ("__type".to_owned(), Value::from(event.message_type().name()));
    json::to_text(&Value::Map(fields.chain([kind]).collect()), true, false)
}

/// The filter `tojson`, which leaves nothing in that HTML would read.
pub(super) fn tojson(value: &Item) -> String {
    let text = json::to_text(&plain(value), true, true);
    [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\'', "\\u0027")]
        .into_iter()
        .fold(text, |text, (character, escape)| text.replace(character, escape))
}

/// Writes a value as Python's `str` does; what is not there is nothing.
pub(super) fn write(out: &mut Output<'_>, value: &Item) -> Result<(), Error> {
    let msg = value.downcast_object_ref::<Entries>().and_then(|entries| entries.event.as_ref());
    let text = match value.kind() {
        ValueKind::Undefined => return Ok(()),
        _ if msg.is_some() => msg.map(wire).unwrap_or_default(),
        ValueKind::String | ValueKind::Number if !is_float(value) => value.to_string(),
        _ => python::str(&plain(value)),
    };
    out.write_str(&text).map_err(|_| Error::new(ErrorKind::WriteFailure, "out of memory"))
}

fn is_float(value: &Item) -> bool {
    value.kind() == ValueKind::Number && !value.is_integer()
}

/// Returns a value of a template as messages have it.
fn plain(value: &Item) -> Value {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => {
            value.as_i64().map_or_else(|| Value::BigInt(value.to_string().into()), Value::Int)
        }
        ValueKind::Number => Value::Float(f64::try_from(value.clone()).unwrap_or(f64::NAN)),
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let entry =
                |key: Item| (key.to_string(), value.get_item(&key).map_or(Value::Null, |item| plain(&item)));
            Value::Map(keys.map(entry).collect())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            Value::List(value.try_iter().into_iter().flatten().map(|item| plain(&item)).collect())
        }
        _ => Value::from(value.to_string()),
    }
}

/// Does what methods of Python's texts and dicts do that templates use.
pub(super) fn method(value: &Item, name: &str, arguments: &[Item]) -> Result<Item, Error> {
    match value.as_str() {
        Some(text) => of_text(text, name, arguments),
        None if value.kind() == ValueKind::Map => of_map(value, name, arguments),
        None => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn of_text(text: &str, name: &str, arguments: &[Item]) -> Result<Item, Error> {
    let in_chars =
        |chars: Option<&str>, c: char| chars.map_or(python::is_space(c), |chars| chars.contains(c));
    Ok(match name {
        "lower" | "casefold" => Item::from(text.to_lowercase()),
        "upper" => Item::from(text.to_uppercase()),
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(arguments)?;
            let fits = |c: char| in_chars(chars, c);
            Item::from(match name {
                "strip" => text.trim_matches(fits),
                "lstrip" => text.trim_start_matches(fits),
                _ => text.trim_end_matches(fits),
            })
        }
        "replace" => {
            let (old, new): (&str, &str) = from_args(arguments)?;
            Item::from(text.replace(old, new))
        }
        "split" => {
            let (separator,): (Option<&str>,) = from_args(arguments)?;
            match separator {
                Some("") => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
                Some(separator) => text.split(separator).map(Item::from).collect::<Vec<_>>().into(),
                None => {
                    let parts = text.split(python::is_space).filter(|part| !part.is_empty());
                    parts.map(Item::from).collect::<Vec<_>>().into()
                }
            }
        }
        "startswith" => {
            let (start,): (&str,) = from_args(arguments)?;
            Item::from(text.starts_with(start))
        }
        "endswith" => {
            let (end,): (&str,) = from_args(arguments)?;
            Item::from(text.ends_with(end))
        }
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn of_map(value: &Item, name: &str, arguments: &[Item]) -> Result<Item, Error> {
    let keys = || value.try_iter().into_iter().flatten();
    let get = |key: &Item| value.get_item(key);
    Ok(match name {
        "get" => {
            let (key, default): (Item, Option<Item>) = from_args(arguments)?;
            let found = get(&key)?;
            if found.is_undefined() { default.unwrap_or(Item::from(())) } else { found }
        }
        "keys" => keys().collect::<Vec<_>>().into(),
        "values" => keys().map(|key| get(&key)).collect::<Result<Vec<_>, _>>()?.into(),
        "items" => {
            let pairs = keys().map(|key| Ok(Item::from(vec![key.clone(), get(&key)?])));
            pairs.collect::<Result<Vec<_>, Error>>()?.into()
        }
        "to_dict" => {
            let pairs = keys().map(|key| Ok((key.to_string(), get(&key)?)));
            Entries::value(pairs.collect::<Result<Vec<_>, Error>>()?)
        }
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}
