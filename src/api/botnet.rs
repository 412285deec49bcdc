//! The control service of a lab's botnet below the lab's own address: requests are passed on as they are.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::control;
use super::reach::Api;
use crate::runtime::control::Refusal;

/// What the control service has that is for everybody; the end of a botnet is its target's affair.
const PARTS: &[&str] = &["botnet", "bots", "queues", "log", "journal", "configuration", "files", "services"];

/// Headers that the control service reads.
const HEADERS: &[header::HeaderName] = &[header::CONTENT_TYPE, header::IF_MATCH];

/// Passes a request on to the lab's control service.
pub(super) async fn pass_on(
    State(api): State<Api>,
    Path((lab, rest)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    (method, headers): (Method, HeaderMap),
    uri: axum::http::Uri,
    body: Bytes,
) -> Result<Response, Refusal> {
    let part = rest.split('/').next().unwrap_or_default();
    if !PARTS.contains(&part) || rest == "botnet/shutdown" {
        return Err(Refusal::not_found("unknown-route", "a lab has no such route; see /openapi.json"));
    }
    // The client would follow them, as every reader of URLs does, and come to another part than was looked at above.
    if rest.split(['/', '\\']).any(|segment| matches!(segment, "." | "..")) {
        return Err(Refusal::bad_request("path-not-allowed", "a path here has no `.` and no `..`"));
    }
    // As it was written, which is what is left below the lab: a decoded slash must not become one of the path.
    let raw = uri.path().strip_prefix('/').unwrap_or_default().to_owned();
    let target = query.map_or(raw.clone(), |query| format!("{raw}?{query}"));
    let text =
        |name: &header::HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
    let headers: Vec<(String, String)> = HEADERS.iter().filter_map(text).collect();
    api.with(lab, move |_, _, client| {
        let passed = client.pass(method.as_str(), &target, &headers, body.to_vec()).map_err(control)?;
        let status = StatusCode::from_u16(passed.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut response = (status, passed.body).into_response();
        for (name, value) in passed.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    })
    .await
}
