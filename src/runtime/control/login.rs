//! The way in that clients of intelmq-api 3 know: the token is the password, and what they get for it is the token again.

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, Request};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::Guard;

/// What all its paths have in them, whatever stands before it.
const PATHS: &str = "/v1/api/";
/// How the path of its login ends.
const LOGIN: &str = "/v1/api/login";

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

/// Tells whether a path is one of intelmq-api.
pub(super) fn is_below_intelmq_api(path: &str) -> bool {
    path.contains(PATHS)
}

/// Tells whether somebody shows a password; such a request goes no further than here.
pub(super) fn is_asked(request: &Request) -> bool {
    *request.method() == Method::POST && request.uri().path().trim_end_matches('/').ends_with(LOGIN)
}

/// Answers to a login; the name may be any.
pub(super) async fn answer(guard: &Guard, request: Request) -> Response {
    let asked: Result<Form<Credentials>, FormRejection> = Form::from_request(request, &()).await;
    match asked {
        Ok(Form(shown)) if guard.knows(Some(&shown.password)) => {
            Json(json!({ "login_token": shown.password, "username": shown.username })).into_response()
        }
        Ok(_) => error(&json!("Invalid username and/or password.")),
        Err(rejection) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": rejection.body_text() })))
                .into_response()
        }
    }
}

/// Refuses a request without the token, in intelmq-api's words.
pub(super) fn refused() -> Response {
    error(&json!({ "Authentication Required": "Please provide valid Token verification credentials" }))
}

fn error(told: &Value) -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "error": told }))).into_response()
}
