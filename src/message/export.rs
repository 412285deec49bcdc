//! Messages as JSON for the world outside: sorted, UTF-8, flat or nested.

use super::idf::Key;
use super::json::{Style, to_text, write_value};
use super::python::into_text;
use super::store::Message;
use super::value::Value;

/// How a message is exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Export {
    /// Nests fields at the dots of their names.
    pub hierarchical: bool,
    /// Adds `__type`.
    pub with_type: bool,
    /// Gathers `extra.*` into one text `extra`; IntelMQ 3.5.0 ignores this when it writes JSON.
    pub jsondict_as_string: bool,
}

const SORTED: Style = Style { ascii: false, sort: true };

impl Message {
    /// Returns the fields as an object: `__type` first, then in the order they were added, `extra` as text last.
    pub fn to_dict(&self, how: &Export) -> Value {
        let mut items = Vec::with_capacity(self.len() + 1);
        if how.with_type {
            items.push(("__type".to_owned(), Value::from(self.message_type().name())));
        }
        let mut gathered: Vec<(String, Value)> = Vec::new();
        for (key, value) in self.entries() {
            match &key.sub {
                Some(sub) if how.jsondict_as_string => {
                    gather(&mut gathered, self.idf().base(key), sub, value);
                }
                _ if how.hierarchical => nest(&mut items, &self.idf().name(key), value.clone()),
                _ => items.push((self.idf().name(key).into_owned(), value.clone())),
            }
        }
        for (base, entries) in gathered {
            let text = Value::from(to_text(&entries, false, false));
            if how.hierarchical { nest(&mut items, &base, text) } else { items.push((base, text)) }
        }
        Value::Map(items)
    }

    /// Returns the message as one line of JSON with sorted keys.
    pub fn to_json(&self, how: &Export) -> String {
        let mut out = Vec::with_capacity(2048);
        self.write_json(&mut out, how);
        into_text(out)
    }

    /// Appends what [`Message::to_json`] returns.
    pub fn write_json(&self, out: &mut Vec<u8>, how: &Export) {
        if how.hierarchical || how.jsondict_as_string {
            return write_value(out, &self.to_dict(how), SORTED);
        }
        self.write_flat(out, *how, |_| true);
    }

    /// Appends what [`Message::to_json`] would return if one field were not there.
    pub fn write_json_without(&self, out: &mut Vec<u8>, how: &Export, left_out: &Key) {
        if how.hierarchical || how.jsondict_as_string {
            let mut message = self.clone();
            message.remove_key(left_out);
            return message.write_json(out, how);
        }
        self.write_flat(out, *how, |key| key != left_out);
    }

    fn write_flat(&self, out: &mut Vec<u8>, how: Export, wanted: impl Fn(&Key) -> bool) {
        out.push(b'{');
        if how.with_type {
            out.extend_from_slice(b"\"__type\": \"");
            out.extend_from_slice(self.message_type().name().as_bytes());
            out.push(b'"');
        }
        for (index, (key, value)) in self.sorted_where(wanted).enumerate() {
            if index > 0 || how.with_type {
                out.extend_from_slice(b", ");
            }
            self.idf().write_json_key(out, key, false);
            write_value(out, value, SORTED);
        }
        out.push(b'}');
    }
}

fn gather(gathered: &mut Vec<(String, Value)>, base: &str, sub: &str, value: &Value) {
    let entry = (sub.to_owned(), value.clone());
    match gathered.iter_mut().find(|(name, _)| name == base) {
        Some((_, Value::Map(entries))) => entries.push(entry),
        _ => gathered.push((base.to_owned(), Value::Map(vec![entry]))),
    }
}

/// Puts a value at a dotted name; what stands in the way is replaced.
pub(super) fn nest(items: &mut Vec<(String, Value)>, name: &str, value: Value) {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let place = items.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
        items.push((first.to_owned(), Value::Map(Vec::new())));
        items.len() - 1
    });
    let slot = &mut items[place].1;
    match rest {
        None => *slot = value,
        Some(rest) => {
            if !matches!(slot, Value::Map(_)) {
                *slot = Value::Map(Vec::new());
            }
            if let Value::Map(inner) = slot {
                nest(inner, rest, value);
            }
        }
    }
}
