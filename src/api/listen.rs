//! Serves the API on an address of this machine until it is interrupted.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::runtime::control::{Guard, guarded};

/// How often it is looked whether somebody wants the end.
const LOOK: Duration = Duration::from_millis(100);

/// Listens on a loopback address, says where with `ready`, and serves until `interrupted`.
pub fn serve(
    router: Router,
    listen: SocketAddr,
    token: &str,
    interrupted: &AtomicBool,
    ready: impl FnOnce(SocketAddr),
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let router = guarded(router, Guard::new(token, &[address.port()]));
        ready(address);
        let mut looks = tokio::time::interval(LOOK);
        tokio::select! {
            served = axum::serve(listener, router.into_make_service()) => served,
            () = async { while !interrupted.load(Ordering::Relaxed) { looks.tick().await; } } => Ok(()),
        }
    });
    // Streams have no end of their own.
    runtime.shutdown_background();
    served
}
