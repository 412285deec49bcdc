//! Makes a botnet one that `intelmqctl check` accepts and that Python's bots understand.

use serde_json::{Map, Value as Json, json};

use super::super::PlanError;
use crate::bots::find;
use crate::pipeline::{Kind, Param, Pipeline, generic};

/// The brokers that IntelMQ has.
const BROKERS: &[&str] = &["redis", "amqp"];

/// Returns the botnet with everything that IntelMQ wants to be told, and without what it does not know.
pub(super) fn complete(pipeline: &Pipeline, notes: &mut Vec<String>) -> Json {
    let json = pipeline.to_json();
    let mut root = Map::new();
    for (id, entry) in json.as_object().into_iter().flatten() {
        let entry = entry.as_object().cloned().unwrap_or_default();
        let entry = if id == "global" { global(entry, notes) } else { bot(id, entry, notes) };
        root.insert(id.clone(), Json::Object(entry));
    }
    Json::Object(root)
}

/// Writes it as `runtime.yaml`.
pub(super) fn write(runtime: &Json) -> Result<String, PlanError> {
    let pipeline = Pipeline::from_json("runtime.yaml", runtime).map_err(PlanError::Invalid)?;
    Ok(pipeline.write())
}

fn global(mut entry: Map<String, Json>, notes: &mut Vec<String>) -> Map<String, Json> {
    let kinds = [Kind::Collector, Kind::Parser, Kind::Expert, Kind::Output];
    let params: Vec<&Param> = kinds.into_iter().flat_map(|kind| generic(Some(kind))).collect();
    known_only("global", &mut entry, &params, notes);
    entry
}

fn bot(id: &str, mut entry: Map<String, Json>, notes: &mut Vec<String>) -> Map<String, Json> {
    let module = entry.get("module").and_then(Json::as_str).unwrap_or_default().to_owned();
    let spec = find(&module).map(|bot| &bot.spec);
    let kind = spec.map(|spec| spec.kind).or_else(|| Kind::of_module(&module));
    let mut parameters = match entry.remove("parameters") {
        Some(Json::Object(parameters)) => parameters,
        _ => Map::new(),
    };
    let params: Vec<&Param> = generic(kind).chain(spec.into_iter().flat_map(|spec| spec.params)).collect();
    known_only(id, &mut parameters, &params, notes);
    // IntelMQ takes a collector's display name for the feed's name unless a parameter says otherwise.
    let unnamed = !entry.contains_key("name") && !parameters.contains_key("name");
    if unnamed && kind == Some(Kind::Collector) {
        parameters.insert("name".to_owned(), Json::Null);
    }
    if let Some(Json::Object(paths)) = parameters.get_mut("destination_queues") {
        paths.entry("_default").or_insert_with(|| json!([]));
    }
    let defaults = [
        ("name", json!(id)),
        ("description", json!(spec.map_or("", |spec| spec.summary))),
        ("module", json!(module)),
        ("group", json!(kind.map_or("", Kind::group))),
        ("enabled", json!(true)),
        ("run_mode", json!("continuous")),
    ];
    let mut complete = Map::new();
    for (key, default) in defaults {
        complete
            .insert(key.to_owned(), entry.remove(key).filter(|value| !value.is_null()).unwrap_or(default));
    }
    complete.extend(entry);
    complete.insert("parameters".to_owned(), Json::Object(parameters));
    complete
}

/// Leaves out the parameters that only this program knows, and brokers that IntelMQ does not have.
fn known_only(owner: &str, entry: &mut Map<String, Json>, params: &[&Param], notes: &mut Vec<String>) {
    entry.retain(|name, value| {
        let ours = params.iter().any(|param| param.name == name && param.ours);
        let broker = name.ends_with("_pipeline_broker").then(|| value.as_str()).flatten();
        let foreign = broker.filter(|broker| !BROKERS.contains(broker));
        if ours {
            notes.push(format!("{owner}: {name} is left out, IntelMQ has no such parameter"));
        } else if let Some(broker) = foreign {
            notes.push(format!("{owner}: {name} is left out, IntelMQ has no broker {broker}"));
        }
        !ours && foreign.is_none()
    });
}
