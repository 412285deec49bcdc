//! The text of a value: its own, a part of a larger text that others share, or Base64 that is written when somebody looks at it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Text of a message. It reads like any `str`.
#[derive(Clone)]
pub struct Text(Inner);

#[derive(Clone)]
enum Inner {
    Own(String),
    Part(Arc<String>, u32, u32),
    Encoded(Arc<Encoded>),
}

/// Bytes, and their Base64 once somebody asked for it.
struct Encoded {
    bytes: Vec<u8>,
    text: OnceLock<String>,
}

impl Text {
    /// Makes the Base64 text of bytes. Clones share them.
    pub fn encoded(bytes: Vec<u8>) -> Text {
        Text(Inner::Encoded(Arc::new(Encoded { bytes, text: OnceLock::new() })))
    }

    /// Makes a text of a part of another, which it keeps in memory instead of copying the part.
    pub fn part(whole: &Arc<String>, part: &str) -> Text {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        let end = start.wrapping_add(part.len());
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(from), Ok(to)) if start <= end && end <= whole.len() => {
                Text(Inner::Part(Arc::clone(whole), from, to))
            }
            _ => part.into(),
        }
    }

    /// Makes a text that clones share.
    #[must_use]
    pub fn shared(self) -> Text {
        match self.0 {
            Inner::Own(text) => {
                let whole = Arc::new(text);
                Text::part(&whole, &whole)
            }
            _ => self,
        }
    }

    /// Returns the bytes, if this is Base64 of bytes at hand.
    pub fn decoded(&self) -> Option<&[u8]> {
        match &self.0 {
            Inner::Encoded(encoded) => Some(&encoded.bytes),
            _ => None,
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Inner::Own(text) => text,
            Inner::Part(whole, start, end) => &whole[*start as usize..*end as usize],
            Inner::Encoded(encoded) => encoded.text.get_or_init(|| STANDARD.encode(&encoded.bytes)),
        }
    }

    /// Returns the text as a string of its own.
    pub fn into_string(self) -> String {
        match self.0 {
            Inner::Own(text) => text,
            _ => self.as_str().to_owned(),
        }
    }

    /// Tells whether there is no letter.
    pub fn is_empty(&self) -> bool {
        self.decoded().unwrap_or_else(|| self.as_bytes()).is_empty()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(Inner::Own(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(Inner::Own(text.to_owned()))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        match (self.decoded(), other.decoded()) {
            (Some(own), Some(other)) => own == other,
            _ => self.as_str() == other.as_str(),
        }
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_text_are_the_same_text() {
        let whole = Arc::new("aYWJjd żółw".to_owned());
        for (text, expected) in [
            (Text::part(&whole, &whole[1..7]), "YWJjd "),
            (Text::part(&whole, &whole[7..]), "żółw"),
            (Text::part(&whole, &whole[3..3]), ""),
            (Text::part(&whole, "YWJj"), "YWJj"),
            (Text::part(&whole, &whole[1..5]), "YWJj"),
            (Text::encoded(b"abc".to_vec()), "YWJj"),
            (Text::encoded(Vec::new()), ""),
            (Text::from("YWJj").shared(), "YWJj"),
        ] {
            assert_eq!(
                (&*text, text.len(), text.is_empty()),
                (expected, expected.len(), expected.is_empty())
            );
            assert_eq!(text, Text::from(expected));
            assert_eq!(text.into_string(), expected);
        }
        assert_eq!(Text::encoded(b"abc".to_vec()), Text::encoded(b"abc".to_vec()));
        assert_ne!(Text::encoded(b"abc".to_vec()), Text::encoded(b"abd".to_vec()));
        assert_eq!(Text::encoded(b"abc".to_vec()).decoded(), Some(&b"abc"[..]));
    }
}
