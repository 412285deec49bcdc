//! Addresses of mails, as people write them: `Name <name@example.com>, other@example.com`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One address, and the name before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// What the server is told.
    pub(super) address: String,
    name: Option<String>,
}

/// Reads a list of addresses separated by commas; none is an error.
pub(super) fn read(text: &str) -> Result<Vec<Address>, String> {
    let addresses: Result<Vec<_>, _> =
        split(text).into_iter().filter(|part| !part.trim().is_empty()).map(read_one).collect();
    match addresses {
        Ok(addresses) if addresses.is_empty() => Err("there is no address".to_owned()),
        addresses => addresses,
    }
}

/// Splits at the commas that stand outside quotes.
fn split(text: &str) -> Vec<&str> {
    let mut quoted = false;
    let ends = |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    text.split(ends).collect()
}

fn read_one(text: &str) -> Result<Address, String> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (Some(name.trim().trim_matches('"')), address.trim()),
        None => (None, text),
    };
    let strange = |c: char| c.is_whitespace() || c.is_control() || "<>()\",;:\\".contains(c);
    let literal = address.ends_with(']') && address.contains("@[");
    let wrong = address.is_empty()
        || address.matches('@').count() > 1
        || address.starts_with('@')
        || address.ends_with('@')
        || address.contains(|c| strange(c) && !(literal && c == ':'));
    if wrong || name.is_some_and(|name| name.contains(char::is_control)) {
        return Err(format!("{text:?} is no mail address"));
    }
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(Address { address: address.to_owned(), name })
}

/// Returns addresses as a header of a mail has them.
pub(super) fn header(addresses: &[Address]) -> String {
    addresses.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn one(address: &Address) -> String {
    match &address.name {
        None => address.address.clone(),
        Some(name) if !name.is_ascii() => format!("{} <{}>", encoded(name), address.address),
        Some(name) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ') => {
            format!("{name} <{}>", address.address)
        }
        Some(name) => format!("\"{}\" <{}>", name.replace(['\\', '"'], ""), address.address),
    }
}

/// Writes text as encoded words (RFC 2047), each at most 75 letters long.
pub(super) fn encoded(text: &str) -> String {
    let mut words = vec![String::new()];
    for c in text.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 45 => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let word = |word: &String| format!("=?utf-8?b?{}?=", STANDARD.encode(word));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}
