//! Where the control service listens: a UNIX socket, and a loopback port with a token.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;

use super::address::SocketAddress;
use super::guard::{Guard, guarded};
use super::server::{Service, alone, router};
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
    /// The loopback port, if it is free; 0 is any.
    pub(in crate::runtime) port: u16,
    /// What a client on the loopback port must show.
    pub(in crate::runtime) token: String,
    /// What runs beside the botnet.
    pub(in crate::runtime) services: Arc<Services>,
    /// More routes for the loopback port, with what answers to unknown ones.
    pub(in crate::runtime) beside: Option<Router>,
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
        let tcp = match TcpListener::bind(("127.0.0.1", listen.port)).await {
            Err(_) if listen.port != 0 => TcpListener::bind(("127.0.0.1", 0)).await?,
            bound => bound?,
        };
        std::io::Result::Ok((unix, tcp))
    })?;
    std::fs::set_permissions(&listen.socket, std::fs::Permissions::from_mode(0o600))?;
    let port = tcp.local_addr()?.port();
    let service = Service { botnet, root: listen.root, end, services: listen.services };
    let local = alone(service.clone());
    let remote = match listen.beside {
        Some(beside) => router(service).merge(beside),
        None => alone(service),
    };
    let remote = guarded(remote, Guard::new(&listen.token, &[port]));
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
