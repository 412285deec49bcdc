//! YAML values that know where they stand.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value as Json};

use crate::diagnostic::{Located, Span};

/// A value of a configuration file and its place.
pub type Node = Located<Yaml>;

/// The keys and values of a mapping in the order of the file; keys that are no texts are taken as their text.
pub type Mapping = Vec<(Located<String>, Node)>;

/// A value of a configuration file.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Yaml {
    /// Nothing, `null` or `~`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number; infinities and the like are texts.
    Number(Number),
    /// A text; dates are texts too.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping; a key may stand in it twice.
    Map(Mapping),
}

impl Yaml {
    /// Returns the text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns what kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "true or false",
            Yaml::Number(_) => "a number",
            Yaml::Text(_) => "a text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a mapping",
        }
    }

    /// Returns the value without places; of a key that stands twice the last counts.
    pub fn to_json(&self) -> Json {
        match self {
            Yaml::Null => Json::Null,
            Yaml::Bool(value) => Json::Bool(*value),
            Yaml::Number(number) => Json::Number(number.clone()),
            Yaml::Text(text) => Json::String(text.clone()),
            Yaml::List(list) => list.iter().map(|node| node.to_json()).collect(),
            Yaml::Map(mapping) => mapping_to_json(mapping),
        }
    }
}

/// Takes a JSON value; it has no place.
pub(super) fn from_json(json: &Json) -> Node {
    let value = match json {
        Json::Null => Yaml::Null,
        Json::Bool(value) => Yaml::Bool(*value),
        Json::Number(number) => Yaml::Number(number.clone()),
        Json::String(text) => Yaml::Text(text.clone()),
        Json::Array(list) => Yaml::List(list.iter().map(from_json).collect()),
        Json::Object(map) => {
            let key = |key: &String| Located::new(key.clone(), Span::default());
            Yaml::Map(map.iter().map(|(name, value)| (key(name), from_json(value))).collect())
        }
    };
    Located::new(value, Span::default())
}

/// Makes numbers of what IntelMQ's reader takes for some, and ours does not or not for the same: `010` is ten, `1_000` a thousand.
pub(super) fn python_numbers(node: &mut Node, text: &str) {
    match &mut node.value {
        Yaml::List(list) => list.iter_mut().for_each(|node| python_numbers(node, text)),
        Yaml::Map(mapping) => mapping.iter_mut().for_each(|(_, node)| python_numbers(node, text)),
        Yaml::Number(_) | Yaml::Text(_) => {
            // Quoted texts stand in the file with their quotes, so that they are no numbers.
            let bare = text.get(node.span.start..node.span.end).unwrap_or_default();
            if let Some(number) = python_number(bare) {
                node.value = Yaml::Number(number);
            }
        }
        _ => {}
    }
}

fn python_number(bare: &str) -> Option<Number> {
    let digits = bare.trim_start_matches(['+', '-']);
    let odd = digits.contains('_') || digits.len() > 1 && digits.starts_with('0');
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || b"_.eE+-".contains(&byte));
    if !odd || !plain || !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let whole = bare.replace('_', "");
    match whole.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => whole.parse().ok().and_then(Number::from_f64),
    }
}

/// Returns a mapping without places.
pub(super) fn mapping_to_json(mapping: &Mapping) -> Json {
    mapping.iter().map(|(key, node)| (key.value.clone(), node.to_json())).collect()
}

/// Calls `report` with the first and each further place of every key that stands twice in one mapping, at any depth.
pub(super) fn duplicate_keys(node: &Node, report: &mut dyn FnMut(&Located<String>, Span)) {
    match &node.value {
        Yaml::List(list) => list.iter().for_each(|node| duplicate_keys(node, report)),
        Yaml::Map(mapping) => {
            for (index, (key, node)) in mapping.iter().enumerate() {
                if let Some((first, _)) =
                    mapping.iter().take(index).find(|(first, _)| first.value == key.value)
                {
                    report(key, first.span);
                }
                duplicate_keys(node, report);
            }
        }
        _ => {}
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Yaml, E> {
        Ok(Number::from_f64(value).map_or_else(|| Yaml::Text(value.to_string()), Yaml::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Yaml, E> {
        Ok(Yaml::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = sequence.next_element()? {
            list.push(node);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = access.next_entry()? {
            mapping.push(entry);
        }
        Ok(Yaml::Map(mapping))
    }
}
