//! Lays a change over the botnet's configuration.

use serde_json::{Map, Value as Json};

use super::SeedError;
use crate::diagnostic::Source;
use crate::pipeline::Pipeline;

/// Returns the runtime file with a change laid over it, whose texts are filled in first.
pub(super) fn merge(
    runtime: &str,
    change: &Map<String, Json>,
    fill: &dyn Fn(&str) -> Result<String, SeedError>,
) -> Result<String, SeedError> {
    let mut change = Json::Object(change.clone());
    each_text(&mut change, fill)?;
    let merged =
        Pipeline::parse(Source::new("runtime.yaml", runtime)).and_then(|pipeline| pipeline.merged(&change));
    let merged = merged.map_err(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        SeedError::Configure(problems.join("; "))
    })?;
    Ok(merged.write())
}

/// Replaces every text in a value; keys stay as they are.
pub(super) fn each_text(
    value: &mut Json,
    fill: &dyn Fn(&str) -> Result<String, SeedError>,
) -> Result<(), SeedError> {
    match value {
        Json::String(text) => *text = fill(text)?,
        Json::Array(list) => list.iter_mut().try_for_each(|value| each_text(value, fill))?,
        Json::Object(map) => map.values_mut().try_for_each(|value| each_text(value, fill))?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNTIME: &str = "global:\n  log_level: INFO\nreader:\n  module: a.b\n  group: Collector\n  parameters:\n    path: /in\n    destination_queues:\n      _default: [writer-queue]\n";

    fn merged(change: &Json) -> Json {
        let fill = |text: &str| Ok(text.replace("{{ lab.out }}", "/lab/out"));
        let text = merge(RUNTIME, change.as_object().unwrap(), &fill).unwrap();
        Pipeline::parse(Source::new("x", text)).unwrap().to_json()
    }

    #[test]
    fn a_change_is_laid_over_what_is_there() {
        let change = serde_json::json!({
            "reader": {"parameters": {"path": null, "rate_limit": 5}},
            "writer": {"module": "c.d", "group": "Output", "parameters": {"file": "{{ lab.out }}/x"}},
        });
        let merged = merged(&change);
        let queues = serde_json::json!({"_default": ["writer-queue"]});
        assert_eq!(
            merged["reader"]["parameters"],
            serde_json::json!({"destination_queues": queues, "rate_limit": 5})
        );
        assert_eq!(merged["writer"]["parameters"]["file"], "/lab/out/x");
        assert_eq!(merged["global"]["log_level"], "INFO");
    }

    #[test]
    fn a_text_that_cannot_be_filled_in_changes_nothing() {
        let refuse = |_: &str| Err(SeedError::Template("no such name".to_owned()));
        let change = serde_json::json!({"reader": {"module": "{{ x }}"}});
        assert!(matches!(merge(RUNTIME, change.as_object().unwrap(), &refuse), Err(SeedError::Template(_))));
    }
}
