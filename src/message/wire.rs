//! The form in which messages travel between bots: one JSON object with flat keys and `__type`.

use std::collections::HashMap;
use std::sync::Arc;

use jiter::{Jiter, JiterErrorType, Peek};

use super::add::Next;
use super::entries::Entries;
use super::error::{MessageError, WireError};
use super::idf::{Idf, Key};
use super::intern::intern;
use super::json::{Fault, Style, read, write_value};
use super::lazy::Text;
use super::packed;
use super::python::{into_text, repr};
use super::store::{Message, MessageType};
use super::value::Value;

pub(super) const WIRE: Style = Style { ascii: true, sort: false };

/// What the JSON holds before its type is known.
#[derive(Default)]
struct Draft {
    fields: Entries,
    /// Keys that no message may have; values that are ignored are allowed to them.
    strays: Vec<(String, Value)>,
    kind: Option<Value>,
}

impl Message {
    /// Reads a message, packed or not; `default` is its type if it does not say.
    ///
    /// Values that are valid are taken as they are, others are sanitised.
    pub fn from_wire(
        idf: &Arc<Idf>,
        bytes: &[u8],
        default: Option<MessageType>,
    ) -> Result<Message, WireError> {
        let packed = packed::split(bytes);
        let text = packed.map_or(bytes, |packed| packed.head);
        let mut jiter = Jiter::new(text).with_allow_inf_nan();
        let mut draft = Draft::read(idf, &mut jiter).map_err(|fault| explain(text, &fault, &jiter))?;
        if let (Some(packed), Some(raw)) = (packed, idf.place("raw")) {
            let raw = Key { id: raw.id, sub: None };
            draft.fields.put(raw, Value::Text(Text::encoded(packed.bytes.to_vec())));
        }
        let kind = match (&draft.kind, default) {
            (Some(Value::Text(name)), _) if name == "Event" => MessageType::Event,
            (Some(Value::Text(name)), _) if name == "Report" => MessageType::Report,
            (Some(other), _) => return Err(WireError::UnknownType(repr(other))),
            (None, Some(default)) => default,
            (None, None) => return Err(WireError::NoType),
        };
        draft.finish(idf, kind)
    }

    /// Returns the message as it travels: ASCII, in the order of its fields, `__type` last.
    pub fn to_wire(&self) -> String {
        let mut out = Vec::with_capacity(2048);
        self.write_wire(&mut out);
        into_text(out)
    }

    /// Appends what [`Message::to_wire`] returns.
    pub fn write_wire(&self, out: &mut Vec<u8>) {
        self.write_fields(out, |out, value| write_value(out, value, WIRE));
    }

    /// Appends an object of all fields; `write` writes their values.
    pub(super) fn write_fields(&self, out: &mut Vec<u8>, mut write: impl FnMut(&mut Vec<u8>, &Value)) {
        out.push(b'{');
        for (key, value) in self.entries() {
            self.idf().write_json_key(out, key, true);
            write(out, value);
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(b"\"__type\": \"");
        out.extend_from_slice(self.message_type().name().as_bytes());
        out.extend_from_slice(b"\"}");
    }
}

/// Finds out what is wrong with bytes that were refused: Python decodes all of them before it looks for JSON.
fn explain(bytes: &[u8], fault: &Fault, jiter: &Jiter) -> WireError {
    match (std::str::from_utf8(bytes), fault) {
        (Err(error), _) => WireError::NotUtf8(error.valid_up_to()),
        (_, Fault::Jiter(error)) if matches!(error.error_type, JiterErrorType::WrongType { .. }) => {
            WireError::NotObject
        }
        _ => WireError::NotJson(fault.text(jiter)),
    }
}

impl Draft {
    fn read(idf: &Idf, jiter: &mut Jiter) -> Result<Draft, Fault> {
        let mut draft = Draft { fields: Entries::with_capacity(40), ..Draft::default() };
        let mut repeated = false;
        let mut next = jiter.next_object()?;
        while let Some(name) = next {
            match idf.place(name) {
                Some(place) if place.sub.is_none() || idf.is_dict(place.id) => {
                    let sub = match place.sub.map(intern) {
                        None => None,
                        Some(Some(sub)) => Some(sub),
                        Some(None) => {
                            let name = name.to_owned();
                            draft.strays.push((name, value(jiter)?));
                            next = jiter.next_key()?;
                            continue;
                        }
                    };
                    let key = Key { id: place.id, sub };
                    repeated |= draft.fields.len() >= 256 || draft.fields.find(key.place()).is_some();
                    draft.fields.push(key, value(jiter)?);
                }
                None if name == "__type" => draft.kind = Some(value(jiter)?),
                _ => {
                    let name = name.to_owned();
                    draft.strays.push((name, value(jiter)?));
                }
            }
            next = jiter.next_key()?;
        }
        jiter.finish()?;
        if repeated {
            draft.fields = last_wins(draft.fields);
        }
        draft.strays = super::json::last_wins(draft.strays);
        Ok(draft)
    }

    fn finish(self, idf: &Arc<Idf>, kind: MessageType) -> Result<Message, WireError> {
        if let Some((name, _)) = self.strays.into_iter().find(|(_, value)| !value.is_ignored()) {
            return Err(MessageError::InvalidKey(name).into());
        }
        if self.fields.iter().all(|(key, value)| is_ready(idf, kind, key, value)) {
            return Ok(Message::of(idf, kind, self.fields));
        }
        let mut message = Message::empty(idf, kind);
        for (key, value) in self.fields {
            if message.fields.has(key.place()) {
                // Only with a whole object beside its own sub-keys.
                return Err(MessageError::KeyExists(idf.name(&key).into_owned()).into());
            }
            if value.is_ignored() {
                continue;
            }
            message.store_either(key, value, Next::Push)?;
        }
        Ok(message)
    }
}

#[inline]
fn value(jiter: &mut Jiter) -> Result<Value, Fault> {
    match jiter.peek()? {
        Peek::String => Ok(Value::from(jiter.known_str()?)),
        peek => read(jiter, peek, 1),
    }
}

/// Tells whether a field may stay as it was read.
fn is_ready(idf: &Idf, kind: MessageType, key: &Key, value: &Value) -> bool {
    let Some(spec) = idf.spec(kind, key.id) else { return false };
    !value.is_ignored()
        && (key.sub.is_some() || (spec.kind != super::kind::FieldType::JsonDict && spec.kind.is_valid(value)))
        && spec.limits(value).is_ok()
}

fn last_wins(fields: Entries) -> Entries {
    let mut places: HashMap<Key, usize> = HashMap::with_capacity(fields.len());
    let mut kept: Vec<(Key, Value)> = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        if let Some(&place) = places.get(&key) {
            kept[place].1 = value;
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    let mut fields = Entries::with_capacity(kept.len());
    for (key, value) in kept {
        fields.push(key, value);
    }
    fields
}
