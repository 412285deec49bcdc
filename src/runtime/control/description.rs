//! What a description of routes says of every route: what its statuses mean, and how it refuses.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::problem::PROBLEM;

/// With which statuses any route may refuse; some are the HTTP library's, some the guard's.
const REFUSALS: &[StatusCode] = &[
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::CONFLICT,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::MISDIRECTED_REQUEST,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Completes a description: names that are there once, a text for each response, and the refusals.
pub fn completed(mut description: Value) -> Value {
    let refusals = REFUSALS.iter().map(|status| (name(*status), refusal(*status)));
    description["components"]["responses"] = Value::Object(refusals.collect());
    let items = description["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    let operations = items.filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for operation in operations.filter(|operation| operation.get("responses").is_some()) {
        complete(operation);
    }
    description
}

fn complete(operation: &mut Value) {
    if let (Some(part), Some(verb)) = (operation["tags"][0].as_str(), operation["operationId"].as_str()) {
        operation["operationId"] = json!(format!("{part}_{verb}"));
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        let status = status.parse().ok().and_then(|status| StatusCode::from_u16(status).ok());
        response["description"] = json!(status.map_or("", meaning));
    }
    for status in REFUSALS {
        let place = json!({ "$ref": format!("#/components/responses/{}", name(*status)) });
        responses.insert(status.as_u16().to_string(), place);
    }
}

fn name(status: StatusCode) -> String {
    format!("Refused{}", status.as_u16())
}

fn meaning(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}

fn refusal(status: StatusCode) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "description": meaning(status), "content": { PROBLEM: { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use utoipa::OpenApi;

    use super::super::Description;
    use super::*;

    /// Collects every value that some key has, at any depth.
    fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get(key));
                map.values().for_each(|value| under(value, key, found));
            }
            Value::Array(list) => list.iter().for_each(|value| under(value, key, found)),
            _ => {}
        }
    }

    #[test]
    fn the_control_service_describes_itself_whole() {
        let whole = completed(serde_json::to_value(Description::openapi()).unwrap());
        let (mut places, mut names) = (Vec::new(), Vec::new());
        under(&whole, "$ref", &mut places);
        under(&whole, "operationId", &mut names);
        assert!(places.len() > 100 && names.len() > 20);
        for place in places {
            let place = place.as_str().unwrap().trim_start_matches('#');
            assert!(whole.pointer(place).is_some(), "{place} is not there");
        }
        let mut once: Vec<&str> = names.iter().filter_map(|name| name.as_str()).collect();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "each operation has a name of its own");
        let run = &whole["paths"]["/v1/botnet/run"]["post"]["responses"];
        assert_eq!(run["200"]["description"], "OK");
        assert_eq!(run["409"]["$ref"], "#/components/responses/Refused409");
    }
}
