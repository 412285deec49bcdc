//! The address of a broker: `scheme://user:password@host:port,host:port/path?option=value`.
//!
//! What an address says beyond that stands among its options, so that one text names a broker wholly. It is shown without
//! its password.

use std::collections::BTreeMap;
use std::fmt;

/// The address of a broker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    /// What stands before `://`, in lower case.
    pub scheme: String,
    /// The user, decoded.
    pub user: Option<String>,
    /// The password, decoded.
    pub password: Option<String>,
    /// The servers, in order; none for a socket's path. Brackets of IPv6 are taken off.
    pub hosts: Vec<(String, Option<u16>)>,
    /// What follows the servers, decoded, with its leading `/`; may be empty.
    pub path: String,
    /// The options behind `?`, decoded.
    pub options: BTreeMap<String, String>,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of a broker: {problem}")]
pub struct UrlError {
    /// The text, without its password.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Url {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        read(text).map_err(|problem| UrlError { text: mask(text), problem })
    }

    /// Makes an address of a server, with nothing else in it.
    pub fn of_host(scheme: &str, host: &str, port: Option<u16>) -> Url {
        Url {
            scheme: scheme.to_owned(),
            user: None,
            password: None,
            hosts: vec![(host.to_owned(), port)],
            path: String::new(),
            options: BTreeMap::new(),
        }
    }

    /// Returns an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Returns the first server, or an empty name.
    pub fn host(&self) -> (&str, Option<u16>) {
        self.hosts.first().map_or(("", None), |(host, port)| (host, *port))
    }

    /// Returns the address with its password, for programs; never shown.
    pub fn to_secret(&self) -> String {
        self.write(self.password.as_deref().map(encode).as_deref())
    }

    fn write(&self, password: Option<&str>) -> String {
        let mut text = format!("{}://", self.scheme);
        if self.user.is_some() || password.is_some() {
            text += &encode(self.user.as_deref().unwrap_or_default());
            text += &password.map(|password| format!(":{password}")).unwrap_or_default();
            text.push('@');
        }
        let host = |(host, port): &(String, Option<u16>)| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            host + &port.map(|port| format!(":{port}")).unwrap_or_default()
        };
        text += &self.hosts.iter().map(host).collect::<Vec<_>>().join(",");
        text += &self.path.split('/').map(encode).collect::<Vec<_>>().join("/");
        let options = self.options.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let options = options.collect::<Vec<_>>().join("&");
        if !options.is_empty() {
            text = text + "?" + &options;
        }
        text
    }
}

/// Shows the address with `***` for its password.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(self.password.as_ref().map(|_| "***")))
    }
}

fn read(text: &str) -> Result<Url, String> {
    let (scheme, rest) = text.split_once("://").ok_or("it has no `://`")?;
    let legal = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if scheme.is_empty() || !scheme.chars().all(legal) {
        return Err("what stands before `://` is no scheme".to_owned());
    }
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (servers, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (login, servers) =
        servers.rsplit_once('@').map_or((None, servers), |(login, servers)| (Some(login), servers));
    let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
        None => (None, None),
        Some((user, password)) => (Some(decode(user)?), Some(decode(password)?)),
    };
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let hosts = servers.split(',').filter(|server| !server.is_empty()).map(server);
    Ok(Url {
        scheme: scheme.to_ascii_lowercase(),
        user: filled(user),
        password: filled(password),
        hosts: hosts.collect::<Result<_, _>>()?,
        path: decode(path)?,
        options: options.split('&').filter(|part| !part.is_empty()).map(option).collect::<Result<_, _>>()?,
    })
}

fn server(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("a `[` is not closed")?;
            (host, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(|port| port.parse().map_err(|_| format!("{port:?} is no port"))).transpose()?;
    Ok((decode(host)?, port))
}

fn option(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Ok((decode(name)?, decode(value)?))
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (high, low) = (digit(), digit());
        let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(value.ok_or("`%` is not followed by two hexadecimal digits; write `%25` for a `%`")?);
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// Hides the password of a text that may be no address.
fn mask(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let Some((login, servers)) = rest.rsplit_once('@') else { return text.to_owned() };
    let user = login.split_once(':').map_or(login, |(user, _)| user);
    format!("{scheme}://{user}:***@{servers}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_without_its_password() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1"),
            ("redis://:secret@127.0.0.1:6379/2", "redis://:***@127.0.0.1:6379/2"),
            ("REDIS+unix:///run/redis.sock?db=2", "redis+unix:///run/redis.sock?db=2"),
            (
                "amqps://a%40b:p%2Fw@[2001:db8::1]:5671/%2F?exchange=",
                "amqps://a%40b:***@[2001:db8::1]:5671//?exchange=",
            ),
            ("kafka://one:9092,two:9093?acks=all", "kafka://one:9092,two:9093?acks=all"),
            ("kafka://user@one", "kafka://user@one"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(Url::parse(&url.to_secret()).unwrap().password, url.password);
        }
        let url = Url::parse("amqp://u:p%2Fw@one:1,two/v%20h?a=b%26c").unwrap();
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("u"), Some("p/w")));
        assert_eq!(url.hosts, [("one".to_owned(), Some(1)), ("two".to_owned(), None)]);
        assert_eq!((url.path.as_str(), url.option("a")), ("/v h", Some("b&c")));
        assert_eq!(Url::parse(&url.to_secret()).unwrap(), url);
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for (text, problem) in [
            ("redis", r#""redis" is no address of a broker: it has no `://`"#),
            ("://x", r#""://x" is no address of a broker: what stands before `://` is no scheme"#),
            ("redis://:pw@h:x", r#""redis://:***@h:x" is no address of a broker: "x" is no port"#),
            (
                "redis://:p%w@h",
                r#""redis://:***@h" is no address of a broker: `%` is not followed by two hexadecimal digits; write `%25` for a `%`"#,
            ),
            ("redis://[::1", r#""redis://[::1" is no address of a broker: a `[` is not closed"#),
        ] {
            assert_eq!(Url::parse(text).unwrap_err().to_string(), problem);
        }
    }
}
