//! What every report of a collector says about its feed.

use crate::bots::{Context, Failure, Site};
use crate::message::{Add, Key, Message, MessageType, Value};
use crate::pipeline::Params;

/// Parameters and the fields they become, in IntelMQ's order.
const FIELDS: &[(&str, &str)] = &[
    ("name", "feed.name"),
    ("code", "feed.code"),
    ("documentation", "feed.documentation"),
    ("provider", "feed.provider"),
    ("accuracy", "feed.accuracy"),
];

/// The feed's fields, ready to be added.
///
/// A collector whose parameters have no `name` uses its display name, so that `feed.name` is never what nobody wrote,
/// but may be what nobody meant: IntelMQ keeps both under one name.
pub(crate) struct Feed {
    fields: Vec<(Key, Value)>,
}

impl Feed {
    /// Reads the parameters; empty ones and an accuracy of 0 add nothing, as in IntelMQ.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Feed, Failure> {
        let mut trial = Message::report(&site.idf);
        let mut fields = Vec::new();
        for (param, field) in FIELDS {
            let default = if *param == "accuracy" { Some(Value::Int(100)) } else { None };
            let value = params.get(param).cloned().map(Value::from).or(default);
            let Some(value) = value.filter(Value::is_truthy) else { continue };
            let refused = |error| Failure::Configuration(format!("parameter {param:?}: {error}"));
            let key = site.idf.key(MessageType::Report, field).map_err(refused)?;
            if trial.add_key(&key, value, Add::default()).map_err(refused)? {
                let value = trial.get_key(&key).cloned().unwrap_or(Value::Null);
                fields.push((key, value));
            }
        }
        Ok(Feed { fields })
    }

    /// Adds the feed's fields to a report and sends it.
    pub(crate) fn send(&self, mut report: Message, context: &mut Context) -> Result<(), Failure> {
        for (key, value) in &self.fields {
            report.add_key(key, value.clone(), Add::RAW)?;
        }
        context.send(report)
    }
}
