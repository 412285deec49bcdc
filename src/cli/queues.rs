//! Where the queues of a botnet are, as `--broker` and `--broker-url` say.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use crate::broker::{BrokerKind, Member, Routes, Settings, SyncMode, Url, choose};
use crate::diagnostic::Diagnostic;
use crate::runtime::Queues;

/// The word for brokers that the runtime file names.
const AS_CONFIGURED: &str = "runtime";

/// How `botnet run` and `bot run` come to their queues.
pub(super) struct Opening<'a> {
    /// What was asked for.
    pub(super) common: &'a Common,
    /// The folder of what brokers keep on this side.
    pub(super) folder: &'a Path,
    /// When commits there wait for the disk.
    pub(super) sync: SyncMode,
    /// The name of this process among those of the botnet.
    pub(super) process: &'a Member,
}

impl Opening<'_> {
    /// Opens the queues; `fallback` is the broker if none is named.
    pub(super) fn open(&self, fallback: &str) -> Result<Queues, Failure> {
        let Common { broker, broker_url, .. } = self.common;
        if broker.as_deref().unwrap_or(fallback) == AS_CONFIGURED && broker_url.is_none() {
            let routes = Routes::new(self.folder.to_owned(), self.sync, self.process);
            return Ok(Queues::AsConfigured(Arc::new(routes)));
        }
        let url = broker_url.as_deref().map(address).transpose()?;
        let (kind, url) = choose(broker.as_deref(), url.as_deref(), fallback)
            .map_err(|error| Failure::usage("impossible-broker", error.to_string()))?;
        let broker = kind.opened(&self.settings(kind, url)?);
        let failed = |error| Failure::one(Exit::Runtime, Diagnostic::error("cannot-run", format!("{error}")));
        Ok(Queues::In(broker.map_err(failed)?))
    }

    fn settings(&self, kind: &BrokerKind, url: Option<Url>) -> Result<Settings, Failure> {
        let usual = || Url::parse(kind.usual);
        let url = url.map_or_else(usual, Ok);
        let url = url.map_err(|error| Failure::usage("impossible-broker", error.to_string()))?;
        let (folder, process) = (self.folder.to_owned(), self.process.clone());
        Ok(Settings { url, folder, sync: self.sync, process })
    }
}

/// Reads an address; `@FILE` stands in a file, so that its password stands on no command line.
fn address(text: &str) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let unreadable = |error| {
        Failure::usage("unreadable-address", format!("{path}: {error}"))
            .help("write the broker's address into this file, or give it as `--broker-url URL`")
    };
    Ok(fs::read_to_string(path).map_err(unreadable)?.trim().to_owned())
}
