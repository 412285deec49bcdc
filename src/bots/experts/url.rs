//! Takes URLs apart: host, port, path, user and protocol become fields of their own.

use crate::bots::url::Parts;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, FieldType, Key, Message, MessageError, Value};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The URL expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.url.expert",
        kind: Kind::Expert,
        summary: "Takes source.url and destination.url apart into IP address or name, port, path, account and protocol.",
        params: &[
            Param::new("overwrite", ParamKind::Bool, "false", "Replaces fields that are there already."),
            Param::new(
                "skip_fields",
                ParamKind::Any,
                "null",
                "List of fields that are never set, such as `source.port` or `protocol.transport`.",
            ),
            Param::new(
                "ignore_invalid_port",
                ParamKind::Bool,
                "false",
                "Ours, IntelMQ has no such parameter: a URL with a port that is no number up to 65535 sets all \
                 fields but the port. Without it the event fails, as it does in IntelMQ.",
            )
            .ours(),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// What a scheme says: default port and transport protocol.
const SCHEMES: &[(&str, i64, &str)] = &[
    ("http", 80, "tcp"),
    ("https", 443, ""),
    ("ftp", 21, "tcp"),
    ("sftp", 22, "tcp"),
    ("ssh", 22, "tcp"),
    ("tftp", 69, "udp"),
    ("ws", 80, "tcp"),
    ("wss", 443, "tcp"),
];

struct Url {
    ends: [End; 2],
    application: Option<Key>,
    transport: Option<Key>,
    how: Add,
    ignore_invalid_port: bool,
}

/// The fields of one end; those to be skipped are `None`.
struct End {
    url: Key,
    ip: Option<Key>,
    fqdn: Option<Key>,
    port: Option<Key>,
    path: Option<Key>,
    account: Option<Key>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let skip = Skip::of(params)?;
    let key = |name: &str| if skip.has(name) { Ok(None) } else { site.event_key(name).map(Some) };
    let end = |end: &str| {
        Ok::<_, Failure>(End {
            url: site.event_key(&format!("{end}.url"))?,
            ip: key(&format!("{end}.ip"))?,
            fqdn: key(&format!("{end}.fqdn"))?,
            port: key(&format!("{end}.port"))?,
            path: key(&format!("{end}.urlpath"))?,
            account: key(&format!("{end}.account"))?,
        })
    };
    Ok(Bot::Expert(Box::new(Url {
        ends: [end("source")?, end("destination")?],
        application: key("protocol.application")?,
        transport: key("protocol.transport")?,
        how: Add { sanitize: true, overwrite: Some(params.flag("overwrite")) },
        ignore_invalid_port: params.flag("ignore_invalid_port"),
    })))
}

/// Python's `name in skip_fields`: of a list, the keys of a mapping, or a part of a text.
enum Skip {
    Names(Vec<String>),
    Text(String),
}

impl Skip {
    fn of(params: &Params) -> Result<Skip, Failure> {
        use serde_json::Value as Json;
        Ok(match params.get("skip_fields") {
            None => Skip::Names(Vec::new()),
            Some(Json::String(text)) => Skip::Text(text.clone()),
            Some(Json::Object(map)) => Skip::Names(map.keys().cloned().collect()),
            Some(_) => Skip::Names(params.list("skip_fields", false)?.unwrap_or_default()),
        })
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Skip::Names(names) => names.iter().any(|skipped| skipped == name),
            Skip::Text(text) => text.contains(name),
        }
    }
}

impl Expert for Url {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        let mut protocol_known = false;
        for end in &self.ends {
            let Some(Value::Text(url)) = event.get_key(&end.url).cloned() else { continue };
            let parts = Parts::of(&url);
            let scheme = SCHEMES.iter().find(|(name, ..)| *name == parts.scheme);
            self.add_host(&mut event, end, &parts)?;
            let port = match parts.port() {
                Ok(port) => port.filter(|port| *port != 0).map(i64::from),
                Err(_) if self.ignore_invalid_port => None,
                Err(problem) => return Err(Failure::Other(format!("{url:?}: {problem}"))),
            };
            let port = port.or(scheme.map(|(_, port, _)| *port));
            self.add(&mut event, end.port.as_ref(), port)?;
            self.add(&mut event, end.path.as_ref(), not_empty(&parts.path))?;
            self.add(&mut event, end.account.as_ref(), not_empty(parts.user().trim()))?;
            if !protocol_known {
                let application = if parts.scheme == "https" { "http" } else { &*parts.scheme };
                let transport = scheme.map_or("", |(_, _, transport)| *transport);
                protocol_known = self.add(&mut event, self.application.as_ref(), not_empty(application))?
                    | self.add(&mut event, self.transport.as_ref(), not_empty(transport))?;
            }
        }
        context.send(event)
    }
}

impl Url {
    /// Adds a field unless it is to be skipped or there is no value; tells whether there was something to add.
    fn add(
        &self,
        event: &mut Message,
        key: Option<&Key>,
        value: Option<impl Into<Value>>,
    ) -> Result<bool, Failure> {
        let (Some(key), Some(value)) = (key, value) else { return Ok(false) };
        event.add_key(key, value.into(), self.how)?;
        Ok(true)
    }

    /// Adds the host as an address or as a name; a host that is neither is left out.
    fn add_host(&self, event: &mut Message, end: &End, parts: &Parts) -> Result<(), Failure> {
        let host = parts.host();
        if host.is_empty() {
            return Ok(());
        }
        let is_name = is_plain_name(&host);
        let host = Value::from(host);
        let address = if is_name { None } else { FieldType::IpAddress.sanitize(&host).ok().flatten() };
        if let Some(address) = address.filter(|address| FieldType::IpAddress.is_valid(address)) {
            self.add(event, end.ip.as_ref(), Some(address))?;
        } else if let Some(fqdn) = &end.fqdn {
            match event.add_key(fqdn, host, self.how) {
                Ok(_) | Err(MessageError::InvalidValue { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Tells, cheaply, that a host is no address in whatever form.
fn is_plain_name(host: &str) -> bool {
    host.ends_with(|last: char| last.is_ascii_alphabetic())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

fn not_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
