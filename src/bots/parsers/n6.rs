//! Messages of CERT Polska's n6 as its stream sends them: one JSON object a report, one event for each address in it.

use super::super::{Bot, BotSpec, Context, Failure, Parser, Progress, Site};
use super::base::{self, Common};
use crate::message::{Add, FieldType, Message, MessageError, Value, json, python};
use crate::pipeline::ParamKind::{Bool, Choice};
use crate::pipeline::{Kind, Param, Params, Spec};

/// What the parser is.
pub(crate) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.parsers.n6.parser_n6stomp",
        kind: Kind::Parser,
        summary: "Turns a message of n6's stream into events: one for each of its addresses, and one more without an address.",
        params: &[
            Param::new(
                "event_without_address",
                Choice(&["always", "needed"]),
                "\"always\"",
                "IntelMQ always sends one more event without the address (`always`); `needed` sends it only for a message \
                 that has no address. Not in IntelMQ.",
            ).ours(),
            Param::new(
                "newer_categories",
                Bool,
                "false",
                "Whether the categories deface, exposed, fraud and scam are known too; IntelMQ fails on each of them. Not in \
                 IntelMQ.",
            ).ours(),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// n6's name, and the field that takes the value as it is.
const PLAIN: &[(&str, &str)] = &[
    ("time", "time.source"),
    ("dip", "destination.ip"),
    ("dport", "destination.port"),
    ("sport", "source.port"),
    ("md5", "malware.hash.md5"),
    ("sha1", "malware.hash.sha1"),
    ("url", "source.url"),
    ("proto", "protocol.transport"),
    ("id", "extra.feed_id"),
    ("adip", "extra.adip"),
    ("confidence", "extra.confidence"),
    ("source", "extra.feed_source"),
];

/// What an entry of the list of addresses gives.
const ADDRESS: &[(&str, &str)] = &[
    ("ip", "source.ip"),
    ("asn", "source.asn"),
    ("cc", "source.geolocation.cc"),
    ("rdns", "source.reverse_dns"),
];

/// Category, taxonomy, type, identifier; `*` is the message's `name`.
const CATEGORIES: &[[&str; 4]] = &[
    ["amplifier", "vulnerable", "vulnerable-system", "amplifier"],
    ["backdoor", "intrusions", "system-compromise", "hacked server"],
    ["bots", "malicious-code", "infected-system", "*"],
    ["cnc", "malicious-code", "c2-server", "c&c server"],
    ["dns-query", "other", "other", "dns-query"],
    ["dos-attacker", "availability", "ddos", "dos-attacker"],
    ["dos-victim", "availability", "ddos", "dos-victim"],
    ["flow", "other", "other", "flow"],
    ["flow-anomaly", "other", "other", "flow-anomaly"],
    // No type that IntelMQ knows: the message fails there, and here.
    ["fraud", "fraud", "account numbers", "fraud"],
    ["leak", "information-content-security", "data-leak", "leak"],
    ["malurl", "malicious-code", "exploit", "malurl"],
    ["malware-action", "malicious-code", "malware-configuration", "malware-configuration"],
    ["other", "other", "other", "other"],
    ["phish", "fraud", "phishing", "phishing"],
    ["proxy", "other", "proxy", "openproxy"],
    ["sandbox-url", "malicious-code", "infected-system", "sandboxurl"],
    ["scanning", "information-gathering", "scanner", "scanning"],
    ["server-exploit", "malicious-code", "exploit", "server-exploit"],
    ["spam", "abusive-content", "spam", "spam"],
    ["spam-url", "abusive-content", "spam", "spam-url"],
    ["tor", "other", "tor", "tor exit node"],
    ["vulnerable", "vulnerable", "other", "vulnerable"],
    ["webinject", "malicious-code", "malware-distribution", "malware"],
];

/// Those that IntelMQ fails on.
const NEWER_CATEGORIES: &[[&str; 4]] = &[
    ["deface", "information-content-security", "unauthorised-information-modification", "deface"],
    ["exposed", "vulnerable", "potentially-unwanted-accessible", "exposed"],
    ["fraud", "fraud", "unauthorized-use-of-resources", "fraud"],
    ["scam", "fraud", "masquerade", "scam"],
];

struct N6 {
    common: Common,
    always_without_address: bool,
    newer_categories: bool,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let without = params.text("event_without_address")?;
    Ok(Bot::Parser(Box::new(N6 {
        common: Common::new(params, site)?,
        always_without_address: without.is_none_or(|when| when == "always"),
        newer_categories: params.flag("newer_categories"),
    })))
}

impl Parser for N6 {
    fn parse(&mut self, report: &Message, _from: u64, context: &mut Context) -> Result<Progress, Failure> {
        let text = base::whole_text(report)?;
        if text.contains("TEST MESSAGE") {
            context.drop_message("a test message of n6");
            return Ok(Progress::Done);
        }
        let object = base::object(&text)?;
        let start = self.start(report, &object)?;
        let mut addresses = 0;
        for address in addresses_of(&object)? {
            if address.get("ip").is_none() {
                return Err(Failure::other("an entry of \"address\" has no \"ip\""));
            }
            let mut event = start.clone();
            fill(&mut event, address, ADDRESS)?;
            context.send(event)?;
            addresses += 1;
        }
        if addresses == 0 || self.always_without_address {
            context.send(start)?;
        }
        Ok(Progress::Done)
    }
}

impl N6 {
    /// Makes what all events of a message have.
    fn start(&self, report: &Message, object: &Value) -> Result<Message, Failure> {
        let mut event = self.common.event(report);
        event.add_with("raw", report.get("raw").cloned().unwrap_or(Value::Null), Add::RAW)?;
        fill(&mut event, object, PLAIN)?;
        match object.get("fqdn") {
            Some(name) if name.as_str() != Some("unknown") => {
                event.add("source.fqdn", name.clone())?;
            }
            _ => {}
        }
        if let Some(expires) = object.get("expires")
            && let Ok(Some(moment)) = FieldType::DateTime.sanitize(expires)
        {
            event.add("extra.expires", moment)?;
        }
        if let Some(name) = object.get("name") {
            add_name(&mut event, name)?;
        }
        self.classify(&mut event, object)?;
        Ok(event)
    }

    fn classify(&self, event: &mut Message, object: &Value) -> Result<(), Failure> {
        let kind = object.get("type").ok_or_else(|| Failure::other("the message has no \"type\""))?;
        if kind.as_str() == Some("bl-update") {
            event.add("classification.taxonomy", "other")?;
            event.add("classification.type", "blacklist")?;
            return Ok(());
        }
        let category =
            object.get("category").ok_or_else(|| Failure::other("the message has no \"category\""))?;
        if *category == Value::Null {
            return Ok(());
        }
        let newer = if self.newer_categories { NEWER_CATEGORIES } else { &[] };
        let mut known = newer.iter().chain(CATEGORIES);
        let Some([_, taxonomy, kind, identifier]) = known.find(|row| category.as_str() == Some(row[0]))
        else {
            return Err(Failure::Other(format!("the category {} is not known", python::repr(category))));
        };
        event.add("classification.taxonomy", *taxonomy)?;
        event.add("classification.type", *kind)?;
        let identifier = match *identifier {
            "*" => object.get("name").cloned().unwrap_or_else(|| Value::from("malware-generic")),
            text => Value::from(text),
        };
        event.add("classification.identifier", identifier)?;
        Ok(())
    }
}

fn fill(event: &mut Message, object: &Value, fields: &[(&str, &str)]) -> Result<(), MessageError> {
    for (name, field) in fields {
        if let Some(value) = object.get(name) {
            event.add(field, value.clone())?;
        }
    }
    Ok(())
}

/// Adds the malware's name: its ASCII letters, and the whole text beside it if there were others.
fn add_name(event: &mut Message, name: &Value) -> Result<(), Failure> {
    match (event.add("malware.name", name.clone()), name.as_str()) {
        (Ok(_), _) => {}
        (Err(MessageError::InvalidValue { .. }), Some(text)) => {
            let ascii: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
            event.add("malware.name", ascii)?;
            event.add("event_description.text", text)?;
        }
        (Err(error), Some(_)) => return Err(error.into()),
        (Err(_), None) => {
            return Err(Failure::Other(format!("\"name\" must be a text, not {}", python::repr(name))));
        }
    }
    Ok(())
}

fn addresses_of(object: &Value) -> Result<&[Value], Failure> {
    match object.get("address") {
        None => Ok(&[]),
        Some(Value::List(addresses)) => Ok(addresses),
        Some(Value::Map(items)) if items.is_empty() => Ok(&[]),
        Some(Value::Text(text)) if text.is_empty() => Ok(&[]),
        Some(other) => {
            let shown = json::to_text(other, false, false);
            Err(Failure::Other(format!("\"address\" must be a list of objects, not {shown}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::super::trial::Trial;
    use crate::message::{Idf, Message};

    /// Parses a message; returns each event's address, type and identifier, or the failure.
    fn parse(params: &Json, message: &Json) -> Result<Vec<[String; 3]>, String> {
        let idf = Idf::builtin();
        let mut report = Message::report(&idf);
        report.add("raw", message.to_string()).unwrap();
        let outcome =
            Trial::new("intelmq.bots.parsers.n6.parser_n6stomp", params, &idf).unwrap().feed(&report);
        if let Some(failure) = outcome.failure {
            return Err(failure.to_string());
        }
        let show = |event: &Message| {
            ["source.ip", "classification.type", "classification.identifier"]
                .map(|name| event.text(name).unwrap_or_default().to_owned())
        };
        Ok(outcome.sent.iter().map(|(_, event)| show(event)).collect())
    }

    fn told(rows: &[[&str; 3]]) -> Vec<[String; 3]> {
        rows.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn the_event_without_an_address_may_be_left_out() {
        let needed = json!({"event_without_address": "needed"});
        let message = json!({"type": "event", "category": "cnc", "address": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}]});
        let cnc = |ip| [ip, "c2-server", "c&c server"];
        assert_eq!(parse(&json!({}), &message), Ok(told(&[cnc("192.0.2.1"), cnc("192.0.2.2"), cnc("")])));
        assert_eq!(parse(&needed, &message), Ok(told(&[cnc("192.0.2.1"), cnc("192.0.2.2")])));
        for none in [json!([]), json!({}), json!("")] {
            let message = json!({"type": "event", "category": "cnc", "address": none});
            assert_eq!(parse(&needed, &message), Ok(told(&[cnc("")])));
        }
    }

    #[test]
    fn newer_categories_are_taken_if_one_wants() {
        let table = [
            ("deface", "unauthorised-information-modification"),
            ("exposed", "potentially-unwanted-accessible"),
            ("fraud", "unauthorized-use-of-resources"),
            ("scam", "masquerade"),
        ];
        for (category, kind) in table {
            let message = json!({"type": "event", "category": category});
            assert!(parse(&json!({}), &message).is_err(), "{category}");
            assert_eq!(
                parse(&json!({"newer_categories": true}), &message),
                Ok(told(&[["", kind, category]]))
            );
        }
    }
}
