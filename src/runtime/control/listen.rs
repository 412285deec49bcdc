//! Where the control service listens: a UNIX socket, and a loopback port with a token.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;

use super::address::SocketAddress;
use super::problem::Refusal;
use super::server::{Service, router};
use crate::runtime::Botnet;
use crate::service::Services;

/// A running control service.
pub(in crate::runtime) struct Control {
    /// Ends the service.
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
    socket: PathBuf,
}

/// Where to listen.
pub(in crate::runtime) struct Listen {
    /// The lab's folder.
    pub(in crate::runtime) root: PathBuf,
    /// The UNIX socket.
    pub(in crate::runtime) socket: PathBuf,
    /// What a client on the loopback port must show.
    pub(in crate::runtime) token: String,
    /// What runs beside the botnet.
    pub(in crate::runtime) services: Arc<Services>,
}

/// Starts the service on a thread of its own; returns it and the loopback port.
pub(in crate::runtime) fn serve(
    botnet: Arc<Botnet>,
    listen: Listen,
    end: Arc<Notify>,
) -> std::io::Result<(Control, u16)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = SocketAddress::new(&listen.socket)?;
    remove_stale(&listen.socket)?;
    let (unix, tcp) = runtime.block_on(async {
        let unix = UnixListener::bind(address.path())?;
        let tcp = TcpListener::bind(("127.0.0.1", 0)).await?;
        std::io::Result::Ok((unix, tcp))
    })?;
    std::fs::set_permissions(&listen.socket, std::fs::Permissions::from_mode(0o600))?;
    let port = tcp.local_addr()?.port();
    let service = Service { botnet, root: listen.root, end, services: listen.services };
    let local = router(service.clone());
    let guard = Guard { token: listen.token.into(), port };
    let remote = router(service).layer(from_fn_with_state(guard, admit));
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let thread = std::thread::Builder::new().name("control".to_owned()).spawn(move || {
        let _address = address;
        runtime.block_on(async {
            let unix = axum::serve(unix, local.into_make_service());
            let tcp = axum::serve(tcp, remote.into_make_service());
            tokio::select! {
                _ = unix => {}
                _ = tcp => {}
                () = stopped.notified() => {}
            }
        });
    })?;
    Ok((Control { stop, thread, socket: listen.socket }, port))
}

impl Control {
    /// Ends the service and removes its socket.
    pub(in crate::runtime) fn stop(self) {
        self.stop.notify_one();
        let _ = self.thread.join();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Removes the socket of a process that died; nobody else can have this lab's store open.
fn remove_stale(socket: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[derive(Clone)]
struct Guard {
    token: Arc<str>,
    port: u16,
}

/// Lets only those in who know the token and came by the loopback address, not through a web page of somebody else.
async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let own = |host: &str| {
        [format!("127.0.0.1:{}", guard.port), format!("localhost:{}", guard.port)]
            .iter()
            .any(|own| own == host)
    };
    if !text(headers, header::HOST).is_some_and(own) {
        return Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "foreign-host",
            "this service answers to its loopback address only",
        )
        .into_response();
    }
    if text(headers, header::ORIGIN).is_some_and(|origin| !origin.strip_prefix("http://").is_some_and(own)) {
        return Refusal::new(
            StatusCode::FORBIDDEN,
            "foreign-origin",
            "requests from other sites are refused",
        )
        .into_response();
    }
    let shown = text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    if !shown.is_some_and(|shown| same(shown.as_bytes(), guard.token.as_bytes())) {
        let title = "the token is missing or wrong; the lab's api.json and `status --json` have it";
        return Refusal::new(StatusCode::UNAUTHORIZED, "wrong-token", title).into_response();
    }
    next.run(request).await
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Compares in a time that does not tell where two tokens differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
