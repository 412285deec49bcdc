//! How a message with much in `raw` is stored where any bytes may be: what a report holds lies there as it is, not as Base64 in
//! JSON, which would be written, checked and read a dozen times.
//!
//! A zero byte, which no JSON begins with; the length of the head, and where in it the Base64 of `raw` is missing (u32, little
//! endian); the head, which is the message's wire form but for that; the bytes of `raw`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::write_value;
use super::store::Message;
use super::value::Value;
use super::wire::WIRE;

const MARK: u8 = 0;
const START: usize = 9;
/// From how many bytes on it is worth it.
const LEAST: usize = 16 * 1024;

/// The parts of a packed message.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub(super) head: &'a [u8],
    gap: usize,
    pub(super) bytes: &'a [u8],
}

impl Message {
    /// Returns the message packed, or in its wire form if that is no larger.
    pub fn to_packed(&self) -> Vec<u8> {
        let raw = self.get("raw").and_then(Value::decoded);
        let Some(raw) = raw.filter(|raw| raw.len() >= LEAST) else { return self.to_wire().into_bytes() };
        let mut out = Vec::with_capacity(2048 + raw.len());
        out.resize(START, MARK);
        let mut gap = 0;
        self.write_fields(&mut out, |out, value| match value.decoded() {
            Some(bytes) if std::ptr::eq(bytes, raw) => {
                gap = out.len() + 1 - START;
                out.extend_from_slice(b"\"\"");
            }
            _ => write_value(out, value, WIRE),
        });
        let length = out.len() - START;
        out[1..5].copy_from_slice(&(length as u32).to_le_bytes());
        out[5..START].copy_from_slice(&(gap as u32).to_le_bytes());
        out.extend_from_slice(raw);
        out
    }
}

/// Takes a packed message apart; `None` if it is not packed.
pub(super) fn split(body: &[u8]) -> Option<Packed<'_>> {
    let (start, rest) = body.split_at_checked(START).filter(|(start, _)| start[0] == MARK)?;
    let number = |at: usize| start[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    let (head, bytes) = rest.split_at_checked(number(1)?)?;
    number(5).filter(|gap| *gap <= head.len()).map(|gap| Packed { head, gap, bytes })
}

/// Returns a stored message in its wire form.
pub fn unpacked(body: Vec<u8>) -> Vec<u8> {
    let Some(Packed { head, gap, bytes }) = split(&body) else { return body };
    let (before, after) = head.split_at(gap);
    [before, STANDARD.encode(bytes).as_bytes(), after].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{Idf, Text};
    use super::*;

    fn report(raw: &[u8], at_hand: bool) -> Message {
        let text = if at_hand { Text::encoded(raw.to_vec()) } else { STANDARD.encode(raw).into() };
        let mut report = Message::report(&Idf::builtin());
        report.add("feed.name", "a \"raw\": \"\" żółw").unwrap();
        report.change("time.observation", "2026-01-15T03:10:12+00:00").unwrap();
        report.put(&report.idf().key(report.message_type(), "raw").unwrap(), Value::Text(text));
        report.add("extra.file_name", "x.csv").unwrap();
        report
    }

    #[test]
    fn a_packed_message_is_the_message() {
        for (length, packed) in [(1, false), (LEAST - 1, false), (LEAST, true), (LEAST * 3 + 1, true)] {
            let raw: Vec<u8> = (0..length).map(|number| number as u8).collect();
            let message = report(&raw, true);
            let body = message.to_packed();
            assert_eq!(split(&body).is_some(), packed, "{length}");
            let read = Message::from_wire(message.idf(), &body, None).unwrap();
            assert_eq!((read.to_wire(), read.raw()), (message.to_wire(), Some(raw)));
            assert_eq!(unpacked(body), message.to_wire().into_bytes());
        }
    }

    #[test]
    fn only_the_fingerprint_tells_the_form() {
        let raw = vec![7; LEAST];
        let (own, other) = (report(&raw, true), report(&raw, false));
        assert_eq!(own, other);
        assert_eq!(own.identity(), other.identity());
        assert_ne!(own.fingerprint(), other.fingerprint());
        assert!(split(&other.to_packed()).is_none());
    }

    #[test]
    fn what_is_cut_off_is_refused_or_shorter() {
        let message = report(&[0; LEAST], true);
        let body = message.to_packed();
        let head = body.len() - LEAST;
        for length in 0..head {
            assert!(Message::from_wire(message.idf(), &body[..length], None).is_err(), "{length}");
            let _ = unpacked(body[..length].to_vec());
        }
    }
}
