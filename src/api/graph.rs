//! The botnet of a lab as a graph, with what its bots and queues do; as JSON, and drawn.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::{Answer, refused};
use super::reach::Api;
use crate::pipeline::Graph;
use crate::session;

/// The bots and the ways between them.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/graph", params(("lab" = String, Path, description = "the lab's name")),
    responses((status = 200, body = Object))
)]
pub(super) async fn graph(State(api): State<Api>, Path(lab): Path<String>) -> Answer<Json<Value>> {
    read(api, lab).await.map(|graph| Json(json!(graph)))
}

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// A picture.
    Svg,
    /// A text that mermaid draws.
    Mermaid,
    /// A text that Graphviz draws.
    Dot,
    /// For a terminal.
    Text,
}

/// The same as a picture.
#[utoipa::path(
    get, path = "/v1/labs/{lab}/graph/{form}",
    params(("lab" = String, Path, description = "the lab's name"), ("form" = Form, Path, description = "how it is drawn")),
    responses((status = 200,
        content((String = "image/svg+xml"), (String = "text/plain"), (String = "text/vnd.graphviz"))))
)]
pub(super) async fn drawn(
    State(api): State<Api>,
    Path((lab, form)): Path<(String, Form)>,
) -> Answer<Response> {
    let draw: (fn(&Graph) -> String, &str) = match form {
        Form::Svg => (Graph::svg, "image/svg+xml"),
        Form::Mermaid => (Graph::mermaid, "text/plain; charset=utf-8"),
        Form::Dot => (Graph::dot, "text/vnd.graphviz; charset=utf-8"),
        Form::Text => (Graph::text, "text/plain; charset=utf-8"),
    };
    let graph = read(api, lab).await?;
    Ok(([(header::CONTENT_TYPE, draw.1)], (draw.0)(&graph)).into_response())
}

async fn read(api: Api, lab: String) -> Answer<Graph> {
    api.with(lab, |_, _, client| session::graph(client).map_err(refused)).await
}
