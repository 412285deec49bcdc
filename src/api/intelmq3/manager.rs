//! IntelMQ Manager's own files, below each lab: a folder that its build made, with one file that says where the lab's API is.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::Of;
use super::fault::Told;
use crate::api::error::Answer;
use crate::api::reach::Api;
use crate::runtime::control::{Refusal, blocking};

/// What its pages may do: it has no script in its markup, but styles, and puts texts of messages into its markup.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// The file in which it looks for the address of its API.
const PLACE: &str = "js/var.js";

pub(super) fn router(folder: Option<PathBuf>) -> Router<Api> {
    let folder = folder.map(Arc::<FilePath>::from);
    let (first, any) = (folder.clone(), folder);
    let index = move |State(api), Path(lab)| serve(api, first.clone(), lab, "index.html".to_owned());
    let file = move |State(api), Path((lab, file))| serve(api, any.clone(), lab, file);
    Router::new()
        .route("/manager", get(to_lab))
        .route("/manager/", get(to_lab))
        .route("/manager/{lab}/", get(index))
        .route("/manager/{lab}/{*file}", get(file))
}

async fn to_lab(Of(lab): Of) -> Redirect {
    Redirect::to(&format!("/manager/{lab}/"))
}

/// Names the only lab that there is.
pub(super) fn only_lab(api: &Api) -> Answer<String> {
    let labs = api.labs()?;
    match labs.as_slice() {
        [lab] => Ok(lab.record.name.clone()),
        [] => Err(Refusal::not_found("no-labs", "there is no lab; `intelmq-lab up PLAYBOOK` makes one")),
        labs => {
            let names: Vec<&str> = labs.iter().map(|lab| lab.record.name.as_str()).collect();
            let title =
                format!("there are several labs; say which in the path, /manager/LAB: {}", names.join(", "));
            Err(Refusal::new(StatusCode::CONFLICT, "which-lab", title))
        }
    }
}

async fn serve(api: Api, folder: Option<Arc<FilePath>>, lab: String, file: String) -> Told<Response> {
    let found = blocking(move || {
        let lab = api.lab(&lab)?;
        let folder = folder.ok_or_else(|| {
            let title = "IntelMQ Manager is not served here; `intelmq-lab serve --manager DIR` does it";
            Refusal::not_found("no-manager", title)
        })?;
        if file == PLACE {
            let root = serde_json::json!(format!("/manager/{}", lab.record.name));
            return Ok((file, format!("var ROOT = {root};\n").into_bytes()));
        }
        let missing = || Refusal::not_found("no-such-file", format!("IntelMQ Manager has no file {file:?}"));
        let path = folder.join(&file).canonicalize().map_err(|_| missing())?;
        // Neither dots nor links lead out of the folder.
        let inside = folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
        let bytes = if inside { std::fs::read(&path) } else { return Err(missing()) };
        Ok((file.clone(), bytes.map_err(|_| missing())?))
    });
    let (file, bytes) = found.await?;
    let headers = [
        (header::CONTENT_TYPE, kind(&file)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, bytes).into_response())
}

fn kind(file: &str) -> &'static str {
    match file.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css" | "less") => "text/css; charset=utf-8",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        Some("woff") => "font/woff",
        Some("woff2") => "font/woff2",
        Some("ttf") => "font/ttf",
        _ => "application/octet-stream",
    }
}
