//! The IntelMQ data format: which fields a report and an event may have.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use xxhash_rust::xxh3::xxh3_64;

use super::error::MessageError;
use super::fields::{EVENT, REPORT, Row};
use super::intern::intern;
use super::json::write_text;
use super::kind::FieldType;
use super::pattern::Pattern;
use super::python;
use super::store::MessageType;
use super::value::Value;

/// The fields of reports and events: IntelMQ's own, or those of a site's `harmonization.conf`.
#[derive(Debug)]
pub struct Idf {
    /// All names, sorted; a key's number is the place here, so that keys sort like their names.
    entries: Vec<Entry>,
    /// Open-addressing hash table of `entries`: place + 1, or 0.
    table: Vec<u16>,
    /// Whether sorting by number, then by sub-key, is sorting by text.
    regular: bool,
    /// The prefix of sub-keys that nearly all have, `extra.`, and the field's number.
    first_dict: Option<(Box<str>, u16)>,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    /// The name as a JSON key, `"source.ip": `.
    json: Box<[u8]>,
    event: Option<FieldSpec>,
    report: Option<FieldSpec>,
}

/// One field of a report or an event.
#[derive(Debug, Clone)]
pub struct FieldSpec {
    /// The dotted name, such as `source.ip`.
    pub name: Box<str>,
    /// What values it takes.
    pub kind: FieldType,
    /// The longest text, in characters of the value as Python prints it.
    pub length: Option<usize>,
    pub(crate) patterns: Vec<Pattern>,
}

/// A field's name, looked up once so that reading and adding cost no text comparison.
///
/// It belongs to the [`Idf`] that made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) id: u16,
    /// What follows the dot: `x` of `extra.x`.
    pub(crate) sub: Option<Arc<str>>,
}

/// A name that was found in the data format; the sub-key is not checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) id: u16,
    pub(crate) sub: Option<&'a str>,
}

impl Place<'_> {
    pub(crate) fn is(self, key: &Key) -> bool {
        self.id == key.id && self.sub == key.sub.as_deref()
    }
}

impl Key {
    pub(crate) fn place(&self) -> Place<'_> {
        Place { id: self.id, sub: self.sub.as_deref() }
    }
}

/// Why a `harmonization.conf` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HarmonizationError(pub String);

static BUILTIN: LazyLock<Arc<Idf>> = LazyLock::new(|| {
    let event = EVENT.iter().flat_map(expand).chain(REPORT.iter().flat_map(expand)).collect();
    let report = REPORT.iter().flat_map(expand).collect();
    Arc::new(Idf::build(event, report))
});

/// Makes fields of a row of the table: one, or one of each end.
fn expand(row: &Row) -> Vec<FieldSpec> {
    let (name, kind, length, pattern) = row;
    let names = match name.strip_prefix("*.") {
        Some(rest) => vec![format!("destination.{rest}"), format!("source.{rest}")],
        None => vec![(*name).to_owned()],
    };
    let length = (*length > 0).then_some(*length);
    let make = |name: String| FieldSpec {
        name: name.into(),
        kind: *kind,
        length,
        patterns: pattern.iter().cloned().collect(),
    };
    names.into_iter().map(make).collect()
}

impl Idf {
    /// Returns IntelMQ 3.5.0's own fields.
    pub fn builtin() -> Arc<Idf> {
        Arc::clone(&BUILTIN)
    }

    /// Reads a `harmonization.conf` (JSON); a site's own fields are taken as they are.
    pub fn parse(text: &str) -> Result<Arc<Idf>, HarmonizationError> {
        super::conf::parse(text).map(|(event, report)| Arc::new(Idf::build(event, report)))
    }

    /// Returns the fields as a `harmonization.conf` that IntelMQ reads.
    pub fn to_conf(&self) -> serde_json::Value {
        super::conf::write(self.fields(MessageType::Event), self.fields(MessageType::Report))
    }

    pub(crate) fn build(event: Vec<FieldSpec>, report: Vec<FieldSpec>) -> Idf {
        let mut entries: BTreeMap<Box<str>, Entry> = BTreeMap::new();
        for (spec, is_event) in
            event.into_iter().map(|s| (s, true)).chain(report.into_iter().map(|s| (s, false)))
        {
            let entry = entries.entry(spec.name.clone()).or_insert_with(|| Entry::new(&spec.name));
            *(if is_event { &mut entry.event } else { &mut entry.report }) = Some(spec);
        }
        let entries: Vec<Entry> = entries.into_values().collect();
        let mut idf = Idf {
            table: vec![0; (entries.len() * 4).next_power_of_two()],
            regular: true,
            first_dict: None,
            entries,
        };
        for id in 0..idf.entries.len() {
            let mut slot = xxh3_64(idf.entries[id].name.as_bytes()) as usize % idf.table.len();
            while idf.table[slot] != 0 {
                slot = (slot + 1) % idf.table.len();
            }
            idf.table[slot] = id as u16 + 1;
        }
        idf.regular = idf.entries.windows(2).all(|pair| match pair[1].name.strip_prefix(&*pair[0].name) {
            Some(rest) => !pair[0].is_dict() || !rest.starts_with(|c| c <= '.'),
            None => true,
        });
        if let (true, Some(id)) =
            (idf.regular, idf.entries.iter().position(|entry| entry.is_dict() && !entry.name.contains('.')))
        {
            idf.first_dict = Some((format!("{}.", idf.entries[id].name).into(), id as u16));
        }
        idf
    }

    /// Looks a field up, and checks a sub-key such as `extra.x` (lower-case letters, digits, `_` and dots).
    pub fn key(&self, kind: MessageType, name: &str) -> Result<Key, MessageError> {
        let key = self.place(name).and_then(|place| self.key_at(kind, place));
        key.ok_or_else(|| MessageError::InvalidKey(name.to_owned()))
    }

    /// Makes a key of a place if messages of this type may have it.
    pub(crate) fn key_at(&self, kind: MessageType, place: Place) -> Option<Key> {
        let spec = self.spec(kind, place.id)?;
        match place.sub {
            None => Some(Key { id: place.id, sub: None }),
            Some(_) if spec.kind != FieldType::JsonDict => None,
            Some(sub) => Some(Key { id: place.id, sub: Some(intern(sub)?) }),
        }
    }

    /// Returns the key of an entry of an object such as `extra`, whatever the entry's name looks like: what is stored as a whole
    /// object may have any names, though only some can be sent.
    pub fn entry_key(&self, field: &str, entry: &str) -> Option<Key> {
        let id = self.find(field).filter(|&id| self.is_dict(id))?;
        Some(Key { id, sub: Some(intern(entry).unwrap_or_else(|| entry.into())) })
    }

    /// Lists the fields of a type of message, sorted by name.
    pub fn fields(&self, kind: MessageType) -> impl Iterator<Item = &FieldSpec> {
        self.entries.iter().filter_map(move |entry| entry.spec(kind))
    }

    /// Returns what the data format says of a field; for `extra.x` what it says of `extra`.
    pub fn field(&self, kind: MessageType, key: &Key) -> Option<&FieldSpec> {
        self.spec(kind, key.id)
    }

    /// Returns the name of a key of this data format.
    pub fn name<'a>(&'a self, key: &Key) -> Cow<'a, str> {
        let name = self.base(key);
        match &key.sub {
            None => Cow::Borrowed(name),
            Some(sub) => Cow::Owned(format!("{name}.{sub}")),
        }
    }

    /// Returns the field's name without the sub-key.
    pub(crate) fn base(&self, key: &Key) -> &str {
        self.entries.get(usize::from(key.id)).map_or("", |entry| &*entry.name)
    }

    /// Finds the field of a name without looking at the sub-key.
    pub(crate) fn place<'a>(&self, name: &'a str) -> Option<Place<'a>> {
        if let Some((prefix, id)) = &self.first_dict
            && let Some(sub) = name.strip_prefix(&**prefix)
        {
            return Some(Place { id: *id, sub: Some(sub) });
        }
        if let Some(id) = self.find(name) {
            return Some(Place { id, sub: None });
        }
        let (base, sub) = name.split_once('.')?;
        self.find(base).map(|id| Place { id, sub: Some(sub) })
    }

    fn find(&self, name: &str) -> Option<u16> {
        let mask = self.table.len() - 1;
        let mut slot = xxh3_64(name.as_bytes()) as usize & mask;
        loop {
            match self.table[slot] {
                0 => return None,
                id if *self.entries[usize::from(id) - 1].name == *name => return Some(id - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(crate) fn spec(&self, kind: MessageType, id: u16) -> Option<&FieldSpec> {
        self.entries.get(usize::from(id))?.spec(kind)
    }

    pub(crate) fn is_dict(&self, id: u16) -> bool {
        self.entries.get(usize::from(id)).is_some_and(Entry::is_dict)
    }

    /// Appends a key as JSON, with the colon.
    pub(crate) fn write_json_key(&self, out: &mut Vec<u8>, key: &Key, ascii: bool) {
        let Some(entry) = self.entries.get(usize::from(key.id)) else { return };
        match &key.sub {
            None => out.extend_from_slice(&entry.json),
            Some(sub) => {
                out.extend_from_slice(&entry.json[..entry.json.len() - 3]);
                let at = out.len();
                write_text(out, sub, ascii);
                // The quote that opens the sub-key becomes the dot.
                out[at] = b'.';
                out.extend_from_slice(b": ");
            }
        }
    }

    /// Compares two keys as their names compare, by code point.
    pub(crate) fn compare(&self, a: &Key, b: &Key) -> Ordering {
        if a.id == b.id || self.regular {
            return a.id.cmp(&b.id).then_with(|| a.sub.cmp(&b.sub));
        }
        self.name(a).cmp(&self.name(b))
    }
}

impl FieldSpec {
    /// Checks the field's own length and patterns.
    pub(crate) fn limits(&self, value: &Value) -> Result<(), String> {
        if self.length.is_none() && self.patterns.is_empty() {
            return Ok(());
        }
        let text = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(python::str(other)),
        };
        if let Some(most) = self.length {
            let length = if text.len() <= most { text.len() } else { text.chars().count() };
            if length > most {
                return Err(format!("too long: {length} > {most}"));
            }
        }
        if self.patterns.iter().all(|pattern| pattern.matches(&text)) {
            Ok(())
        } else {
            Err("does not match the field's pattern".into())
        }
    }
}

impl Entry {
    fn new(name: &str) -> Entry {
        let mut json = Vec::new();
        write_text(&mut json, name, true);
        json.extend_from_slice(b": ");
        Entry { name: name.into(), json: json.into(), event: None, report: None }
    }

    fn spec(&self, kind: MessageType) -> Option<&FieldSpec> {
        match kind {
            MessageType::Event => self.event.as_ref(),
            MessageType::Report => self.report.as_ref(),
        }
    }

    fn is_dict(&self) -> bool {
        [&self.event, &self.report].into_iter().flatten().any(|spec| spec.kind == FieldType::JsonDict)
    }
}
