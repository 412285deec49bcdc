//! One mail: its head, its parts, and its bytes.

use lettre::message::header::{ContentDisposition, ContentType, Date, HeaderName, HeaderValue, Headers};
use lettre::message::{MultiPart, SinglePart};

use super::address::{self, Address};

/// A mail, ready to be sent.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(super) from: Address,
    pub(super) to: Vec<Address>,
    pub(super) bytes: Vec<u8>,
}

/// One part of a mail.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its type, such as `text/plain`; a character set is added if it has none.
    pub(crate) kind: String,
    /// Its text.
    pub(crate) text: String,
    /// Its place: the name of an attachment, or none if it is to be read at once.
    pub(crate) name: Option<String>,
    /// Whether it says that it is to be read at once.
    pub(crate) inline: bool,
}

impl Letter {
    /// Puts a mail together. Values come from outside, so a line's end in the head is an error.
    pub(crate) fn new(from: &str, to: &str, subject: &str, parts: &[Part]) -> Result<Letter, String> {
        let mut senders = address::read(from).map_err(|problem| format!("mail_from: {problem}"))?;
        let to = address::read(to).map_err(|problem| format!("mail_to: {problem}"))?;
        let from = senders.swap_remove(0);
        if subject.contains(['\r', '\n']) {
            return Err(format!("the subject {subject:?} has more than one line"));
        }
        let mut headers = Headers::new();
        headers.set(Date::now());
        let shown = if subject.is_ascii() { subject.to_owned() } else { address::encoded(subject) };
        let head = [
            ("Subject", subject, shown),
            ("From", "", address::header(std::slice::from_ref(&from))),
            ("To", "", address::header(&to)),
            ("MIME-Version", "1.0", "1.0".to_owned()),
        ];
        for (name, plain, encoded) in head {
            let name = HeaderName::new_from_ascii_str(name);
            headers.insert_raw(HeaderValue::dangerous_new_pre_encoded(name, plain.to_owned(), encoded));
        }
        let mut body = MultiPart::mixed().build();
        for part in parts {
            body = body.singlepart(part.single()?);
        }
        let mut bytes = headers.to_string().into_bytes();
        bytes.extend(body.formatted());
        Ok(Letter { from, to, bytes })
    }
}

impl Part {
    fn single(&self) -> Result<SinglePart, String> {
        let kind = content_type(&self.kind)?;
        let mut part = SinglePart::builder().header(kind);
        if let Some(name) = &self.name {
            if name.contains(char::is_control) {
                return Err(format!("the attachment's name {name:?} has more than one line"));
            }
            part = part.header(ContentDisposition::attachment(name));
        } else if self.inline {
            part = part.header(ContentDisposition::inline());
        }
        Ok(part.body(self.text.clone()))
    }
}

/// Refuses what is no type such as `text/csv`.
pub(crate) fn check_type(kind: &str) -> Result<(), String> {
    content_type(kind).map(drop)
}

fn content_type(kind: &str) -> Result<ContentType, String> {
    let full = if kind.contains("charset") || !kind.starts_with("text/") {
        kind.to_owned()
    } else {
        format!("{kind}; charset=utf-8")
    };
    ContentType::parse(&full).map_err(|_| format!("{kind:?} is no content type such as \"text/csv\""))
}
