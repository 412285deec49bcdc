//! The contract at a real Kafka, and what is Kafka's own. The server is this test program's child.

mod server;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use self::server::address;
use super::super::contract::contract;
use super::*;

/// Opens a broker whose prefix is made of a folder's name; a process that is another one's part finds the server there too.
fn open(path: &Path) -> Option<Box<dyn Broker>> {
    let note = path.join("kafka");
    if !note.exists() {
        std::fs::write(&note, address()?).unwrap();
    }
    let address = std::fs::read_to_string(&note).unwrap();
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    let options = KafkaOptions::new(&address, &format!("{:016x}", hasher.finish()), "test");
    Some(Box::new(Kafka::new(&options)))
}

contract!(open);
