//! The one channel into a running botnet: a small HTTP service, and the client that talks to it.
//!
//! It listens on a UNIX socket in the lab's folder (whoever may open it may use it) and on a loopback port (with a token).

mod address;
mod bots;
mod client;
mod configuration;
mod description;
mod dumps;
mod files;
mod guard;
mod listen;
mod login;
mod outside;
mod problem;
mod queues;
mod rows;
mod server;
mod services;
mod types;

pub use address::SocketAddress;
pub use client::{Client, ControlError, Passed};
pub use description::completed;
pub use guard::{Guard, guarded};
pub(super) use listen::{Control, Door, Listen, serve};
pub use outside::{Outside, Question, Reply};
pub use problem::{Refusal, always};
pub use server::{Description, blocking};
pub use types::*;
#[cfg(test)]
pub(super) use {dumps::requeue, queues::inject_into, rows::rows_of};
