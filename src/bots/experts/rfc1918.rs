//! Removes what is of no use to anybody outside: addresses, names and systems that are private, reserved or for examples.

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::bots::url::Parts;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{FieldType, Message, Value, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The RFC 1918 expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.rfc1918.expert",
        kind: Kind::Expert,
        summary: "Removes fields, or drops events, that hold special addresses, example domains or documentation ASNs.",
        params: &[
            Param::new(
                "fields",
                ParamKind::List,
                "\"destination.ip,source.ip,source.url\"",
                "Fields to look at in this order, up to the first that is special: those that end in `.ip`, `.url`, \
                 `.fqdn` and `.asn`. Blanks count.",
            ),
            Param::new(
                "policy",
                ParamKind::List,
                "\"del,drop,drop\"",
                "What happens, for each field: `del` removes the field, `drop` drops the event.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// Networks of RFC 6890 and its like, as IntelMQ has them.
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001:db8::/32",
    "fe80::/64",
];

static SPECIAL: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| NETWORKS.iter().filter_map(|network| network.parse().ok()).collect());

/// Domains that are special with all that is below them.
const DOMAINS: &[&str] = &["example.com", "example.net", "example.org"];

/// Top-level domains below which everything is special.
const TOP_LEVEL: &[&str] = &[".test", ".example", ".invalid", ".localhost"];

struct Rfc1918 {
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: FieldKind,
    drop: bool,
}

enum FieldKind {
    Ip,
    Url,
    Fqdn,
    Asn,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let list = |name: &str, default: &str| -> Result<Vec<String>, Failure> {
        let default = || default.split(',').map(str::to_owned).collect();
        Ok(params.list(name, false)?.unwrap_or_else(default))
    };
    let names = list("fields", "destination.ip,source.ip,source.url")?;
    let policies = list("policy", "del,drop,drop")?;
    if names.len() != policies.len() {
        return Err(Failure::Configuration(format!(
            "parameters \"fields\" and \"policy\": must have the same length, not {} and {}; name `del` or `drop` \
             for each field",
            names.len(),
            policies.len()
        )));
    }
    let mut fields = Vec::new();
    for (name, policy) in names.into_iter().zip(policies) {
        let kind = match name.rsplit_once('.').map(|(_, end)| end) {
            Some("ip") => FieldKind::Ip,
            Some("url") => FieldKind::Url,
            Some("fqdn") => FieldKind::Fqdn,
            Some("asn") => FieldKind::Asn,
            _ => continue,
        };
        let drop = match policy.trim().to_lowercase().as_str() {
            "del" => false,
            "drop" => true,
            _ => {
                return Err(Failure::Configuration(format!(
                    "parameter \"policy\": must be `del` or `drop` for {name}, not {policy:?}"
                )));
            }
        };
        fields.push(Field { name, kind, drop });
    }
    Ok(Bot::Expert(Box::new(Rfc1918 { fields })))
}

impl Expert for Rfc1918 {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        for field in &self.fields {
            let Some(value) = event.get(&field.name) else { continue };
            if !field.is_special(value).map_err(Failure::Other)? {
                continue;
            }
            if field.drop {
                context.drop_message(format!("{} {} is special", field.name, python::str(value)));
                return Ok(());
            }
            event.remove(&field.name);
            break;
        }
        context.send(event)
    }
}

impl Field {
    fn is_special(&self, value: &Value) -> Result<bool, String> {
        match (&self.kind, value) {
            (FieldKind::Asn, value) => Ok(value.as_int().is_some_and(is_special_asn)),
            (FieldKind::Ip, value) => address(value).map(is_special_address),
            (FieldKind::Fqdn, Value::Text(name)) => Ok(is_special_domain(name)),
            (FieldKind::Url, Value::Text(url)) => {
                let parts = Parts::of(url);
                let host = Value::from(parts.authority());
                if FieldType::IpAddress.is_valid(&host) {
                    address(&host).map(is_special_address)
                } else {
                    Ok(is_special_domain(parts.authority()))
                }
            }
            (FieldKind::Fqdn | FieldKind::Url, value) => Err(format!("{} is no text", python::repr(value))),
        }
    }
}

fn address(value: &Value) -> Result<IpAddr, String> {
    let found = match value {
        Value::Text(text) => text.split('%').next().and_then(|text| text.parse().ok()),
        Value::Int(number) => u32::try_from(*number).ok().map(|number| IpAddr::from(number.to_be_bytes())),
        _ => None,
    };
    found.ok_or_else(|| format!("{} does not appear to be an IPv4 or IPv6 address", python::repr(value)))
}

fn is_special_address(address: IpAddr) -> bool {
    SPECIAL.iter().any(|network| network.contains(&address))
}

fn is_special_asn(asn: i64) -> bool {
    (64496..=64511).contains(&asn) || (65536..=65551).contains(&asn)
}

fn is_special_domain(name: &str) -> bool {
    let below = |domain: &&str| {
        name.strip_suffix(*domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    DOMAINS.iter().any(below) || TOP_LEVEL.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_one() {
        assert_eq!(SPECIAL.len(), NETWORKS.len());
    }
}
