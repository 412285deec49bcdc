//! Brings what was seen into a form in which two labs are equal.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::observation::OutputSeen;

/// An event as flat fields, in the order of their names.
pub type Event = BTreeMap<String, Json>;

/// What is different in each lab and stands as `LAB` in canonical form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Folders, absolute; the longest is replaced first.
    pub folders: Vec<String>,
    /// The host with the lab's services as bots call it, if not by the loopback address; replaced before the ports.
    pub host: Option<String>,
    /// Ports; replaced where they follow a colon.
    pub ports: Vec<u16>,
}

impl Places {
    /// Replaces folders and ports in a text.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut folders: Vec<&str> = self.folders.iter().map(|folder| folder.trim_end_matches('/')).collect();
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        for folder in folders.into_iter().filter(|folder| !folder.is_empty()) {
            text = text.replace(folder, "LAB");
        }
        for port in &self.ports {
            if let Some(host) = &self.host {
                text = text.replace(&format!("{host}:{port}"), &format!("127.0.0.1:{port}"));
            }
            text = hide_port(&text, &format!(":{port}"));
        }
        text
    }

    fn hide_in(&self, value: &mut Json) {
        match value {
            Json::String(text) => *text = self.hide(text),
            Json::Array(list) => list.iter_mut().for_each(|value| self.hide_in(value)),
            Json::Object(map) => map.values_mut().for_each(|value| self.hide_in(value)),
            _ => {}
        }
    }
}

/// Replaces `:PORT` unless another digit follows.
fn hide_port(text: &str, port: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(port) {
        let (before, after) = (&rest[..at], &rest[at + port.len()..]);
        hidden.push_str(before);
        hidden.push_str(if after.starts_with(|c: char| c.is_ascii_digit()) { port } else { ":LAB" });
        rest = after;
    }
    hidden + rest
}

/// Reads an output file: one JSON object a line, in canonical form.
///
/// Nested objects become flat fields, `time.observation` is left out. A last line that is not finished is left out too: the
/// output may be at work. Everything else that is no object is a fault.
pub fn events_of(text: &str, places: &Places) -> OutputSeen {
    let mut seen = OutputSeen::default();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Json>(line) {
            Ok(Json::Object(map)) => {
                let mut event = Event::new();
                flatten(&mut event, "", map);
                event.remove("time.observation");
                for value in event.values_mut() {
                    places.hide_in(value);
                }
                seen.events.push(event);
            }
            Ok(_) => seen.faults.push(format!("line {} is no event: it is no JSON object", index + 1)),
            Err(_) if !line.ends_with('\n') => {}
            Err(error) => seen.faults.push(format!("line {} is no event: {error}", index + 1)),
        }
    }
    seen
}

/// Makes `source.ip` of `source: {ip: …}`, so that hierarchical outputs compare like flat ones.
fn flatten(event: &mut Event, prefix: &str, map: serde_json::Map<String, Json>) {
    for (name, value) in map {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Json::Object(inner) if !inner.is_empty() => flatten(event, &name, inner),
            value => {
                event.insert(name, value);
            }
        }
    }
}

/// Returns the row of a dumped message: its decoded `raw`, or the message itself where it has none.
pub fn dumped_row(message: &str) -> String {
    let raw = serde_json::from_str::<Json>(message)
        .ok()
        .and_then(|message| message.get("raw")?.as_str().map(str::to_owned))
        .and_then(|raw| STANDARD.decode(raw).ok());
    raw.map_or_else(|| message.to_owned(), |raw| String::from_utf8_lossy(&raw).into_owned())
}
