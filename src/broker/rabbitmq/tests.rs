//! The contract on a real server, and what is RabbitMQ's own.

mod server;

use std::path::Path;

use self::server::LOGIN;
use super::*;
use crate::broker::contract::contract;

/// Returns the address of a place: queues of one place never meet those of another.
fn address(place: &Path) -> Option<Address> {
    let port = server::port(place)?;
    Some(Address {
        host: "127.0.0.1".to_owned(),
        port,
        user: LOGIN.to_owned(),
        password: LOGIN.to_owned(),
        vhost: "/".to_owned(),
        tls: false,
        authorities: None,
        exchange: String::new(),
        kind: QueueKind::Classic,
        prefix: format!("{}.", place.display()),
        prefetch: 1000,
        management: 0,
    })
}

fn open(place: &Path) -> Option<Box<dyn Broker>> {
    let broker = RabbitMq::new(address(place)?, place.join("memory"), SyncMode::Never).unwrap();
    Some(Box::new(broker))
}

contract!(open);
