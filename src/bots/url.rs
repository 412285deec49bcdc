//! URLs taken apart as Python's `urllib.parse.urlparse` does; what it refuses, a message's URL type has refused already.

use std::borrow::Cow;

/// The parts of a URL. Query and fragment are left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// The scheme in lower case, or nothing.
    pub(crate) scheme: Cow<'a, str>,
    /// User, host and port.
    authority: Cow<'a, str>,
    /// The path without `;parameters`.
    pub(crate) path: Cow<'a, str>,
}

/// Schemes whose last path segment may carry parameters after a `;`.
const WITH_PARAMETERS: &[&str] = &[
    "", "ftp", "hdl", "prospero", "http", "imap", "https", "shttp", "rtsp", "rtsps", "rtspu", "sip", "sips",
    "mms", "sftp", "tel",
];

impl<'a> Parts<'a> {
    /// Takes a URL apart.
    pub(crate) fn of(url: &'a str) -> Parts<'a> {
        let url = url.trim_start_matches(|c: char| c <= ' ');
        if url.bytes().any(|b| matches!(b, b'\t' | b'\r' | b'\n')) {
            let url = url.replace(['\t', '\r', '\n'], "");
            return Parts::split(&url).into_owned();
        }
        Parts::split(url)
    }

    fn split(url: &'a str) -> Parts<'a> {
        let (scheme, rest) = match url.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
            _ => ("", url),
        };
        let scheme = if scheme.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(scheme.to_ascii_lowercase())
        } else {
            Cow::Borrowed(scheme)
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest
                .split_at(rest.bytes().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len())),
            None => ("", rest),
        };
        let path = path.bytes().position(|b| matches!(b, b'?' | b'#')).map_or(path, |end| &path[..end]);
        let path = if path.contains(';') && WITH_PARAMETERS.contains(&&*scheme) {
            without_parameters(path)
        } else {
            path
        };
        Parts { scheme, authority: Cow::Borrowed(authority), path: Cow::Borrowed(path) }
    }

    fn into_owned<'b>(self) -> Parts<'b> {
        let own = |part: Cow<'a, str>| Cow::Owned(part.into_owned());
        Parts { scheme: own(self.scheme), authority: own(self.authority), path: own(self.path) }
    }

    /// Returns user, host and port as they stand.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the user's name; nothing if there is none.
    pub(crate) fn user(&self) -> &str {
        let user = self.authority.rsplit_once('@').map_or("", |(user, _)| user);
        user.split_once(':').map_or(user, |(name, _)| name)
    }

    /// Returns the host in lower case, without brackets; nothing if there is none.
    pub(crate) fn host(&self) -> Cow<'_, str> {
        let (host, _) = self.host_and_port();
        if host
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':'))
        {
            return Cow::Borrowed(host);
        }
        Cow::Owned(match host.split_once('%') {
            Some((host, zone)) => format!("{}%{zone}", host.to_lowercase()),
            None => host.to_lowercase(),
        })
    }

    /// Returns the port, if one is given; the error is Python's.
    pub(crate) fn port(&self) -> Result<Option<u16>, String> {
        let (_, port) = self.host_and_port();
        if port.is_empty() {
            return Ok(None);
        }
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            let shown = crate::message::python::repr(&port.into());
            return Err(format!("Port could not be cast to integer value as {shown}"));
        }
        let port = port.trim_start_matches('0');
        let port = if port.is_empty() { "0" } else { port };
        port.parse().map(Some).map_err(|_| "Port out of range 0-65535".to_owned())
    }

    fn host_and_port(&self) -> (&str, &str) {
        let host = self.authority.rsplit_once('@').map_or(&*self.authority, |(_, host)| host);
        match host.split_once('[') {
            Some((_, bracketed)) => {
                let (host, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
                (host, rest.split_once(':').map_or("", |(_, port)| port))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn without_parameters(path: &str) -> &str {
    let last = path.rfind('/').unwrap_or(0);
    path[last..].find(';').map_or(path, |at| &path[..last + at])
}
