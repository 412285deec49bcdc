//! What TLS is in this program: rustls with *ring*, which needs a C compiler and no more.

mod client;
mod words;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use client::{Identity, Stream, TlsError, Trust, config, wrap};
pub use words::words;

/// Returns the cryptography that every TLS connection of this program uses.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Makes it what clients use that do not ask for one; HTTP clients cannot be made before.
pub fn install() {
    // It fails when somebody was here before, with the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
