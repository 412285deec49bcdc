//! Writes `runtime.yaml` so that IntelMQ's reader finds the same values.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::Pipeline;
use super::node;

/// Returns a pipeline in the structure of its file.
pub(super) fn json(pipeline: &Pipeline) -> Json {
    let mut root = Map::new();
    if !pipeline.global.is_empty() {
        root.insert("global".to_owned(), node::mapping_to_json(&pipeline.global));
    }
    for bot in &pipeline.bots {
        let mut entry = node::mapping_to_json(&bot.system);
        entry["parameters"] = node::mapping_to_json(&bot.parameters);
        root.insert(bot.id().to_owned(), entry);
    }
    Json::Object(root)
}

/// Lays a change over a value: objects are merged, `null` removes, anything else replaces.
pub(super) fn merge(base: &mut Json, change: &Json) {
    match (base, change) {
        (Json::Object(base), Json::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    base.shift_remove(key);
                } else {
                    merge(base.entry(key.clone()).or_insert(Json::Null), value);
                }
            }
        }
        (base, Json::Object(change)) => {
            *base = Json::Object(Map::new());
            merge(base, &Json::Object(change.clone()));
        }
        (base, change) => base.clone_from(change),
    }
}

/// Writes a value as YAML.
///
/// The writer leaves some texts bare that Python's reader takes for numbers, dates or its own words. They get a control
/// character, for which the writer quotes them, and which is then taken out again.
pub fn yaml(json: &Json) -> String {
    let plain = json.to_string();
    let unused = ('\u{1}'..='\u{6}').find(|mark| !plain.contains(&format!("\\u{:04x}", u32::from(*mark))));
    let Some(mark) = unused else { return plain };
    // Only values that cannot be written fail, such as keys that are no texts; JSON has none.
    let text = serde_yaml::to_string(&marked(json, mark)).unwrap_or(plain);
    text.replace(&format!("\"\\x{:02x}", u32::from(mark)), "\"")
}

fn marked(json: &Json, mark: char) -> Json {
    match json {
        Json::String(text) => Json::String(quoted(text, mark).into_owned()),
        Json::Array(list) => list.iter().map(|value| marked(value, mark)).collect(),
        Json::Object(map) => {
            map.iter().map(|(key, value)| (quoted(key, mark).into_owned(), marked(value, mark))).collect()
        }
        other => other.clone(),
    }
}

fn quoted(text: &str, mark: char) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let number = text.contains('_') && text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let date = bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-';
    let breaks = text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    if number || date || breaks || text == "=" || text == "<<" {
        format!("{mark}{text}").into()
    } else {
        text.into()
    }
}
