//! The botnet of a lab as a graph, with what its bots and queues do; as JSON, and drawn.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::error::{Answer, refused};
use super::reach::Api;
use crate::pipeline::Graph;
use crate::runtime::control::{Problem, Refusal};
use crate::session;

/// The bots and the ways between them.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/graph", params(("lab" = String, Path, description = "the lab's name")),
    responses((status = 200, body = Object), (status = 404, body = Problem))
)]
pub(super) async fn graph(State(api): State<Api>, Path(lab): Path<String>) -> Answer<Json<Value>> {
    read(api, lab).await.map(|graph| Json(json!(graph)))
}

/// The same as a picture: `svg`, `mermaid`, `dot` or `text`.
pub(super) async fn drawn(
    State(api): State<Api>,
    Path((lab, form)): Path<(String, String)>,
) -> Answer<Response> {
    let draw: (fn(&Graph) -> String, &str) = match form.as_str() {
        "svg" => (Graph::svg, "image/svg+xml"),
        "mermaid" => (Graph::mermaid, "text/plain; charset=utf-8"),
        "dot" => (Graph::dot, "text/vnd.graphviz; charset=utf-8"),
        "text" => (Graph::text, "text/plain; charset=utf-8"),
        _ => {
            let title = format!("there is no picture {form:?}; there are svg, mermaid, dot and text");
            return Err(Refusal::not_found("unknown-form", title));
        }
    };
    let graph = read(api, lab).await?;
    Ok(([(header::CONTENT_TYPE, draw.1)], (draw.0)(&graph)).into_response())
}

async fn read(api: Api, lab: String) -> Answer<Graph> {
    api.with(lab, |_, _, client| session::graph(client).map_err(refused)).await
}
