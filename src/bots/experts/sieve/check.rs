//! What is checked when a file is read: fields that fit what is asked of them, and values that can be read.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::moment::Moment;
use super::parse::{Parsed, Parser};
use super::syntax::{Name, Operand};
use crate::bots::experts::filter::age;
use crate::diagnostic::suggest;
use crate::message::{FieldType, MessageType, Value};

/// Returns what the data format says of a field.
fn kind(parser: &Parser<'_>, name: &Name) -> Option<FieldType> {
    let Name::Field(name) = name else { return None };
    let key = parser.idf.key(MessageType::Event, name).ok()?;
    // `extra.x` has no type of its own.
    let field = parser.idf.field(MessageType::Event, &key)?;
    (&*field.name == name).then_some(field.kind)
}

/// Refuses a comparison with a number where the data format has none.
pub(super) fn number(parser: &Parser<'_>, start: usize, name: &Name) -> Parsed<()> {
    match kind(parser, name) {
        Some(FieldType::Integer | FieldType::Float | FieldType::Accuracy | FieldType::Asn) => Ok(()),
        _ => Err(parser.refused(
            start,
            format!(
                "{name} cannot be compared with a number: the data format does not have it as one; compare its text \
                 instead, as in {name} :contains '5'"
            ),
        )),
    }
}

/// Refuses a text that an address cannot be.
pub(super) fn text(parser: &Parser<'_>, start: usize, name: &Name, texts: &[String]) -> Parsed<()> {
    if kind(parser, name) != Some(FieldType::IpAddress) {
        return Ok(());
    }
    match texts.iter().find(|text| !FieldType::IpAddress.is_valid(&Value::from((*text).clone()))) {
        None => Ok(()),
        Some(text) => Err(parser.refused(
            start,
            format!("{name} is an address, which {text:?} is not; use << with a network for a part of one"),
        )),
    }
}

/// Reads a network; bits behind its length are taken away.
pub(super) fn network(parser: &Parser<'_>, start: usize, text: &str) -> Parsed<IpNet> {
    let masked = || {
        let (address, mask) = text.split_once('/')?;
        let (address, mask): (Ipv4Addr, Ipv4Addr) = (address.parse().ok()?, mask.parse().ok()?);
        let net = Ipv4Net::with_netmask(address, mask)
            .or_else(|_| Ipv4Net::with_netmask(address, Ipv4Addr::from_bits(!mask.to_bits())));
        net.ok().map(IpNet::V4)
    };
    let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
    match text.parse().ok().or_else(single).or_else(masked) {
        Some(network) => Ok(network.trunc()),
        None => Err(parser
            .refused(start, format!("{text:?} is no network; write one as 192.0.2.0/24 or 2001:db8::/32"))),
    }
}

/// Reads what an event's time is compared with.
pub(super) fn moment(parser: &Parser<'_>, start: usize, text: &str) -> Parsed<Moment> {
    Moment::parse(text).ok_or_else(|| {
        let help = "write 2026-03-01T12:00:00+00:00, or an age such as '2 days'";
        parser.refused(start, format!("{text:?} is no moment; {help}"))
    })
}

/// Reads how far a time is shifted, in seconds.
pub(super) fn span(parser: &Parser<'_>, start: usize, value: &Operand) -> Parsed<i64> {
    match value {
        Operand::Value(Value::Text(text)) => age(text.trim()),
        _ => None,
    }
    .ok_or_else(|| {
        parser.refused(start, "a time is shifted by a number and a unit, such as '2 hours'".to_owned())
    })
}

/// Refuses to set a field that events cannot have.
pub(super) fn settable(parser: &Parser<'_>, start: usize, field: &str) -> Parsed<()> {
    if parser.idf.key(MessageType::Event, field).is_ok() {
        return Ok(());
    }
    let near = suggest(field, parser.idf.fields(MessageType::Event).map(|spec| &*spec.name));
    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
    Err(parser.refused(start, format!("the data format has no field {field:?} for events{near}")))
}
