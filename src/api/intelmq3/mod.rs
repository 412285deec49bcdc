//! The paths of intelmq-api 3, so that its clients, IntelMQ Manager among them, work with a lab: other words for what this API does anyway.

mod botnet;
mod configuration;
mod fault;
mod insight;
mod manager;
mod queues;

use std::path::PathBuf;

use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::routing::{get, post};

use self::fault::Fault;
use super::reach::Api;
use crate::runtime::control::blocking;

/// Makes the routes: for the only lab where clients look by themselves, and for each lab below `/manager/LAB`.
///
/// `manager` is the folder with the files of IntelMQ Manager.
pub(super) fn router(manager: Option<PathBuf>) -> Router<Api> {
    Router::new()
        .nest("/v1/api", calls())
        .nest("/intelmq/v1/api", calls())
        .nest("/manager/{lab}/v1/api", calls())
        .merge(manager::router(manager))
}

fn calls() -> Router<Api> {
    Router::new()
        .route("/botnet", get(botnet::all))
        .route("/bot", get(botnet::one))
        .route("/bots", get(botnet::modules))
        .route("/queues", get(queues::queues))
        .route("/queues-and-status", get(queues::queues_and_status))
        .route("/clear", get(queues::clear))
        .route("/run", post(queues::run))
        .route("/getlog", get(insight::log))
        .route("/check", get(insight::check))
        .route("/debug", get(insight::debug))
        .route("/version", get(insight::version))
        .route("/config", get(insight::file))
        .route("/harmonization", get(configuration::harmonization))
        .route("/runtime", get(configuration::runtime).post(configuration::set_runtime))
        .route("/positions", get(configuration::positions).post(configuration::set_positions))
}

/// The lab that a request is for: the one in its path, or else the only one.
struct Of(String);

impl FromRequestParts<Api> for Of {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let named = RawPathParams::from_request_parts(parts, api).await.ok();
        if let Some((_, lab)) = named.iter().flatten().find(|(name, _)| *name == "lab") {
            return Ok(Of(lab.to_owned()));
        }
        let api = api.clone();
        Ok(Of(blocking(move || manager::only_lab(&api)).await?))
    }
}
