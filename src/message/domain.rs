//! Domain names, in the ASCII form of IDNA 2003 as Python's `idna` codec makes it.

use std::borrow::Cow;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization as _;

use super::address::is_ip;
use super::kind::Raised;
use super::text::generic_text;
use super::url;
use super::value::Value;

pub(crate) fn sanitize(value: Value) -> Option<Value> {
    let text = generic_text(value)?;
    let inner = text.trim_matches('.');
    if inner.is_empty() {
        return None;
    }
    match to_ascii(inner).ok()? {
        Cow::Borrowed(same) if same.len() == text.len() && !text.bytes().any(|b| b.is_ascii_uppercase()) => {
            Some(Value::Text(text))
        }
        ascii => Some(Value::from(ascii.to_ascii_lowercase())),
    }
}

pub(crate) fn check(text: &str) -> Result<bool, Raised> {
    if let Some(valid) = check_usual(text.as_bytes()) {
        return Ok(valid);
    }
    if text.starts_with('.') || text.ends_with('.') || text.is_empty() {
        return Ok(false);
    }
    let ascii = to_ascii(text)?;
    // An address's path, query and fragment may stand behind a name if they are empty, as may an empty host.
    let cleaned = url::clean(text);
    let name = cleaned.strip_suffix('#').unwrap_or(&cleaned);
    let name = name.strip_suffix('?').unwrap_or(name);
    let name = if name == "//" { "" } else { name };
    let unusual = |c: char| c.is_ascii_uppercase() || c == ':';
    Ok(ascii == text && !text.contains(unusual) && !name.contains(['/', '?', '#']) && !is_ip(text))
}

/// Decides for names of the usual characters and length; anything else needs a closer look.
fn check_usual(text: &[u8]) -> Option<bool> {
    let mut label = 0;
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'*' => label += 1,
            b'.' if label > 0 => label = 0,
            _ => return None,
        }
        if label == 64 {
            return None;
        }
    }
    // What ends in a letter is no address.
    text.last().is_some_and(u8::is_ascii_lowercase).then_some(true)
}

/// Encodes every label of a name.
pub fn to_ascii(name: &str) -> Result<Cow<'_, str>, Raised> {
    if name.is_ascii() {
        let mut labels = name.split('.').rev();
        let last_fits = labels.next().is_none_or(|last| last.len() < 64);
        return if last_fits && labels.all(fits) { Ok(Cow::Borrowed(name)) } else { Err(TOO_LONG) };
    }
    let mut labels: Vec<&str> = name.split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}']).collect();
    let dot = labels.last().is_some_and(|last| last.is_empty());
    if dot {
        labels.pop();
    }
    let mut out = labels.into_iter().map(label).collect::<Result<Vec<_>, _>>()?.join(".");
    if dot {
        out.push('.');
    }
    Ok(Cow::Owned(out))
}

const TOO_LONG: Raised = Raised("label empty or too long");

fn fits(label: &str) -> bool {
    (1..64).contains(&label.len())
}

fn label(label: &str) -> Result<String, Raised> {
    let encoded = if label.is_ascii() { label.to_owned() } else { encode(&nameprep(label)?)? };
    if fits(&encoded) { Ok(encoded) } else { Err(TOO_LONG) }
}

fn encode(prepared: &str) -> Result<String, Raised> {
    if prepared.is_ascii() {
        return Ok(prepared.to_owned());
    }
    if prepared.starts_with("xn--") {
        return Err(Raised("Label starts with ACE prefix"));
    }
    idna::punycode::encode_str(prepared).map(|code| format!("xn--{code}")).ok_or(TOO_LONG)
}

/// Nameprep (RFC 3491), but characters that Unicode 3.2 did not know pass, in lower case, as in Python.
fn nameprep(label: &str) -> Result<String, Raised> {
    let mapped: String =
        label.chars().filter(|&c| !tables::commonly_mapped_to_nothing(c)).flat_map(fold).collect();
    let mut prepared = String::with_capacity(mapped.len());
    for part in mapped.split_inclusive(tables::unassigned_code_point) {
        let known = part.trim_end_matches(tables::unassigned_code_point);
        prepared.extend(known.nfkc());
        prepared.push_str(&part[known.len()..]);
    }
    if prepared.chars().any(is_prohibited) {
        return Err(Raised("Invalid character"));
    }
    let known = |c| !tables::unassigned_code_point(c);
    let right = |c| tables::bidi_r_or_al(c) && known(c);
    if prepared.contains(right)
        && (prepared.contains(|c| tables::bidi_l(c) && known(c))
            || !prepared.starts_with(right)
            || !prepared.ends_with(right))
    {
        return Err(Raised("Violation of BIDI requirement"));
    }
    Ok(prepared)
}

/// Maps a character as RFC 3454 says, or to what Unicode calls its lower case by now.
fn fold(c: char) -> impl Iterator<Item = char> {
    let mut folded = tables::case_fold_for_nfkc(c).peekable();
    let same = folded.peek() == Some(&c);
    let lower = same.then(|| c.to_lowercase()).into_iter().flatten().flat_map(tables::case_fold_for_nfkc);
    lower.chain(folded.filter(move |_| !same))
}

fn is_prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}
