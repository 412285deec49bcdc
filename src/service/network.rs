//! What every server stands on: a port, connections with and without TLS, and faults that are met before anything is asked.

use std::fs::OpenOptions;
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::tls::Authority;
use super::{Feed, Trouble};

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection of either kind.
pub(super) type Connection = Box<dyn Stream>;

/// Serves one connection after the other; each ends when its future does.
pub(super) type Served = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// What a kind of service does with its connections.
pub(super) trait Serve: Send + Sync {
    /// Serves a connection until it ends.
    fn serve(self: Arc<Self>, connection: Connection, feed: Arc<Feed>) -> Served;

    /// Has a say about a file before it is published.
    fn check_file(&self, _name: &str, _bytes: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Takes connections until the future is dropped.
pub(super) async fn listen(
    listener: TcpListener,
    server: Arc<dyn Serve>,
    feed: Arc<Feed>,
    authority: Option<Arc<Authority>>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // One that was closed before it was taken is nobody's loss.
                let Ok((stream, _)) = accepted else { tokio::task::yield_now().await; continue };
                connections.spawn(welcome(stream, Arc::clone(&server), Arc::clone(&feed), authority.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection, after the faults that meet connections.
async fn welcome(
    stream: TcpStream,
    server: Arc<dyn Serve>,
    feed: Arc<Feed>,
    authority: Option<Arc<Authority>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let trouble = feed.trouble("", Trouble::meets_connections);
    if trouble == Some(Trouble::NoAnswer) {
        return Ok(());
    }
    let Some(authority) = authority else { return server.serve(Box::new(stream), feed).await };
    let expired = trouble == Some(Trouble::ExpiredCertificate);
    let acceptor = if expired { &authority.expired } else { &authority.good };
    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    server.serve(Box::new(shaken), feed).await
}

/// Adds a line to a file of what was received.
pub(super) fn append_line(path: &Path, value: &serde_json::Value) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(format!("{value}\n").as_bytes())
}
