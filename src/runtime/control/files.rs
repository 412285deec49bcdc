//! Files put in and taken out, below the lab's folder and nowhere else.

use std::path::{Component, Path as FilePath, PathBuf};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};

use super::problem::Refusal;
use super::server::{Service, blocking};
use super::types::Changed;
use crate::whole;

/// The folders of a lab that the service opens to others.
const OPEN: &[&str] = &["in", "out"];

/// Puts a file in; it appears whole or not at all.
#[utoipa::path(
    put, path = "/v1/files/{path}", params(("path" = String, Path, description = "the file, such as `in/report.csv`")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Changed))
)]
pub(super) async fn put_file(
    State(service): State<Service>,
    Path(path): Path<String>,
    body: Bytes,
) -> Result<Json<Changed>, Refusal> {
    blocking(move || put(&service.root, &path, &body)).await.map(Json)
}

fn put(root: &FilePath, path: &str, body: &[u8]) -> Result<Changed, Refusal> {
    let target = resolve(root, path)?;
    let folder = target.parent().unwrap_or(root);
    // Looked at before anything is made: a link must not lead to folders elsewhere.
    let there = folder.ancestors().find(|folder| folder.symlink_metadata().is_ok()).unwrap_or(root);
    inside(root, there)?;
    std::fs::create_dir_all(folder)?;
    inside(root, folder)?;
    if target.is_symlink() {
        std::fs::remove_file(&target)?;
    }
    whole::replace(&target, body, 0o600)?;
    Ok(Changed { count: 1 })
}

/// Takes a file out.
#[utoipa::path(
    get, path = "/v1/files/{path}", params(("path" = String, Path, description = "the file, such as `out/events.txt`")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>))
)]
pub(super) async fn get_file(
    State(service): State<Service>,
    Path(path): Path<String>,
) -> Result<Vec<u8>, Refusal> {
    blocking(move || get(&service.root, &path)).await
}

fn get(root: &FilePath, path: &str) -> Result<Vec<u8>, Refusal> {
    let target = resolve(root, path)?;
    let missing = || Refusal::not_found("no-such-file", format!("there is no file {path:?} in the lab"));
    let folder = target.parent().ok_or_else(missing)?;
    if !folder.is_dir() {
        return Err(missing());
    }
    inside(root, folder)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_nobody_out_of_the_lab_and_makes_nothing_there() {
        let (lab, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = lab.path();
        std::fs::create_dir(root.join("in")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.join("in/link")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("file"), root.join("in/file")).unwrap();
        for path in ["in/link/x", "in/link/x/y/z", "in/../x", "etc/x", "in"] {
            assert!(put(root, path, b"text").is_err(), "{path}");
        }
        put(root, "in/file", b"text").unwrap();
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        put(root, "in/new/er/file", b"text").unwrap();
        assert_eq!(get(root, "in/new/er/file").unwrap(), b"text");
        assert_eq!(get(root, "in/file").unwrap(), b"text");
        assert!(get(root, "in/none").is_err() && get(root, "in/link/none").is_err());
    }
}
