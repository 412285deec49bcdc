//! Everything that is tested from outside, in one binary.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod apart;
mod api;
mod bots_pages;
mod brokers;
mod cli;
mod cmd;
mod compose;
mod faults;
mod intelmq_api;
mod kill;
mod lab_databases;
mod learn;
mod oracle;
mod outputs;
mod servers;
mod session;
mod support;
mod tidy;
