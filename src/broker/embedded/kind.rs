//! The embedded broker among the others.

use std::sync::Arc;

use super::{Embedded, Options};
use crate::broker::{Broker, BrokerKind, Settings};

/// The embedded broker, which is no server and has no address.
pub(in crate::broker) const KIND: BrokerKind = BrokerKind {
    name: "embedded",
    parameter: "embedded",
    schemes: &[],
    usual: "embedded://",
    ready: true,
    of_side: |side| side.server("embedded"),
    open: |Settings { folder, sync, .. }| {
        let broker = Embedded::open(&folder.join("queues"), Options { sync: *sync })?;
        Ok(Arc::new(broker) as Arc<dyn Broker>)
    },
};
