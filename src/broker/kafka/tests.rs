//! The contract at a real Kafka, and what is Kafka's own. Servers are this test program's children.

pub(crate) mod server;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::super::contract::{self, Server, contract};
use super::*;

/// A prefix of a folder's own.
fn prefix(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Opens a broker with a prefix of the folder's own at the server that all share. The folder notes where that is, for a
/// process that is a part of the test.
fn open(path: &Path) -> Option<Box<dyn Broker>> {
    let note = path.join("shared");
    if !note.exists() {
        std::fs::write(&note, server::shared()?.to_str()?).unwrap();
    }
    let folder = PathBuf::from(std::fs::read_to_string(note).unwrap());
    Some(Box::new(Kafka::new(&server::options(&folder, &prefix(path), server::PASSWORD))))
}

contract!(open);

#[test]
fn processes_share() {
    let place = tempfile::tempdir().unwrap();
    contract::processes_share(place.path(), |path, member| {
        let mut options = server::options(&server::shared()?, &prefix(path), server::PASSWORD);
        (options.identity, options.partitions) = (member.clone(), 3);
        Some(Box::new(Kafka::new(&options)))
    });
}

/// Opens a broker at a server of the folder's own.
fn open_own(path: &Path) -> Option<Box<dyn Broker>> {
    server::is_started(path).then(|| own(path, server::PASSWORD))
}

fn own(path: &Path, password: &str) -> Box<dyn Broker> {
    Box::new(Kafka::new(&server::options(path, "own", password)))
}

const SERVER: Server =
    Server { open: open_own, stop: server::stop, start: server::start, intrude: |path| own(path, "wrong") };

#[test]
fn gone_for_a_while() {
    let place = tempfile::tempdir().unwrap();
    contract::gone_for_a_while(place.path(), &SERVER);
}

#[test]
fn restarts_in_the_middle() {
    let place = tempfile::tempdir().unwrap();
    contract::restarts_in_the_middle(place.path(), &SERVER);
}

#[test]
fn wrong_password() {
    let place = tempfile::tempdir().unwrap();
    contract::wrong_password(place.path(), &SERVER);
}
