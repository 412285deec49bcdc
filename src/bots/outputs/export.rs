//! What outputs write of an event, as their common parameters say.

#[cfg(test)]
mod tests;

use crate::bots::{Failure, Site};
use crate::message::{Export, Key, Message, Value, json, python};
use crate::pipeline::{Param, ParamKind, Params};

/// What outputs to files have in common.
pub(super) const PARAMS: [Param; 5] = [
    Param::new(
        "single_key",
        ParamKind::Text,
        "null",
        "Writes this field alone: `raw` decoded, the text that is in `output`, or any other as it is.",
    ),
    Param::new("hierarchical_output", ParamKind::Bool, "false", "Nests fields at the dots of their names."),
    Param::new("keep_raw_field", ParamKind::Bool, "false", "Writes `raw` as well."),
    Param::new("message_with_type", ParamKind::Bool, "false", "Writes `__type` as well."),
    Param::new(
        "message_jsondict_as_string",
        ParamKind::Bool,
        "false",
        "Has no effect on JSON, as in IntelMQ 3.5.0.",
    ),
];

/// How an output turns an event into text.
pub(crate) struct Exporter {
    single_key: Option<String>,
    raw: Option<Key>,
    how: Export,
}

impl Exporter {
    /// Reads `single_key`, `keep_raw_field`, `hierarchical_output` and `message_with_type`.
    ///
    /// `message_jsondict_as_string` changes nothing in the text, as in IntelMQ 3.5.0.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Exporter, Failure> {
        let raw = if params.flag("keep_raw_field") { None } else { site.event_key("raw").ok() };
        let how = Export {
            hierarchical: params.flag("hierarchical_output"),
            with_type: params.flag("message_with_type"),
            jsondict_as_string: false,
        };
        let single_key = params.text("single_key")?.filter(|key| !key.is_empty());
        Ok(Exporter { single_key, raw, how })
    }

    /// Makes one that writes everything, flat or nested.
    pub(crate) fn whole(hierarchical: bool) -> Exporter {
        Exporter { single_key: None, raw: None, how: Export { hierarchical, ..Export::default() } }
    }

    /// Returns the event's text as a message of its own, which has to hold something.
    pub(crate) fn body(&self, event: &Message) -> Result<Vec<u8>, Failure> {
        if let Some(key) = self.missing(event) {
            return Err(Failure::Other(format!("the event has no {key}, which alone is to be sent")));
        }
        let mut body = Vec::new();
        self.write(event, &mut body)?;
        Ok(body)
    }

    /// Returns the name of the field that alone is written, if the event does not have it.
    fn missing(&self, event: &Message) -> Option<&str> {
        let key = self.single_key.as_deref()?;
        let there = key == "raw" || event.get(key).is_some() || event.dict_text(key).is_some();
        (!there).then_some(key)
    }

    /// Appends the event's text, without a line's end.
    ///
    /// Fails on what IntelMQ fails on: `output` alone when there is none, and a value that has fields below it.
    pub(crate) fn write(&self, event: &Message, out: &mut Vec<u8>) -> Result<(), Failure> {
        if self.how.hierarchical && self.single_key.is_none() {
            check_nesting(event)?;
        }
        match (&self.single_key, &self.raw) {
            (Some(key), _) => return write_single(event, key, out),
            (None, Some(raw)) => event.write_json_without(out, &self.how, raw),
            (None, None) => event.write_json(out, &self.how),
        }
        Ok(())
    }
}

/// Refuses `extra.a` and then `extra.a.b`, one of which would be lost.
fn check_nesting(event: &Message) -> Result<(), Failure> {
    let names: Vec<_> = event.iter().filter(|(name, _)| name.starts_with("extra.")).collect();
    for (at, (name, _)) in names.iter().enumerate() {
        let below = |above: &str| name.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'));
        let above = names[..at].iter().find(|(above, value)| below(above) && !matches!(value, Value::Map(_)));
        if let Some((above, _)) = above {
            return Err(Failure::Other(format!(
                "{above} has a value, so that {name} cannot be put below it"
            )));
        }
    }
    Ok(())
}

/// One field alone: `raw` decoded, text that `output` holds as JSON, everything else as Python's `str` has it.
fn write_single(event: &Message, key: &str, out: &mut Vec<u8>) -> Result<(), Failure> {
    let text = match (key, event.get(key)) {
        ("raw", _) => {
            let raw = event.raw().unwrap_or_default();
            out.extend(raw.utf8_chunks().flat_map(|chunk| chunk.valid().bytes()));
            return Ok(());
        }
        ("output", Some(Value::Text(text))) => match json::parse(text.as_bytes()) {
            Ok(Value::Text(inner)) => inner.into_string(),
            _ => text.as_str().to_owned(),
        },
        ("output", None) => {
            return Err(Failure::Other("the event has no output, which is to be written".into()));
        }
        (_, Some(value)) => python::str(value),
        (_, None) => event.dict_text(key).unwrap_or_else(|| "None".to_owned()),
    };
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
