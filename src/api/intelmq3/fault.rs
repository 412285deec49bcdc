//! Refusals as intelmq-api words them: with its keys, and with statuses that are true.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::reach::Api;
use crate::runtime::control::Refusal;

/// A refusal: its status, and what is told.
pub(super) struct Fault {
    status: StatusCode,
    told: Value,
}

/// What a route answers.
pub(super) type Told<T> = Result<T, Fault>;

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let problem = refusal.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let tip = problem.problems.first().map(|complaint| complaint.help.as_str()).unwrap_or_default();
        Fault { status, told: json!({ "tip": tip, "message": words(&refusal), "command": "" }) }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.status, Json(self.told)).into_response()
    }
}

/// Everything that a refusal says, as a text.
pub(super) fn words(refusal: &Refusal) -> String {
    let problem = refusal.problem();
    match &problem.detail {
        Some(detail) => format!("{}\n{detail}", problem.title),
        None => problem.title.clone(),
    }
}

/// The parameters of a request; faulty ones are refused as FastAPI does.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Fault> {
        let asked: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, api).await;
        asked.map(|Query(asked)| Asked(asked)).map_err(|rejection| Fault {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            told: json!({ "detail": rejection.body_text() }),
        })
    }
}
