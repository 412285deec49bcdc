//! Who may talk to a service on the loopback address: those who know its token, and came by its own address.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::login;
use super::problem::Refusal;

/// The name of the cookie that the page has instead of a header.
const COOKIE: &str = "intelmq-lab";
/// Below which other pages than `/` are.
const MANAGER: &str = "/manager/";

/// What a client must show, and by which ports it may have come.
#[derive(Debug, Clone)]
pub struct Guard {
    token: Arc<str>,
    ports: Arc<[u16]>,
}

impl Guard {
    /// Lets in whoever knows the token and calls the service by one of these ports of the loopback address.
    pub fn new(token: &str, ports: &[u16]) -> Self {
        Guard { token: token.into(), ports: ports.into() }
    }

    fn is_own(&self, host: &str) -> bool {
        self.ports
            .iter()
            .any(|port| host == format!("127.0.0.1:{port}") || host == format!("localhost:{port}"))
    }

    /// Tells whether this is the token.
    pub(super) fn knows(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| same(token.as_bytes(), self.token.as_bytes()))
    }
}

/// Puts a guard before routes.
pub fn guarded(router: Router, guard: Guard) -> Router {
    router.layer(from_fn_with_state(guard, admit))
}

/// Lets only those in who know the token and came by the loopback address, not through a web page of somebody else.
async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !text(headers, header::HOST).is_some_and(|host| guard.is_own(host)) {
        let title = "this service answers to its loopback address only";
        return Refusal::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", title).into_response();
    }
    let origin = text(headers, header::ORIGIN);
    if origin.is_some_and(|origin| !origin.strip_prefix("http://").is_some_and(|host| guard.is_own(host))) {
        return Refusal::new(
            StatusCode::FORBIDDEN,
            "foreign-origin",
            "requests from other sites are refused",
        )
        .into_response();
    }
    if let Some(answer) = first_visit(&guard, &request) {
        return answer;
    }
    if login::is_asked(&request) {
        return login::answer(&guard, request).await;
    }
    // Clients of intelmq-api show it bare.
    let shown =
        text(headers, header::AUTHORIZATION).map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
    let known = guard.knows(shown) || is_by_page(&request) && guard.knows(cookie(headers));
    if !known && login::is_below_intelmq_api(request.uri().path()) {
        return login::refused();
    }
    if !known {
        let title =
            "the token is missing or wrong; the lab's api.json and `intelmq-lab status --json` have it";
        return Refusal::new(StatusCode::UNAUTHORIZED, "wrong-token", title).into_response();
    }
    next.run(request).await
}

/// A browser sends a cookie by itself, so what changes something must also say where it comes from; with intelmq-api a GET does that.
fn is_by_page(request: &Request) -> bool {
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let same = text(headers, HeaderName::from_static("sec-fetch-site")) == Some("same-origin");
    headers.contains_key(header::ORIGIN)
        || reads && (same || !login::is_below_intelmq_api(request.uri().path()))
}

/// A page opened with its token in the address gets it as a cookie, and an address without it.
fn first_visit(guard: &Guard, request: &Request) -> Option<Response> {
    let query = request.uri().query()?;
    let token = query.split('&').find_map(|part| part.strip_prefix("token="))?;
    let path = request.uri().path();
    let page = path == "/" || path.starts_with(MANAGER) && path.ends_with('/');
    if request.method() != Method::GET || !page || !guard.knows(Some(token)) {
        return None;
    }
    let port = text(request.headers(), header::HOST)?.rsplit(':').next()?.to_owned();
    let cookie = format!("{COOKIE}-{port}={token}; HttpOnly; SameSite=Strict; Path=/");
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, path.to_owned())];
    Some((StatusCode::SEE_OTHER, headers).into_response())
}

/// Cookies do not know ports: each service of this machine has one of its own name.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let port = text(headers, header::HOST)?.rsplit(':').next()?;
    let name = format!("{COOKIE}-{port}=");
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split("; ")).find_map(|part| part.strip_prefix(name.as_str()))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Compares in a time that does not tell where two tokens differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
