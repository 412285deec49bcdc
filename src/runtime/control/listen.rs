//! Where the control service listens: a UNIX socket, and a port with a token.

use std::net::IpAddr;
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
    /// What runs beside the botnet.
    pub(in crate::runtime) services: Arc<Services>,
    /// Where it listens beside the socket.
    pub(in crate::runtime) door: Option<Door>,
}

/// A port for those who know a token.
pub(in crate::runtime) struct Door {
    /// The address.
    pub(in crate::runtime) address: IpAddr,
    /// The port, if it is free; 0 is any.
    pub(in crate::runtime) port: u16,
    /// What a client must show.
    pub(in crate::runtime) token: String,
    /// More routes, with what answers to unknown ones.
    pub(in crate::runtime) beside: Option<Router>,
}

/// Starts the service on a thread of its own; returns it, and the port if it has one.
pub(in crate::runtime) fn serve(
    botnet: Arc<Botnet>,
    listen: Listen,
    end: Arc<Notify>,
) -> std::io::Result<(Control, Option<u16>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let address = SocketAddress::new(&listen.socket)?;
    remove_stale(&listen.socket)?;
    let unix = runtime.block_on(async { UnixListener::bind(address.path()) })?;
    std::fs::set_permissions(&listen.socket, std::fs::Permissions::from_mode(0o600))?;
    let service = Service { botnet, root: listen.root, end, services: listen.services };
    let local = alone(service.clone());
    let open = |door: Door| runtime.block_on(door.open(service));
    let (tcp, port) = match listen.door.map(open).transpose()? {
        Some((tcp, router, port)) => (Some((tcp, router)), Some(port)),
        None => (None, None),
    };
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone();
    let thread = std::thread::Builder::new().name("control".to_owned()).spawn(move || {
        let _address = address;
        runtime.block_on(async {
            let unix = axum::serve(unix, local.into_make_service());
            let tcp = async {
                match tcp {
                    Some((tcp, remote)) => axum::serve(tcp, remote.into_make_service()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = unix => {}
                _ = tcp => {}
                () = stopped.notified() => {}
            }
        });
    })?;
    Ok((Control { stop, thread, socket: listen.socket }, port))
}

impl Door {
    async fn open(self, service: Service) -> std::io::Result<(TcpListener, Router, u16)> {
        let tcp = match TcpListener::bind((self.address, self.port)).await {
            Err(_) if self.port != 0 => TcpListener::bind((self.address, 0)).await?,
            bound => bound?,
        };
        let port = tcp.local_addr()?.port();
        let routes = match self.beside {
            Some(beside) => router(service).merge(beside),
            None => alone(service),
        };
        Ok((tcp, guarded(routes, Guard::new(&self.token, &[port])), port))
    }
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
