//! Mails that outputs send: who gets them, what stands in them, and the server that takes them.

mod address;
mod letter;
mod server;
#[cfg(test)]
mod tests;

pub(super) use letter::{Letter, Part, check_type};
pub(super) use server::{MailServer, Names};
