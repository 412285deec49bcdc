//! One message: its fields in the order they were added.

use std::borrow::Cow;
use std::sync::Arc;

use super::entries::Entries;
use super::idf::{Idf, Key};
use super::json::to_text;
use super::order;
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
    pub(super) fields: Entries,
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

    /// Makes an empty event with room for so many fields, so that adding them one by one moves nothing.
    pub fn event_with_room(idf: &Arc<Idf>, fields: usize) -> Message {
        Message::of(idf, MessageType::Event, Entries::with_capacity(fields))
    }

    /// Makes a report; `time.observation` is set to now.
    pub fn report(idf: &Arc<Idf>) -> Message {
        let mut report = Message::empty(idf, MessageType::Report);
        report.observe_now();
        report
    }

    /// Makes an event with the fields that a report hands on, and those in `also`.
    pub fn event_from(report: &Message, also: &[String]) -> Message {
        let mut event = Message::event(&report.idf);
        for name in INHERITED.into_iter().chain(also.iter().map(String::as_str)) {
            let Some(place) = report.idf.place(name) else { continue };
            if event.idf.spec(MessageType::Event, place.id).is_none() || event.fields.has(place) {
                continue;
            }
            let whole = place.sub.is_none();
            let wanted = |key: &Key| place.is(key) || (whole && key.id == place.id);
            for (key, value) in report.fields.iter().filter(|(key, _)| wanted(key)) {
                event.fields.push(key.clone(), value.clone());
            }
        }
        event
    }

    /// Makes a report of an event, as intelmqdump does: with the fields that reports know.
    #[must_use]
    pub fn into_report(mut self) -> Message {
        let idf = Arc::clone(&self.idf);
        self.fields.retain(|key| idf.spec(MessageType::Report, key.id).is_some());
        self.kind = MessageType::Report;
        if !self.contains("time.observation") {
            self.observe_now();
        }
        self
    }

    pub(super) fn empty(idf: &Arc<Idf>, kind: MessageType) -> Message {
        Message { idf: Arc::clone(idf), kind, fields: Entries::with_capacity(24) }
    }

    pub(super) fn of(idf: &Arc<Idf>, kind: MessageType, fields: Entries) -> Message {
        Message { idf: Arc::clone(idf), kind, fields }
    }

    fn observe_now(&mut self) {
        if let Ok(key) = self.idf.key(self.kind, "time.observation") {
            self.fields.put(key, Value::from(super::datetime::now()));
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
        self.fields.get(self.idf.place(name)?)
    }

    /// Returns a field by a key of this message's data format.
    pub fn get_key(&self, key: &Key) -> Option<&Value> {
        self.fields.get(key.place())
    }

    /// Returns the text of a field, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Returns the JSON text of all sub-keys of a field, nested at their dots, as Python's `message['extra']` does.
    pub fn dict_text(&self, name: &str) -> Option<String> {
        let place = self.idf.place(name).filter(|place| place.sub.is_none())?;
        let mut items = Vec::new();
        for (key, value) in self.fields.iter() {
            match &key.sub {
                Some(sub) if key.id == place.id => super::export::nest(&mut items, sub, value.clone()),
                _ => {}
            }
        }
        (!items.is_empty()).then(|| to_text(&Value::Map(items), true, false))
    }

    /// Tells whether a field is there (Python's `in`): true for `extra` if any `extra.*` is there.
    pub fn contains(&self, name: &str) -> bool {
        self.idf.place(name).is_some_and(|place| self.fields.has(place))
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
        self.sorted_where(|_| true)
    }

    /// Returns some fields, sorted by name.
    pub(super) fn sorted_where(&self, wanted: impl Fn(&Key) -> bool) -> impl Iterator<Item = (&Key, &Value)> {
        let order = order::by_name(&self.idf, &self.fields);
        (0..order.len()).filter_map(move |at| {
            let (key, value) = &self.fields[order[at] as usize];
            wanted(key).then_some((key, value))
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

    /// Has its clones share its texts.
    pub fn share(&mut self) {
        self.fields.share();
    }

    /// Stores a value that needs no check, such as a constant that was checked before or an entry of an object; replaces what
    /// is there.
    pub fn put(&mut self, key: &Key, value: Value) {
        self.fields.put(key.clone(), value);
    }

    /// Stores a value that needs no check under a key that is not there.
    pub(crate) fn push(&mut self, key: &Key, value: Value) {
        self.fields.push(key.clone(), value);
    }

    /// Removes a field (`extra` removes all sub-keys); returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.idf.place(name).is_some_and(|place| self.fields.remove(place))
    }

    /// Removes a field by a key of this message's data format; returns whether it was there.
    pub fn remove_key(&mut self, key: &Key) -> bool {
        self.fields.remove(key.place())
    }

    /// Returns the bytes of `raw`.
    pub fn raw(&self) -> Option<Vec<u8>> {
        match self.get("raw") {
            Some(Value::Text(text)) => match text.decoded() {
                Some(bytes) => Some(bytes.to_vec()),
                None => decode_base64(text).ok(),
            },
            _ => None,
        }
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let same_format = Arc::ptr_eq(&self.idf, &other.idf);
        self.kind == other.kind
            && self.fields.len() == other.fields.len()
            && self.fields.iter().zip(other.fields.iter()).all(|((key, value), (other_key, other_value))| {
                let same_place = same_format && key == other_key;
                match if same_place { Some(other_value) } else { other.get(&self.idf.name(key)) } {
                    Some(other_value) => value == other_value,
                    None => false,
                }
            })
    }
}
