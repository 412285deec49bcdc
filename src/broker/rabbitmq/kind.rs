//! RabbitMQ among the other brokers.

use std::sync::Arc;

use super::RabbitMq;
use super::address::{Address, OPTIONS};
use crate::broker::{Broker, BrokerKind, Settings, Side, Url};
use crate::pipeline::ParamError;

/// RabbitMQ, which the runtime file calls by its protocol.
pub(in crate::broker) const KIND: BrokerKind = BrokerKind {
    name: "rabbitmq",
    parameter: "amqp",
    schemes: &["amqp", "amqps"],
    usual: "amqp://127.0.0.1:5672",
    ready: true,
    of_side,
    open: |Settings { url, folder, sync, .. }| {
        let broker = RabbitMq::new(Address::of_url(url)?, folder.join("rabbitmq"), *sync)?;
        Ok(Arc::new(broker) as Arc<dyn Broker>)
    },
};

/// Makes an address of the parameters that IntelMQ has; `…_pipeline_amqp_NAME` is the option NAME of an address.
fn of_side(side: &Side<'_>) -> Result<Url, ParamError> {
    let mut url = side.server(if side.flag("ssl") { "amqps" } else { "amqp" })?;
    if let Some(vhost) = side.text("amqp_virtual_host")? {
        url.path = format!("/{vhost}");
    }
    for option in OPTIONS {
        let name = format!("amqp_{option}");
        if let Some(value) = side.text(&name)? {
            url.options.insert((*option).to_owned(), value);
        }
    }
    Address::of_url(&url).map_err(|error| side.wrong("broker", error.to_string()))?;
    Ok(url)
}
