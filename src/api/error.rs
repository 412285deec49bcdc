//! Refusals of the API: what a session cannot do, as `application/problem+json` with the words of the command line.

use axum::http::StatusCode;

use crate::diagnostic::Diagnostic;
use crate::runtime::control::{ControlError, Refusal};
use crate::session::{Cause, SessionError};

/// What a route answers before it is made JSON.
pub(super) type Answer<T> = Result<T, Refusal>;

/// Makes a refusal of what a session could not do.
pub(super) fn refused(error: SessionError) -> Refusal {
    let busy = matches!(error, SessionError::Busy { .. });
    let status = match error.cause() {
        Cause::Usage if busy => StatusCode::CONFLICT,
        Cause::Usage => StatusCode::BAD_REQUEST,
        Cause::Invalid | Cause::CannotRender => StatusCode::UNPROCESSABLE_ENTITY,
        Cause::Target => StatusCode::BAD_GATEWAY,
        Cause::Runtime => StatusCode::CONFLICT,
        Cause::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
    };
    match error {
        SessionError::Control(error) => control(error),
        error => {
            let diagnostics = error.diagnostics();
            let first = diagnostics.first();
            let code = first.map_or("refused", |first| first.code);
            let title = first.map_or_else(|| error.to_string(), |first: &Diagnostic| first.title.clone());
            Refusal::new(status, code, title).complaining(&diagnostics)
        }
    }
}

/// Makes a refusal of what the control service answered, or that it did not.
pub(super) fn control(error: ControlError) -> Refusal {
    match error {
        ControlError::Refused(problem) => problem.into(),
        error => Refusal::new(StatusCode::BAD_GATEWAY, "lab-unreachable", error.to_string()),
    }
}
