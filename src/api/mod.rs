//! The REST API: labs, playbooks, steps and streams around the control service of each botnet. A thin edge over `session`.

mod botnet;
mod error;
mod graph;
mod intelmq3;
mod labs;
mod listen;
mod lives;
mod markdown;
mod metrics;
mod playbook;
mod reach;
mod steps;
mod streams;

use std::path::PathBuf;

use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::Value;
use utoipa::OpenApi;

pub use listen::serve;
pub use reach::{Api, Scope};

use crate::runtime::control::{self, Description, Refusal};
use crate::web;

/// The longest body of a request, in bytes; feeds are files.
const LONGEST: usize = 256 << 20;

/// The part of the description that is this module's own.
#[derive(OpenApi)]
#[openapi(
    info(title = "intelmq-lab", description = "Labs, their lessons and their botnets."),
    paths(
        labs::list,
        labs::one,
        labs::make,
        labs::remove,
        labs::playbooks,
        playbook::playbook,
        playbook::hint,
        steps::act,
        steps::reset,
        steps::seed,
        steps::inject,
        steps::configure,
        lives::events,
        lives::life,
        lives::lives,
        graph::graph,
        graph::drawn,
        metrics::metrics,
        metrics::health,
    ),
    components(schemas(steps::Verb, graph::Form))
)]
struct Own;

/// Makes all routes: the API, and the page; `manager` is the folder with the files of IntelMQ Manager, if they are served too.
pub fn router(api: Api, manager: Option<PathBuf>) -> Router {
    let lab = Router::new()
        .route("/", get(labs::one).delete(labs::remove))
        .route("/playbook", get(playbook::playbook))
        .route("/steps/{number}/hints/{hint}", get(playbook::hint))
        .route("/steps/{number}/{deed}", post(steps::act))
        .route("/reset", post(steps::reset))
        .route("/seed", post(steps::seed))
        .route("/inject", post(steps::inject))
        .route("/configure", post(steps::configure))
        .route("/output/events", get(lives::events))
        .route("/output/events/{number}/life", get(lives::life))
        .route("/lives", get(lives::lives))
        .route("/graph", get(graph::graph))
        .route("/graph/{form}", get(graph::drawn))
        .route("/stream/{what}", get(streams::stream))
        .route("/{*rest}", any(botnet::pass_on));
    Router::new()
        .route("/v1/labs", get(labs::list).post(labs::make))
        .route("/v1/playbooks", get(labs::playbooks))
        .nest("/v1/labs/{lab}", lab)
        .route("/openapi.json", get(|| async { Json(description()) }))
        .route("/metrics", get(metrics::metrics))
        .route("/health", get(metrics::health))
        .merge(web::router())
        .fallback(|| async {
            Refusal::not_found("unknown-route", "there is no such route; see /openapi.json")
        })
        .layer(axum::extract::DefaultBodyLimit::max(LONGEST))
        .layer(axum::middleware::map_response(control::always))
        // It words its refusals itself.
        .merge(intelmq3::router(manager))
        .with_state(api)
}

/// Describes everything but streams: what is this module's, and the control service's routes below each lab.
fn description() -> Value {
    let mut whole = serde_json::to_value(Own::openapi()).unwrap_or_default();
    let inner = serde_json::to_value(Description::openapi()).unwrap_or_default();
    let lab = serde_json::json!({
        "name": "lab", "in": "path", "required": true, "description": "the lab's name", "schema": { "type": "string" }
    });
    if let (Some(paths), Some(inner)) = (whole["paths"].as_object_mut(), inner["paths"].as_object()) {
        for (path, item) in inner.iter().filter(|(path, _)| !path.ends_with("/shutdown")) {
            let mut item = item.clone();
            item["parameters"] = Value::Array(vec![lab.clone()]);
            paths.insert(path.replacen("/v1", "/v1/labs/{lab}", 1), item);
        }
    }
    let schemas = inner["components"]["schemas"].as_object().cloned().unwrap_or_default();
    for (name, schema) in schemas {
        whole["components"]["schemas"][name.as_str()] = schema;
    }
    whole["components"]["securitySchemes"] =
        serde_json::json!({ "token": { "type": "http", "scheme": "bearer" } });
    whole["security"] = serde_json::json!([{ "token": [] }]);
    control::completed(whole)
}
