//! What runs beside the botnet: what it publishes, and what shall go wrong with it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};

use super::server::{Answer, Service, blocking};
use super::types::Changed;
use crate::service::{Fault, ServiceStatus};

/// The services in the order of the playbook.
#[utoipa::path(get, path = "/v1/services", responses((status = 200, body = Vec<ServiceStatus>)))]
pub(super) async fn list(State(service): State<Service>) -> Json<Vec<ServiceStatus>> {
    Json(service.services.status())
}

/// Makes a service publish a file.
#[utoipa::path(
    put, path = "/v1/services/{service}/files/{name}",
    params(("service" = String, Path, description = "the service's id"), ("name" = String, Path, description = "the file's name")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Changed))
)]
pub(super) async fn publish(
    State(service): State<Service>,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Answer<Changed> {
    blocking(move || service.services.publish(&id, &name, body.to_vec())).await?;
    Ok(Json(Changed { count: 1 }))
}

/// Makes something go wrong with a service.
#[utoipa::path(
    post, path = "/v1/services/{service}/faults", params(("service" = String, Path, description = "the service's id")),
    request_body = Fault, responses((status = 200, body = Changed))
)]
pub(super) async fn add_fault(
    State(service): State<Service>,
    Path(id): Path<String>,
    Json(fault): Json<Fault>,
) -> Answer<Changed> {
    service.services.add_fault(&id, fault)?;
    Ok(Json(Changed { count: 1 }))
}

/// Makes nothing go wrong with a service any more.
#[utoipa::path(
    delete, path = "/v1/services/{service}/faults", params(("service" = String, Path, description = "the service's id")),
    responses((status = 200, body = Changed))
)]
pub(super) async fn clear_faults(State(service): State<Service>, Path(id): Path<String>) -> Answer<Changed> {
    service.services.clear_faults(&id)?;
    Ok(Json(Changed { count: 1 }))
}
