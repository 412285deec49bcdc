//! IPAddress and IPNetwork.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::number::parse_int;
use super::text::generic_text;
use super::value::Value;

pub(crate) fn is_ip(text: &str) -> bool {
    text != "0.0.0.0" && text.parse::<IpAddr>().is_ok()
}

/// Tells whether this is a valid IPv4 address, which has only one way to be written.
pub(crate) fn is_plain_v4(text: &str) -> bool {
    text != "0.0.0.0" && text.parse::<Ipv4Addr>().is_ok()
}

pub(crate) fn sanitize_ip(value: Value) -> Option<Value> {
    let text = match value {
        Value::Bool(value) => return from_int(&Value::Int(value.into())),
        Value::Int(_) | Value::BigInt(_) => return from_int(&value),
        _ => generic_text(value)?,
    };
    if let Ok(address) = text.parse() {
        return Some(text_of(address));
    }
    if *text == *"0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())) {
        return from_int(&parse_int(&text)?);
    }
    if let Some(address) = single(&text) {
        return Some(text_of(address));
    }
    let (address, _) = text.split_once('%')?;
    address.parse().ok().map(text_of)
}

/// Reads a network that is one address.
fn single(text: &str) -> Option<IpAddr> {
    let network = Network::of(text)?;
    (network.length == bits(network.address)).then_some(network.address)
}

fn from_int(number: &Value) -> Option<Value> {
    let number: u128 = match number {
        Value::Int(number) => u128::try_from(*number).ok()?,
        Value::BigInt(digits) => digits.parse().ok()?,
        _ => return None,
    };
    Some(text_of(match u32::try_from(number) {
        Ok(number) => IpAddr::V4(number.into()),
        Err(_) => IpAddr::V6(number.into()),
    }))
}

fn text_of(address: IpAddr) -> Value {
    Value::from(format_ip(address))
}

/// Writes an address as Python does, which shows an IPv4 address mapped to IPv6 in hexadecimal.
fn format_ip(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let [.., high, low] = v6.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        _ => address.to_string(),
    }
}

pub(crate) fn is_network(text: &str) -> bool {
    Network::of(text).is_some_and(|network| network.cut() == network.address)
}

pub(crate) fn sanitize_network(value: Value) -> Option<Value> {
    let text = generic_text(value)?;
    let network = Network::of(&text)?;
    let first = network.cut();
    let scope = if first == network.address { network.scope } else { "" };
    Some(Value::from(format!("{}{scope}/{}", format_ip(first), network.length)))
}

/// An address and how many of its bits name the network.
struct Network<'a> {
    address: IpAddr,
    length: u8,
    /// The interface of an IPv6 address, with its `%`.
    scope: &'a str,
}

impl<'a> Network<'a> {
    fn of(text: &'a str) -> Option<Network<'a>> {
        let (address, mask) =
            text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
        let (address, scope) = address.split_at(address.find('%').unwrap_or(address.len()));
        let address: IpAddr = address.parse().ok()?;
        if !scope.is_empty() && (address.is_ipv4() || scope.len() == 1 || scope[1..].contains('%')) {
            return None;
        }
        let length = match (address, mask) {
            (_, None) => bits(address),
            (_, Some(mask)) if mask.bytes().all(|b| b.is_ascii_digit()) => mask.parse().ok()?,
            (IpAddr::V4(_), Some(mask)) => mask_length(mask.parse::<Ipv4Addr>().ok()?.into())?,
            (IpAddr::V6(_), Some(_)) => return None,
        };
        (length <= bits(address)).then_some(Network { address, length, scope })
    }

    /// Returns the network's first address.
    fn cut(&self) -> IpAddr {
        let length = u32::from(self.length);
        match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
            }
        }
    }
}

/// Reads a netmask, or a hostmask such as `0.0.0.255`.
fn mask_length(mask: u32) -> Option<u8> {
    let ones = mask.leading_ones();
    if mask.checked_shl(ones).unwrap_or(0) == 0 {
        return Some(ones as u8);
    }
    let zeros = mask.leading_zeros();
    (mask.trailing_ones() == 32 - zeros).then_some(zeros as u8)
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
