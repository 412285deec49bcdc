//! IPAddress and IPNetwork.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::number::parse_int;
use super::python::strip;
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
    if let Value::Text(text) = &value
        && text.parse::<Ipv4Addr>().is_ok()
    {
        return Some(value);
    }
    let text = match &value {
        Value::Int(_) | Value::BigInt(_) => return from_int(&value).map(text_of),
        _ => generic_text(value)?,
    };
    if let Ok(address) = text.parse() {
        return Some(text_of(address));
    }
    if let Some(address) = parse_int(&text) {
        return from_int(&address).map(text_of);
    }
    let text = text.split_once('%').map_or(text.as_str(), |(address, _)| address);
    match text.parse() {
        Ok(address) => Some(text_of(address)),
        Err(_) => single(text).map(text_of),
    }
}

/// Reads a network that is one address.
fn single(text: &str) -> Option<IpAddr> {
    let (address, length) = parse_network(text)?;
    (length == bits(address)).then_some(address)
}

fn from_int(number: &Value) -> Option<IpAddr> {
    let number: u128 = match number {
        Value::Int(number) => u128::try_from(*number).ok()?,
        Value::BigInt(digits) => digits.parse().ok()?,
        _ => return None,
    };
    Some(match u32::try_from(number) {
        Ok(number) => IpAddr::V4(number.into()),
        Err(_) => IpAddr::V6(number.into()),
    })
}

fn text_of(address: IpAddr) -> Value {
    Value::Text(format_ip(address))
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
    parse_network(text).is_some_and(|(address, length)| cut(address, length) == address)
}

pub(crate) fn sanitize_network(value: Value) -> Option<Value> {
    let text = generic_text(value)?;
    let (address, length) = parse_network(strip(&text))?;
    let mut out = format_ip(cut(address, length));
    // Writing to a string cannot fail.
    let _ = write!(out, "/{length}");
    Some(Value::Text(out))
}

fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
    let address: IpAddr = address.parse().ok()?;
    let Some(mask) = mask else { return Some((address, bits(address))) };
    let length = match address {
        _ if !mask.is_empty() && mask.bytes().all(|b| b.is_ascii_digit()) => mask.parse().ok()?,
        IpAddr::V4(_) => mask_length(mask.parse::<Ipv4Addr>().ok()?.into())?,
        IpAddr::V6(_) => return None,
    };
    (length <= bits(address)).then_some((address, length))
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

/// Clears the host bits.
fn cut(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}
