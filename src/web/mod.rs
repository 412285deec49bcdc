//! The page: files that are built in, and how a browser may use them. It works offline and loads nothing from elsewhere.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};

static APP: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/web/app");

/// What the page may do: run its own scripts, show its own styles and pictures, and talk to where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/// Makes the routes of the page.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route("/app/{*path}", get(|Path(path): Path<String>| async move { file(&path) }))
}

fn file(path: &str) -> Response {
    let Some(file) = APP.get_file(path) else {
        return (StatusCode::NOT_FOUND, "there is no such file").into_response();
    };
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A newer program on the same port brings newer files.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, file.contents()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let named = regex::Regex::new(r#"(?:from|import|src=|href=)\s*"(?:\./|app/)([a-z.]+)""#).unwrap();
        let mut count = 0;
        for holder in APP.files() {
            let text = holder.contents_utf8().unwrap();
            for found in named.captures_iter(text) {
                count += 1;
                assert!(APP.get_file(&found[1]).is_some(), "{:?} names {}", holder.path(), &found[1]);
            }
        }
        assert!(count > 20, "the files name each other");
    }

    #[test]
    fn nothing_outside_the_folder_is_given() {
        for path in ["../mod.rs", "/etc/passwd", "..%2fmod.rs", "", "app/none.js"] {
            assert_eq!(file(path).status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(file("index.html").headers()[header::CONTENT_SECURITY_POLICY], POLICY);
    }

    #[test]
    fn no_text_from_outside_becomes_markup() {
        for holder in APP.files() {
            let text = holder.contents_utf8().unwrap_or_default();
            let markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("];
            let uses: usize = markup.iter().map(|word| text.matches(word).count()).sum();
            // `html()` in dom.js shows what the server made of a playbook's Markdown.
            let allowed = usize::from(holder.path().ends_with("dom.js"));
            assert_eq!(uses, allowed, "{:?}", holder.path());
        }
    }
}
