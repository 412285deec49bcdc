//! A mail as a person sees it: subject, text, attachments.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What a person sees of a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) subject: String,
    /// The text parts that are no attachments, lines ended by LF.
    pub(super) text: String,
    /// Names and texts of the other parts.
    pub(super) attachments: Vec<(String, String)>,
}

/// Decodes base64 as mails have it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How deep parts may lie within parts.
const DEPTH: usize = 10;

impl Mail {
    /// Reads a mail; what cannot be decoded is shown as it is.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let part = Part::read(&text);
        let mut mail = Mail { subject: words(part.header("subject").unwrap_or_default()), ..Mail::default() };
        mail.add(&part, 0);
        mail
    }

    fn add(&mut self, part: &Part<'_>, depth: usize) {
        let kind = part.header("content-type").unwrap_or("text/plain").to_owned();
        if let Some(boundary) = parameter(&kind, "boundary").filter(|_| depth < DEPTH) {
            for piece in pieces(part.body, &boundary) {
                self.add(&Part::read(piece), depth + 1);
            }
            return;
        }
        let place = part.header("content-disposition").unwrap_or_default();
        let name = parameter(place, "filename").or_else(|| parameter(&kind, "name"));
        let text = part.text();
        let is_text = kind.trim_start().to_ascii_lowercase().starts_with("text/");
        if name.is_some() || place.trim_start().to_ascii_lowercase().starts_with("attachment") || !is_text {
            self.attachments.push((words(&name.unwrap_or_default()), text));
        } else {
            self.text.push_str(&text);
        }
    }
}

/// A mail, or a part of one.
struct Part<'a> {
    headers: Vec<(String, String)>,
    body: &'a str,
}

impl<'a> Part<'a> {
    fn read(text: &'a str) -> Self {
        let (head, body) = match text.strip_prefix('\n') {
            Some(body) => ("", body),
            None => text.split_once("\n\n").unwrap_or((text, "")),
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.lines() {
            match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (_, _, Some((name, value))) => {
                    headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => {}
            }
        }
        Part { headers, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body, decoded.
    fn text(&self) -> String {
        let encoding = self.header("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
        let bytes = match encoding.trim() {
            "base64" => {
                let packed: String = self.body.split_ascii_whitespace().collect();
                BASE64.decode(packed).ok()
            }
            "quoted-printable" => Some(unquoted(&self.body.replace("=\n", ""))),
            _ => None,
        };
        let text =
            bytes.map_or_else(|| self.body.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        text.replace("\r\n", "\n")
    }
}

/// Returns a parameter of a header, such as the boundary of `multipart/mixed; boundary="x"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// Cuts a body at its boundary.
fn pieces<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let (line, mut pieces, mut from, mut at) = (format!("--{boundary}"), Vec::new(), None, 0);
    for whole in body.split_inclusive('\n') {
        if let Some(rest) = whole.trim_end().strip_prefix(line.as_str()) {
            if let Some(from) = from {
                // The line end before a boundary belongs to the boundary.
                pieces.push(body[from..at].strip_suffix('\n').unwrap_or(&body[from..at]));
            }
            from = Some(at + whole.len());
            if rest == "--" {
                return pieces;
            }
        }
        at += whole.len();
    }
    pieces
}

/// Decodes `=41` and the like; what is no such thing stays.
fn unquoted(text: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    let hex = |at: usize| bytes.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    while let Some(byte) = bytes.get(at) {
        if let (b'=', Some(high), Some(low)) = (byte, hex(at + 1), hex(at + 2)) {
            out.push((high * 16 + low) as u8);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    out
}

/// Decodes the encoded words of a header: `=?utf-8?b?…?=` and `=?utf-8?q?…?=`.
fn words(header: &str) -> String {
    let mut out = String::new();
    let mut after_word = false;
    for piece in header.split(' ') {
        let decoded = word(piece);
        // Blanks between two encoded words belong to neither.
        let between = after_word && decoded.is_some();
        if !(out.is_empty() || between) {
            out.push(' ');
        }
        after_word = decoded.is_some();
        out.push_str(&decoded.unwrap_or_else(|| piece.to_owned()));
    }
    out
}

fn word(piece: &str) -> Option<String> {
    let mut parts = piece.strip_prefix("=?")?.strip_suffix("?=")?.splitn(3, '?');
    let (_charset, way, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match way {
        "b" | "B" => BASE64.decode(text).ok()?,
        "q" | "Q" => unquoted(&text.replace('_', " ")),
        _ => return None,
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(mail: &str) -> Mail {
        Mail::read(mail.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn a_plain_mail_is_its_text() {
        let mail = seen("Subject: Hello\n there\n\nOne\nTwo\n");
        assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Hello there", "One\nTwo\n"));
        assert!(mail.attachments.is_empty());
    }

    #[test]
    fn words_and_bodies_are_decoded() {
        for (subject, decoded) in [
            ("=?utf-8?b?SMOkdXNlcg==?=", "Häuser"),
            ("=?utf-8?q?H=C3=A4user_und?= =?utf-8?q?_H=C3=B6fe?= 7", "Häuser und Höfe 7"),
            ("=?utf-8?x?y?= plain", "=?utf-8?x?y?= plain"),
        ] {
            assert_eq!(seen(&format!("Subject: {subject}\n\n")).subject, decoded);
        }
        for (encoding, body) in
            [("base64", "SMOkdXNl\ncgo=\n"), ("quoted-printable", "H=C3=A4us=\ner\n"), ("8bit", "Häuser\n")]
        {
            let mail = seen(&format!("Content-Transfer-Encoding: {encoding}\n\n{body}"));
            assert_eq!(mail.text, "Häuser\n", "{encoding}");
        }
    }

    #[test]
    fn parts_are_texts_or_attachments() {
        let mail = seen(
            "Content-Type: multipart/mixed; boundary=\"=-x\"\n\npreamble\n--=-x\nContent-Type: text/plain\n\nHello\n\
             --=-x\nContent-Type: text/csv; name=\"a.csv\"\nContent-Disposition: attachment; filename=\"a.csv\"\n\
             Content-Transfer-Encoding: base64\n\naXAKMTkyLjAuMi4xCg==\n--=-x--\nepilogue\n",
        );
        assert_eq!(mail.text, "Hello");
        assert_eq!(mail.attachments, [("a.csv".to_owned(), "ip\n192.0.2.1\n".to_owned())]);
    }
}
