//! Shodan's banners: one JSON object a report, which tells one service on one port at one time.

mod mapping;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::mapping::Mapping;
use super::super::{Bot, BotSpec, Context, Failure, Parser, Progress, Site};
use super::base::{self, Common};
use crate::message::{Add, Message, Value};
use crate::pipeline::ParamKind::Bool;
use crate::pipeline::{Kind, Param, Params, Spec};

/// What the parser is.
pub(crate) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.parsers.shodan.parser",
        kind: Kind::Parser,
        summary: "Turns a banner of Shodan into an event.",
        params: &[
            Param::new(
                "minimal_mode",
                Bool,
                "false",
                "Whether only a few fields are mapped and the whole banner is kept as `extra.shodan`; the identifier is \
                 `network-scan` then, not `shodan-scan`.",
            ),
            Param::new("ignore_errors", Bool, "true", "Known and without any effect, as in IntelMQ 3.5."),
            Param::new(
                "repaired_mapping",
                Bool,
                "false",
                "Whether organisations in certificates go to `….o` (IntelMQ puts them where the country is), and product, \
                 version and the like of AMQP are taken from where RabbitMQ has them. Not in IntelMQ.",
            ).ours(),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// Names that nearly every banner has; all others are told in `extra.shodan.unique_keys`.
const COMMON: [&str; 21] = [
    "_id",
    "_shodan",
    "asn",
    "data",
    "device",
    "devicetype",
    "domains",
    "hash",
    "hostnames",
    "html",
    "ip",
    "ip_str",
    "isp",
    "location",
    "opts",
    "org",
    "os",
    "port",
    "tags",
    "timestamp",
    "transport",
];

/// Modules that are named as their protocol is. If a banner has several, the first of these counts; with IntelMQ it is chance.
const PROTOCOLS: [&str; 26] = [
    "ftp",
    "http",
    "isakmp",
    "afp",
    "bgp",
    "coap",
    "dns",
    "ethernetip",
    "hp_ilo",
    "iscsi",
    "knx",
    "lantronix",
    "minecraft",
    "mqtt",
    "msrpc",
    "netbios",
    "ntp",
    "redis",
    "rip",
    "rsync",
    "smb",
    "snmp",
    "ssh",
    "telnet",
    "unitronics_pcom",
    "upnp",
];

/// What minimal mode takes, each only if Python calls it true.
const MINIMAL: [(&str, &str); 8] = [
    ("ip_str", "source.ip"),
    ("asn", "source.asn"),
    ("port", "source.port"),
    ("transport", "protocol.transport"),
    ("org", "event_description.target"),
    ("data", "extra.data"),
    ("title", "extra.html_title"),
    ("tags", "extra.tags"),
];

struct Shodan {
    common: Common,
    /// Minimal mode has none.
    mapping: Option<Mapping>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let mapping = if params.flag("minimal_mode") {
        None
    } else {
        Some(Mapping::builtin(params.flag("repaired_mapping"))?)
    };
    Ok(Bot::Parser(Box::new(Shodan { common: Common::new(params, site)?, mapping })))
}

impl Parser for Shodan {
    fn parse(&mut self, report: &Message, _from: u64, context: &mut Context) -> Result<Progress, Failure> {
        let text = base::whole_text(report)?;
        let banner = base::object(&text)?;
        let mut event = self.common.event(report);
        // Not the report's own: bytes that are no text are left out.
        event.add_with("raw", Value::from(STANDARD.encode(&text)), Add::RAW)?;
        match &self.mapping {
            Some(mapping) => full(mapping, &banner, &mut event)?,
            None => minimal(banner, &mut event)?,
        }
        context.send(event)?;
        Ok(Progress::Done)
    }
}

fn full(mapping: &Mapping, banner: &Value, event: &mut Message) -> Result<(), Failure> {
    mapping.apply(banner, event)?;
    event.add("classification.type", "other")?;
    event.add("classification.identifier", "shodan-scan")?;
    let Value::Map(items) = banner else { return Ok(()) };
    let mut unique: Vec<&String> =
        items.iter().map(|(key, _)| key).filter(|key| !COMMON.contains(&key.as_str())).collect();
    unique.sort_unstable();
    event.add("extra.shodan.unique_keys", Value::List(unique.into_iter().map(Value::from).collect()))?;
    if let Some(protocol) = PROTOCOLS.into_iter().find(|name| banner.get(name).is_some()) {
        event.add("protocol.application", protocol)?;
    }
    if let Some(Value::List(vulnerabilities)) = event.get("extra.vulns") {
        let verified = verified(vulnerabilities)?;
        event.add("extra.verified_vulns", verified)?;
    }
    Ok(())
}

/// Returns the identifiers of the vulnerabilities that were seen, not only guessed by a version.
fn verified(vulnerabilities: &[Value]) -> Result<Value, Failure> {
    let mut verified = Vec::new();
    for entry in vulnerabilities {
        let identifier = entry.get("identifier").cloned().unwrap_or(Value::Null);
        match entry.get("verified") {
            Some(is) if is.is_truthy() => verified.push(identifier),
            Some(_) => {}
            None => {
                let name = identifier.as_str().unwrap_or_default();
                return Err(Failure::Other(format!(
                    "the banner's vulns.{name} does not say whether it is \"verified\""
                )));
            }
        }
    }
    Ok(Value::List(verified))
}

fn minimal(banner: Value, event: &mut Message) -> Result<(), Failure> {
    for (name, field) in MINIMAL {
        if let Some(value) = banner.get(name).filter(|value| value.is_truthy()) {
            event.add(field, value.clone())?;
        }
    }
    match banner.get("location") {
        None => {}
        Some(location @ Value::Map(_)) => {
            if let Some(country) = location.get("country_code").filter(|value| value.is_truthy()) {
                event.add("source.geolocation.cc", country.clone())?;
            }
        }
        Some(_) => return Err(Failure::other("the banner's location must be an object")),
    }
    let timestamp = banner.get("timestamp").and_then(Value::as_str);
    let timestamp =
        timestamp.ok_or_else(|| Failure::other("the banner must have a text as \"timestamp\""))?;
    event.add("time.source", format!("{timestamp}+00"))?;
    event.add("classification.type", "other")?;
    event.add("classification.identifier", "network-scan")?;
    event.add("extra.shodan", banner)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::super::trial::Trial;
    use super::mapping::Mapping;
    use crate::message::{Idf, Message};

    fn event(params: &Json, banner: &Json) -> Message {
        let idf = Idf::builtin();
        let mut report = Message::report(&idf);
        report.add("raw", banner.to_string()).unwrap();
        let mut outcome =
            Trial::new("intelmq.bots.parsers.shodan.parser", params, &idf).unwrap().feed(&report);
        assert!(outcome.failure.is_none() && outcome.sent.len() == 1, "{outcome:?}");
        outcome.sent.remove(0).1
    }

    #[test]
    fn the_mapping_is_read_whole() {
        assert_eq!(Mapping::builtin(false).unwrap().leaves(), 243);
        assert_eq!(Mapping::builtin(true).unwrap().leaves(), 248);
    }

    #[test]
    fn the_repaired_mapping_keeps_country_and_organisation_apart() {
        let subject = json!({"C": "AT", "O": "Example", "CN": "www.example.com"});
        let banner = json!({
            "ssl": {"cert": {"subject": subject}},
            "opts": {"amqp": {"server_properties": {"product": "RabbitMQ", "capabilities": {}}}},
        });
        let as_intelmq = event(&json!({}), &banner);
        assert_eq!(as_intelmq.text("extra.ssl.cert.subject.c"), Some("AT"));
        assert!(
            !as_intelmq.contains("extra.ssl.cert.subject.o") && !as_intelmq.contains("extra.amqp.product")
        );
        let repaired = event(&json!({"repaired_mapping": true}), &banner);
        assert_eq!(repaired.text("extra.ssl.cert.subject.c"), Some("AT"));
        assert_eq!(repaired.text("extra.ssl.cert.subject.o"), Some("Example"));
        assert_eq!(repaired.text("extra.amqp.product"), Some("RabbitMQ"));
    }

    #[test]
    fn of_several_protocols_the_first_that_is_known_counts() {
        let banner = json!({"upnp": {}, "http": {}, "ssh": {}});
        assert_eq!(event(&json!({}), &banner).text("protocol.application"), Some("http"));
    }
}
