//! What went wrong with a connection, in words for a log.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use rustls::CertificateError::{ExpiredContext, NotValidYetContext};
use rustls::pki_types::UnixTime;

/// Returns what lies at the bottom of an error; it names no address, and moments as people write them.
pub fn words(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = below(cause) {
        cause = deeper;
    }
    let text = cause.to_string();
    match cause.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(ExpiredContext { not_after, .. })) => {
            format!(
                "invalid peer certificate: certificate expired, it was valid until {}",
                moment(*not_after)
            )
        }
        Some(rustls::Error::InvalidCertificate(NotValidYetContext { not_before, .. })) => {
            format!("invalid peer certificate: it is not valid before {}", moment(*not_before))
        }
        // The library tells with the address of a page that the end was not announced.
        _ if text.contains("close_notify") => "the server closed the connection".to_owned(),
        _ => text,
    }
}

/// Returns the next error down; what an I/O error wraps is not its source but the error itself.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn moment(time: UnixTime) -> String {
    let moment = i64::try_from(time.as_secs()).ok().and_then(|secs| Timestamp::from_second(secs).ok());
    moment.map_or_else(|| "a moment that no calendar has".to_owned(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn errors_are_told_without_seconds_and_pages() {
        let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
        let expired = ExpiredContext { time: at(1_800_000_000), not_after: at(1_609_459_200) };
        let early = NotValidYetContext { time: at(0), not_before: at(u64::MAX) };
        let tls = |error| rustls::Error::InvalidCertificate(error);
        let eof = |text: &str| io::Error::new(io::ErrorKind::UnexpectedEof, text);
        let table: [(Box<dyn Error>, &str); 5] = [
            (
                Box::new(io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls(expired)))),
                "invalid peer certificate: certificate expired, it was valid until 2021-01-01T00:00:00Z",
            ),
            (
                Box::new(tls(early)),
                "invalid peer certificate: it is not valid before a moment that no calendar has",
            ),
            (
                Box::new(eof("peer closed connection without sending TLS close_notify: https://a.example/")),
                "the server closed the connection",
            ),
            (
                Box::new(eof("end of file before message length reached")),
                "end of file before message length reached",
            ),
            (Box::new(io::Error::other("some words")), "some words"),
        ];
        for (error, wanted) in table {
            assert_eq!(words(error.as_ref()), wanted);
        }
    }
}
