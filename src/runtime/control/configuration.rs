//! The configuration through the control service: read, checked, and set whole or for one bot, with the version that was read.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value};

use super::bots::{invalid, pipeline};
use super::problem::Refusal;
use super::server::{Service, blocking};
use super::types::{Complaint, Configuration};
use crate::bots::Modules;
use crate::diagnostic::Source;
use crate::pipeline::Pipeline;
use crate::runtime::Botnet;

/// The longest configuration, in bytes.
const LONGEST: usize = 1 << 20;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/configuration", get(configuration).put(configure))
        .route("/v1/configuration/validate", post(validate))
        .route("/v1/configuration/bots/{bot}", get(one).put(configure_one))
        .layer(DefaultBodyLimit::max(LONGEST))
}

/// The version of a configuration as a header: the revision in quotes.
fn tag(configuration: &Configuration) -> String {
    format!("\"{}\"", configuration.revision)
}

fn tagged(configuration: Configuration) -> Response {
    ([(header::ETAG, tag(&configuration))], Json(configuration)).into_response()
}

/// Refuses a change of something that has changed since it was read.
fn unchanged(botnet: &Botnet, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let now = tag(&botnet.configuration());
    if wanted == "*" || wanted.as_bytes() == now.as_bytes() {
        return Ok(());
    }
    let title = "the configuration has changed since it was read; read it again";
    Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "stale-configuration", title))
}

fn text(body: &Bytes) -> Result<String, Refusal> {
    String::from_utf8(body.to_vec())
        .map_err(|_| Refusal::bad_request("not-utf-8", "the configuration is not UTF-8 text"))
}

/// The configuration in use; its version is the header `ETag`.
#[utoipa::path(get, path = "/v1/configuration", responses((status = 200, body = Configuration)))]
pub(super) async fn configuration(State(service): State<Service>) -> Response {
    tagged(service.botnet.configuration())
}

/// Takes a new configuration into use; a faulty one changes nothing, nor does one that is not for the version in `If-Match`.
#[utoipa::path(
    put, path = "/v1/configuration", request_body(content = String, content_type = "application/yaml"),
    params(("if-match" = Option<String>, Header, description = "the version that was read")),
    responses((status = 200, body = Configuration))
)]
pub(super) async fn configure(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let text = text(&body)?;
    blocking(move || {
        unchanged(&service.botnet, &headers)?;
        Ok::<_, Refusal>(service.botnet.configure(&text)?)
    })
    .await
    .map(tagged)
}

/// Says what is wrong with a configuration, without taking it into use; warnings too.
#[utoipa::path(
    post, path = "/v1/configuration/validate", request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = Vec<Complaint>))
)]
pub(super) async fn validate(body: Bytes) -> Result<Json<Vec<Complaint>>, Refusal> {
    let source = Source::new("runtime.yaml", text(&body)?);
    match Pipeline::load(source, &Modules) {
        Ok((_, warnings)) => Ok(Json(warnings.iter().map(Complaint::from).collect())),
        Err(complaints) => Err(invalid(&complaints)),
    }
}

/// What the configuration says of one bot.
#[utoipa::path(
    get, path = "/v1/configuration/bots/{bot}", params(("bot" = String, Path, description = "the bot's id")),
    responses((status = 200, body = Object))
)]
pub(super) async fn one(
    State(service): State<Service>,
    Path(bot): Path<String>,
) -> Result<Json<Value>, Refusal> {
    blocking(move || {
        service.botnet.with_slot(&bot, |_| ())?;
        let json = pipeline(&service.botnet)?.to_json();
        Ok::<_, Refusal>(json.get(&bot).cloned().unwrap_or_default())
    })
    .await
    .map(Json)
}

/// Replaces what the configuration says of one bot, or adds the bot.
#[utoipa::path(
    put, path = "/v1/configuration/bots/{bot}", params(("bot" = String, Path, description = "the bot's id"),
        ("if-match" = Option<String>, Header, description = "the version that was read")),
    request_body = Object,
    responses((status = 200, body = Configuration))
)]
pub(super) async fn configure_one(
    State(service): State<Service>,
    Path(bot): Path<String>,
    headers: HeaderMap,
    Json(wanted): Json<Map<String, Value>>,
) -> Result<Response, Refusal> {
    blocking(move || {
        unchanged(&service.botnet, &headers)?;
        let mut json = pipeline(&service.botnet)?.to_json();
        json[bot.as_str()] = Value::Object(wanted);
        let changed =
            Pipeline::from_json("runtime.yaml", &json).map_err(|complaints| invalid(&complaints))?;
        Ok::<_, Refusal>(service.botnet.configure(&changed.write())?)
    })
    .await
    .map(tagged)
}
