//! URLs, split as Python's `urllib.parse.urlsplit` does.

use std::net::Ipv6Addr;

use unicode_normalization::UnicodeNormalization as _;

use super::kind::Raised;
use super::python::{is_space, strip};
use super::text::generic_text;
use super::value::Value;

pub(crate) fn sanitize(value: Value) -> Result<Option<Value>, Raised> {
    let Some(mut text) = generic_text(value) else { return Ok(None) };
    if text.contains("hxxp") {
        text = text.replace("hxxp://", "http://").replace("hxxps://", "https://");
    }
    if let Some(path) = text.strip_prefix("file:///") {
        text = format!("file://localhost/{path}");
    }
    Ok((!host_part(&text)?.is_empty()).then_some(Value::Text(text)))
}

/// Tells, cheaply, whether an address is valid and needs no change.
pub(crate) fn is_clean(text: &str) -> bool {
    strip(text).len() == text.len()
        && !text.contains("hxxp")
        && !text.starts_with("file:///")
        && check(text) == Ok(true)
}

pub(crate) fn check(text: &str) -> Result<bool, Raised> {
    if text.starts_with(is_space) {
        return Ok(false);
    }
    Ok(!host_part(text)?.is_empty())
}

/// Returns what stands between `//` and the path, without what Python drops from an address first.
pub(crate) fn host_part(text: &str) -> Result<std::borrow::Cow<'_, str>, Raised> {
    use std::borrow::Cow;

    let text = text.trim_start_matches(|c: char| c <= ' ');
    let text = if text.contains(['\t', '\r', '\n']) {
        Cow::Owned(text.replace(['\t', '\r', '\n'], ""))
    } else {
        Cow::Borrowed(text)
    };
    let host = authority(&text)?;
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(authority(text)?),
        Cow::Owned(_) => Cow::Owned(host.to_owned()),
    })
}

fn authority(text: &str) -> Result<&str, Raised> {
    let rest = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => text,
    };
    let Some(rest) = rest.strip_prefix("//") else { return Ok("") };
    let host = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    check_brackets(host)?;
    check_characters(host)?;
    Ok(host)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn check_brackets(host: &str) -> Result<(), Raised> {
    match (host.split_once('['), host.contains(']')) {
        (None, false) => Ok(()),
        (Some((_, rest)), true) => {
            let inner = rest.split_once(']').map_or(rest, |(inner, _)| inner);
            let future = inner.strip_prefix('v').is_some_and(is_future);
            let address = inner.split_once('%').map_or(inner, |(address, _)| address);
            if future || address.parse::<Ipv6Addr>().is_ok() {
                Ok(())
            } else {
                Err(Raised("Invalid IPv6 URL"))
            }
        }
        _ => Err(Raised("Invalid IPv6 URL")),
    }
}

/// The rest of a future version of IP addresses: `1.fe80`.
fn is_future(text: &str) -> bool {
    text.split_once('.').is_some_and(|(version, address)| {
        !version.is_empty()
            && version.bytes().all(|b| b.is_ascii_hexdigit())
            && !address.is_empty()
            && address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&b))
    })
}

/// Refuses characters that turn into delimiters when they are normalised.
fn check_characters(host: &str) -> Result<(), Raised> {
    if host.is_ascii() {
        return Ok(());
    }
    let plain: String = host.chars().filter(|c| !matches!(c, '@' | ':' | '#' | '?')).collect();
    let normal: String = plain.nfkc().collect();
    if normal != plain && normal.contains(['/', '?', '#', '@', ':']) {
        return Err(Raised("netloc contains invalid characters under NFKC normalization"));
    }
    Ok(())
}
