//! Files put in and taken out, below the lab's folder and nowhere else.

use std::io::Write;
use std::path::{Component, Path as FilePath, PathBuf};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};

use super::problem::Refusal;
use super::server::Service;
use super::types::{Changed, Problem};

/// The folders of a lab that the service opens to others.
const OPEN: &[&str] = &["in", "out"];

/// Puts a file in; it appears whole or not at all.
#[utoipa::path(
    put, path = "/v1/files/{path}", params(("path" = String, Path, description = "the file, such as `in/report.csv`")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Changed), (status = 400, body = Problem))
)]
pub(super) async fn put_file(
    State(service): State<Service>,
    Path(path): Path<String>,
    body: Bytes,
) -> Result<Json<Changed>, Refusal> {
    let target = resolve(&service.root, &path)?;
    let folder = target.parent().unwrap_or(&service.root).to_owned();
    std::fs::create_dir_all(&folder)?;
    inside(&service.root, &folder)?;
    // Under a name that no collector looks for, until it is whole.
    let mut file = tempfile::Builder::new().prefix(".arriving-").suffix(".part").tempfile_in(&folder)?;
    file.write_all(&body)?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(Json(Changed { count: 1 }))
}

/// Takes a file out.
#[utoipa::path(
    get, path = "/v1/files/{path}", params(("path" = String, Path, description = "the file, such as `out/events.txt`")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, body = Problem))
)]
pub(super) async fn get_file(
    State(service): State<Service>,
    Path(path): Path<String>,
) -> Result<Vec<u8>, Refusal> {
    let target = resolve(&service.root, &path)?;
    let missing = || Refusal::not_found("no-such-file", format!("there is no file {path:?} in the lab"));
    let folder = target.parent().ok_or_else(missing)?;
    if !folder.is_dir() {
        return Err(missing());
    }
    inside(&service.root, folder)?;
    match std::fs::symlink_metadata(&target) {
        Ok(metadata) if metadata.is_file() => Ok(std::fs::read(&target)?),
        _ => Err(missing()),
    }
}

/// Names a file below one of the open folders; nothing else has a name here.
fn resolve(root: &FilePath, path: &str) -> Result<PathBuf, Refusal> {
    let relative = FilePath::new(path);
    let plain =
        relative.components().all(|part| matches!(part, Component::Normal(_))) && !path.contains('\0');
    let first = relative.components().next().and_then(|part| part.as_os_str().to_str());
    let open = first.is_some_and(|first| OPEN.contains(&first)) && relative.components().count() > 1;
    if plain && open {
        return Ok(root.join(relative));
    }
    Err(Refusal::bad_request("path-not-allowed", format!("{path:?} is no file below in/ or out/")))
}

/// Refuses a folder that a link leads out of the lab.
fn inside(root: &FilePath, folder: &FilePath) -> Result<(), Refusal> {
    if folder.canonicalize()?.starts_with(root.canonicalize()?) {
        return Ok(());
    }
    Err(Refusal::bad_request("path-not-allowed", "that path leads out of the lab"))
}
