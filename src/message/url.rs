//! URLs, split as Python's `urllib.parse.urlsplit` does.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use unicode_normalization::UnicodeNormalization as _;

use super::kind::Raised;
use super::python::strip;
use super::text::generic_text;
use super::value::Value;

pub(crate) fn sanitize(value: Value) -> Result<Option<Value>, Raised> {
    let Some(mut text) = generic_text(value) else { return Ok(None) };
    if text.contains("hxxp") {
        text = text.replace("hxxp://", "http://").replace("hxxps://", "https://").into();
    }
    let cleaned = clean(&text);
    let split = Split::of(&cleaned)?;
    if split.scheme.eq_ignore_ascii_case("file") && split.host.is_empty() {
        return Ok(Some(Value::from(split.on_localhost())));
    }
    Ok((!split.host.is_empty()).then_some(Value::Text(text)))
}

/// Tells, cheaply, whether an address is valid and needs no change.
pub(crate) fn is_clean(text: &str) -> bool {
    strip(text).len() == text.len() && !text.contains("hxxp") && check(text) == Ok(true)
}

pub(crate) fn check(text: &str) -> Result<bool, Raised> {
    if has_usual_host(text) {
        return Ok(true);
    }
    Ok(!text.starts_with([' ', '\t', '\n', '\u{b}', '\u{c}', '\r'])
        && !Split::of(&clean(text))?.host.is_empty())
}

/// Tells, cheaply, whether an address begins as nearly all do.
fn has_usual_host(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return false;
    };
    let usual = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'_');
    match rest.bytes().position(|b| !usual(&b)) {
        None => !rest.is_empty(),
        Some(end) => end > 0 && matches!(rest.as_bytes().get(end), Some(b'/' | b'?' | b'#')),
    }
}

/// Drops what Python drops before it looks at an address.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim_start_matches(|c: char| c <= ' ');
    if text.bytes().fold(false, |found, b| found | matches!(b, b'\t' | b'\r' | b'\n')) {
        Cow::Owned(text.replace(['\t', '\r', '\n'], ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// The parts of an address; see [`clean`] for what must come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split<'a> {
    /// What stands before the colon, as it is written.
    pub(crate) scheme: &'a str,
    /// What stands between `//` and the path: user, host and port.
    pub(crate) host: &'a str,
    /// The path.
    pub(crate) path: &'a str,
    /// What follows `?`.
    pub(crate) query: &'a str,
    /// What follows `#`.
    pub(crate) fragment: &'a str,
}

impl<'a> Split<'a> {
    /// Splits an address; an error is what Python raises.
    pub(crate) fn of(text: &'a str) -> Result<Split<'a>, Raised> {
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => ("", text),
        };
        let (host, rest) = match rest.strip_prefix("//") {
            Some(rest) => rest
                .split_at(rest.bytes().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len())),
            None => ("", rest),
        };
        check_brackets(host)?;
        check_characters(host)?;
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Split { scheme, host, path, query, fragment })
    }

    /// Writes a file's address with the host that IntelMQ gives it.
    fn on_localhost(self) -> String {
        let mut out = String::from("file://localhost");
        if !self.path.is_empty() && !self.path.starts_with('/') {
            out.push('/');
        }
        out.push_str(self.path);
        for (mark, part) in [('?', self.query), ('#', self.fragment)] {
            if !part.is_empty() {
                out.push(mark);
                out.push_str(part);
            }
        }
        out
    }
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
