//! Refusals of the control service, as `application/problem+json` (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::types::{Complaint, Problem};
use crate::broker::BrokerError;
use crate::diagnostic::{Diagnostic, Style, render};
use crate::runtime::BotnetError;
use crate::service::ServiceError;

/// The type of a refusal.
pub(super) const PROBLEM: &str = "application/problem+json";

/// The longest text of a refusal that is passed on, in bytes.
const LONGEST: usize = 64 * 1024;

/// Why a request was refused.
#[derive(Debug)]
pub struct Refusal(Problem);

impl Refusal {
    /// Makes a refusal.
    pub fn new(status: StatusCode, code: &str, title: impl Into<String>) -> Self {
        Refusal(Problem {
            code: code.to_owned(),
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            problems: Vec::new(),
        })
    }

    /// Something in the request is wrong.
    pub fn bad_request(code: &str, title: impl Into<String>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, code, title)
    }

    /// There is no such thing.
    pub fn not_found(code: &str, title: impl Into<String>) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, code, title)
    }

    /// Adds what else is to be said.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds located complaints.
    #[must_use]
    pub fn complaining(mut self, complaints: &[Diagnostic]) -> Self {
        self.0.detail = Some(render(complaints, Style::Plain));
        self.0.problems = complaints.iter().map(Complaint::from).collect();
        self
    }

    /// Returns what is told of it.
    pub fn problem(&self) -> &Problem {
        &self.0
    }

    /// Something that should not happen.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
    }
}

impl From<BotnetError> for Refusal {
    fn from(error: BotnetError) -> Self {
        let title = error.to_string();
        match error {
            BotnetError::UnknownBot { .. } => Refusal::not_found("unknown-bot", title),
            BotnetError::NotPossible(_) => Refusal::new(StatusCode::CONFLICT, "not-possible", title),
            BotnetError::Invalid(complaints) => {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration", title)
                    .complaining(&complaints)
            }
            BotnetError::Broker(error) => error.into(),
            BotnetError::Harmonization { .. } => {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-data-format", title)
            }
            BotnetError::File { .. } | BotnetError::BotFailed { .. } => Refusal::internal(&title),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal(problem)
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let title = error.to_string();
        match error {
            ServiceError::Unknown(..) => Refusal::not_found("unknown-service", title),
            _ => Refusal::bad_request("not-possible", title),
        }
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        Refusal::new(StatusCode::BAD_GATEWAY, "broker", error.to_string())
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::InvalidFilename => {
                Refusal::bad_request("path-not-allowed", error.to_string())
            }
            _ => Refusal::internal(&error),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, PROBLEM)], body).into_response()
    }
}

/// Makes a problem of a refusal that the HTTP library worded, such as an unknown action or a faulty query.
pub async fn always(response: Response) -> Response {
    let status = response.status();
    let told = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM);
    if told || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let body = axum::body::to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body);
    let text =
        if text.trim().is_empty() { status.canonical_reason().unwrap_or("refused") } else { text.trim() };
    let mut told = Refusal::new(status, "bad-request", text).into_response();
    if let Some(allowed) = allowed {
        told.headers_mut().insert(header::ALLOW, allowed);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_problem() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let plain = |status: StatusCode, text: &'static str| (status, text).into_response();
        for (response, title) in [
            (plain(StatusCode::BAD_REQUEST, "unknown field `maxx`"), "unknown field `maxx`"),
            (plain(StatusCode::METHOD_NOT_ALLOWED, ""), "Method Not Allowed"),
            (Refusal::bad_request("x", "own words").into_response(), "own words"),
        ] {
            let status = response.status();
            let bytes = runtime.block_on(async {
                let response = always(response).await;
                assert_eq!(
                    (response.status(), response.headers()[header::CONTENT_TYPE].to_str().unwrap()),
                    (status, PROBLEM)
                );
                axum::body::to_bytes(response.into_body(), LONGEST).await.unwrap()
            });
            let problem: Problem = serde_json::from_slice(&bytes).unwrap();
            assert_eq!((problem.title.as_str(), problem.status), (title, status.as_u16()));
        }
        let fine = runtime.block_on(always(plain(StatusCode::OK, "fine")));
        assert_ne!(fine.headers()[header::CONTENT_TYPE], PROBLEM);
    }
}
