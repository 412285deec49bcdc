//! One message: its fields in the order they were added.

use std::borrow::Cow;
use std::sync::Arc;

use super::idf::{Idf, Key, Place};
use super::json::to_text;
use super::text::decode_base64;
use super::value::Value;

/// Whether a message is a report (raw data of a feed) or an event (one finding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Raw data as a collector fetched it.
    Report,
    /// One finding, in IntelMQ's data format.
    Event,
}

impl MessageType {
    /// Returns the name that `__type` has.
    pub fn name(self) -> &'static str {
        match self {
            MessageType::Report => "Report",
            MessageType::Event => "Event",
        }
    }
}

/// A report or an event.
///
/// Two messages are equal when they have the same type and the same fields, in any order.
#[derive(Debug, Clone)]
pub struct Message {
    idf: Arc<Idf>,
    kind: MessageType,
    pub(super) fields: Vec<(Key, Value)>,
}

/// The fields that an event takes over from its report.
const INHERITED: [&str; 8] = [
    "feed.accuracy",
    "feed.code",
    "feed.documentation",
    "feed.name",
    "feed.provider",
    "feed.url",
    "rtir_id",
    "time.observation",
];

impl Message {
    /// Makes an empty event.
    pub fn event(idf: &Arc<Idf>) -> Message {
        Message::empty(idf, MessageType::Event)
    }

    /// Makes a report; `time.observation` is set to now.
    pub fn report(idf: &Arc<Idf>) -> Message {
        let mut report = Message::empty(idf, MessageType::Report);
        report.observe_now();
        report
    }

    /// Makes an event with the fields that a report hands on (facts §2.3), and those in `also`.
    pub fn event_from(report: &Message, also: &[String]) -> Message {
        let mut event = Message { fields: Vec::with_capacity(40), ..Message::event(&report.idf) };
        for name in INHERITED.into_iter().chain(also.iter().map(String::as_str)) {
            let Some(place) = report.idf.place(name) else { continue };
            if event.idf.spec(MessageType::Event, place.id).is_none() || event.find(place).is_some() {
                continue;
            }
            let whole = place.sub.is_none();
            let wanted = |key: &Key| place.is(key) || (whole && key.id == place.id);
            event.fields.extend(report.fields.iter().filter(|(key, _)| wanted(key)).cloned());
        }
        event
    }

    /// Makes a report of an event, as intelmqdump does: with the fields that reports know.
    pub fn into_report(mut self) -> Message {
        let idf = Arc::clone(&self.idf);
        self.fields.retain(|(key, _)| idf.spec(MessageType::Report, key.id).is_some());
        self.kind = MessageType::Report;
        if !self.contains("time.observation") {
            self.observe_now();
        }
        self
    }

    pub(super) fn empty(idf: &Arc<Idf>, kind: MessageType) -> Message {
        Message { idf: Arc::clone(idf), kind, fields: Vec::new() }
    }

    pub(super) fn of(idf: &Arc<Idf>, kind: MessageType, fields: Vec<(Key, Value)>) -> Message {
        Message { idf: Arc::clone(idf), kind, fields }
    }

    fn observe_now(&mut self) {
        if let Ok(key) = self.idf.key(self.kind, "time.observation") {
            self.fields.push((key, Value::Text(super::datetime::now())));
        }
    }

    /// Tells whether this is a report or an event.
    pub fn message_type(&self) -> MessageType {
        self.kind
    }

    /// Returns the data format that the message follows.
    pub fn idf(&self) -> &Arc<Idf> {
        &self.idf
    }

    /// Returns a field; for a whole object such as `extra` see [`Message::dict_text`].
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.idf.place(name).and_then(|place| self.find(place)).map(|at| &self.fields[at].1)
    }

    /// Returns a field by a key of this message's data format.
    pub fn get_key(&self, key: &Key) -> Option<&Value> {
        self.find(key.place()).map(|at| &self.fields[at].1)
    }

    /// Returns the text of a field, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Returns the JSON text of all sub-keys of a field, nested at their dots, as Python's `message['extra']` does.
    pub fn dict_text(&self, name: &str) -> Option<String> {
        let place = self.idf.place(name).filter(|place| place.sub.is_none())?;
        let mut items = Vec::new();
        for (key, value) in &self.fields {
            match &key.sub {
                Some(sub) if key.id == place.id => super::export::nest(&mut items, sub, value.clone()),
                _ => {}
            }
        }
        (!items.is_empty()).then(|| to_text(&Value::Map(items), true, false))
    }

    /// Tells whether a field is there (Python's `in`): true for `extra` if any `extra.*` is there.
    pub fn contains(&self, name: &str) -> bool {
        self.idf.place(name).is_some_and(|place| self.has(place))
    }

    /// Returns the fields in the order they were added, as (name, value).
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, &Value)> {
        self.fields.iter().map(|(key, value)| (self.idf.name(key), value))
    }

    /// Returns the fields in the order they were added, as (key, value).
    pub fn entries(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.fields.iter().map(|(key, value)| (key, value))
    }

    /// Returns the fields sorted by name.
    pub fn sorted(&self) -> impl Iterator<Item = (&Key, &Value)> {
        let mut order: Vec<u32> = (0..self.fields.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            self.idf.compare(&self.fields[a as usize].0, &self.fields[b as usize].0)
        });
        order.into_iter().map(|at| {
            let (key, value) = &self.fields[at as usize];
            (key, value)
        })
    }

    /// Returns how many fields there are; every `extra.*` counts.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Tells whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Stores a value that needs no check, such as a constant that was checked before or an entry of an object; replaces what
    /// is there.
    pub fn put(&mut self, key: &Key, value: Value) {
        match self.find(key.place()) {
            Some(at) => self.fields[at].1 = value,
            None => self.fields.push((key.clone(), value)),
        }
    }

    /// Removes a field (`extra` removes all sub-keys); returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some((id, sub)) = self.idf.place(name).map(|place| (place.id, place.sub)) else { return false };
        self.remove_place(Place { id, sub })
    }

    /// Removes a field by a key of this message's data format; returns whether it was there.
    pub fn remove_key(&mut self, key: &Key) -> bool {
        self.remove_place(key.place())
    }

    pub(super) fn remove_place(&mut self, place: Place) -> bool {
        let before = self.fields.len();
        match self.find(place) {
            Some(at) => drop(self.fields.remove(at)),
            None if place.sub.is_none() => self.fields.retain(|(key, _)| key.id != place.id),
            None => {}
        }
        self.fields.len() < before
    }

    /// Returns the bytes of `raw`.
    pub fn raw(&self) -> Option<Vec<u8>> {
        decode_base64(self.text("raw")?).ok()
    }

    pub(super) fn find(&self, place: Place) -> Option<usize> {
        self.fields.iter().position(|(key, _)| place.is(key))
    }

    /// Tells whether a field is there, or any sub-key of it.
    pub(super) fn has(&self, place: Place) -> bool {
        self.fields.iter().any(|(key, _)| key.id == place.id && (place.sub.is_none() || place.is(key)))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let same_format = Arc::ptr_eq(&self.idf, &other.idf);
        self.kind == other.kind
            && self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|((key, value), (other_key, other_value))| {
                let same_place = same_format && key == other_key;
                match if same_place { Some(other_value) } else { other.get(&self.idf.name(key)) } {
                    Some(other_value) => value == other_value,
                    None => false,
                }
            })
    }
}
