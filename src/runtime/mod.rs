//! Runs a botnet on a broker: workers, supervision, dumps, statistics, journal and the control service.
//!
//! It is given a pipeline and never reads a playbook.

pub mod control;
