//! What a botnet is given: where its queues are, its files and folders, who takes its logs.

use std::path::PathBuf;
use std::sync::Arc;

use super::apart::Apart;
use super::journal::Journal;
use super::log::Logger;
use crate::broker::{Broker, Routes};
use crate::message::Idf;
use crate::pipeline::Environment;

/// Where the queues of a botnet are.
#[derive(Clone)]
pub enum Queues {
    /// All in one place.
    In(Arc<dyn Broker>),
    /// Where the parameters of each bot say.
    AsConfigured(Arc<Routes>),
}

/// Where a botnet runs.
#[derive(Clone)]
pub struct Surroundings {
    /// Where the queues are.
    pub queues: Queues,
    /// The only bot that runs here; the others are other processes' affair.
    pub only: Option<String>,
    /// The bots of a lab that run in processes of their own, and are seen from here.
    pub apart: Arc<Apart>,
    /// The fields that messages may have.
    pub idf: Arc<Idf>,
    /// Variables that override parameters.
    pub environment: Environment,
    /// The folder that IntelMQ calls the state path.
    pub state: PathBuf,
    /// The folder of logs and dumps.
    pub log: PathBuf,
    /// Takes the log lines.
    pub logger: Arc<Logger>,
    /// Takes what every bot does with every message; outside labs there is none.
    pub journal: Option<Arc<Journal>>,
    /// The runtime file, which is replaced when a new configuration is taken into use.
    pub file: PathBuf,
}
