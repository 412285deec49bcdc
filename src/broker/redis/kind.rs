//! Redis among the brokers: its addresses, and the parameters of IntelMQ that name it.

use std::sync::Arc;

use super::Redis;
use crate::broker::{Broker, BrokerKind, Side, Url};
use crate::pipeline::ParamError;

/// Redis.
pub(in crate::broker) const KIND: BrokerKind = BrokerKind {
    name: "redis",
    parameter: "redis",
    schemes: &["redis", "rediss", "redis+unix"],
    usual: "redis://127.0.0.1:6379/2",
    ready: true,
    of_side,
    open: |settings| Ok(Arc::new(Redis::open(&settings.url)?) as Arc<dyn Broker>),
};

/// Makes an address of host (which may be the path of a socket), port, database and password.
fn of_side(side: &Side<'_>) -> Result<Url, ParamError> {
    let database = side.int("db")?.unwrap_or(2);
    let mut url = side.server(if side.flag("ssl") { "rediss" } else { "redis" })?;
    let host = url.host().0.to_owned();
    let path = host.strip_prefix("unix://").unwrap_or(&host);
    if path.starts_with('/') {
        "redis+unix".clone_into(&mut url.scheme);
        url.hosts.clear();
        path.clone_into(&mut url.path);
        url.options.insert("db".to_owned(), database.to_string());
    } else {
        url.path = format!("/{database}");
    }
    if let Some(timeout) = side.text("socket_timeout")?.and_then(|text| text.parse::<f64>().ok()) {
        url.options.insert("timeout".to_owned(), format!("{:.0}", timeout.ceil()));
    }
    Ok(url)
}
