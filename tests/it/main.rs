//! Everything that is tested from outside, in one binary.

mod cli;
mod cmd;
mod kill;
mod oracle;
mod session;
mod support;
mod tidy;
