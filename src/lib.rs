//! Tutorial playbooks for IntelMQ with reproducible demo environments.
//!
//! The modules stand in layer order: each names only modules above it in this list (`tests/it/tidy.rs` holds that).
//! `ARCHITECTURE.md` is the map.

pub mod diagnostic;

pub mod tls;

pub mod whole;

pub mod message;

pub mod pipeline;

pub mod broker;

pub mod stomp;

pub mod rows;

pub mod bots;

pub mod template;

pub mod check;

pub mod playbook;

pub mod service;

pub mod runtime;

pub mod plan;

pub mod target;

pub mod seed;

pub mod observe;

pub mod session;

pub mod report;

pub mod docgen;

pub mod web;

pub mod api;

pub mod cli;
