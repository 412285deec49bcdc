//! Sends each event to a topic of Kafka, and waits until the servers have it.

#[cfg(test)]
mod tests;

use serde_json::Value as Json;

use super::export::Exporter;
use crate::bots::kafka::{Options, Outgoing, PARAMS, Writer};
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Reach, Site};
use crate::message::{Message, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The Kafka output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.kafka.output",
        kind: Kind::Output,
        summary: "Sends events to a topic of Kafka; at least once. Ours, IntelMQ has no such bot.",
        params: &joined::<17>(
            &[
                Param::required(
                    "topic",
                    ParamKind::Text,
                    "The topic; it must be there, or be made by the servers.",
                ),
                Param::new(
                    "key_field",
                    ParamKind::Text,
                    "null",
                    "The field whose value is the message's key: events with the same key keep their order. Without it, or \
                 without that field, any partition is taken.",
                ),
                Param::new(
                    "headers",
                    ParamKind::Map,
                    "{}",
                    "Headers by name, each with the field whose value it takes; a field that is missing gives none.",
                ),
                Param::new(
                    "compression",
                    ParamKind::Choice(&["none", "gzip", "snappy", "lz4"]),
                    "\"lz4\"",
                    "How batches are packed.",
                ),
                Param::new(
                    "single_key",
                    ParamKind::Text,
                    "null",
                    "Sends this field alone: `raw` decoded, the text that is in `output`, or any other as it is. An event \
                 without it fails.",
                ),
                Param::new(
                    "hierarchical_output",
                    ParamKind::Bool,
                    "false",
                    "Nests fields at the dots of their names.",
                ),
                Param::new("keep_raw_field", ParamKind::Bool, "false", "Sends `raw` as well."),
                Param::new("message_with_type", ParamKind::Bool, "false", "Sends `__type` as well."),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make,
};

struct Kafka {
    options: Options,
    topic: String,
    key: Option<String>,
    /// Names of headers, with fields.
    headers: Vec<(String, String)>,
    exporter: Exporter,
    writer: Option<Writer>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let mut options = Options::of(params, site)?;
    if let Some(compression) = params.text("compression")? {
        options.properties.push(("compression.type", compression));
    }
    Ok(Bot::Output(Box::new(Kafka {
        options,
        topic: params.required_text("topic")?,
        key: params.text("key_field")?.filter(|key| !key.is_empty()),
        headers: headers(params)?,
        exporter: Exporter::of(params, site)?,
        writer: None,
    })))
}

fn headers(params: &Params) -> Result<Vec<(String, String)>, Failure> {
    let wrong =
        || Failure::Configuration("parameter \"headers\": must be a mapping of names to fields".into());
    let Some(given) = params.get("headers") else { return Ok(Vec::new()) };
    let field = |(name, field): (&String, &Json)| Some((name.clone(), field.as_str()?.to_owned()));
    let all = given.as_object().ok_or_else(wrong)?;
    all.iter().map(field).collect::<Option<_>>().ok_or_else(wrong)
}

/// Returns a field's value as text.
fn text(event: &Message, field: &str) -> Option<String> {
    event.get(field).map(python::str).or_else(|| event.dict_text(field))
}

impl Output for Kafka {
    fn write(&mut self, event: &Message, _context: &mut Context) -> Result<(), Failure> {
        let body = self.exporter.body(event)?;
        let key = self.key.as_deref().and_then(|field| text(event, field));
        let headers = self.headers.iter().filter_map(|(name, field)| Some((&**name, text(event, field)?)));
        let headers: Vec<(&str, String)> = headers.collect();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(Writer::open(&self.options, &self.topic)?),
        };
        writer.put(&Outgoing { body: &body, key: key.as_deref(), headers: &headers })
    }

    fn flush(&mut self, _context: &mut Context) -> Result<(), Failure> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let flushed = writer.flush();
        if flushed.is_err() {
            // What it still holds would otherwise be sent beside what is written anew.
            self.writer = None;
        }
        flushed
    }

    fn reach(&self) -> Reach {
        Reach::WithFlush
    }
}
