//! The one channel into a running botnet: a small HTTP service, and the client that talks to it.
//!
//! It listens on a UNIX socket in the lab's folder (whoever may open it may use it) and on a loopback port (with a token).

mod address;
mod client;
mod outside;
mod types;

pub use address::SocketAddress;
pub use client::{Client, ControlError};
pub use outside::{Outside, Question, Reply};
pub use types::*;
