//! HTTP as bots speak it: IntelMQ's `http_*` parameters, tries, and answers that are read to their true end or are an error.
//!
//! [`PARAMS`] are joined to a bot's own in its specification, [`Http::of`] reads them.

mod follow;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};

pub(crate) use self::follow::Follower;
use self::settings::{Settings, keeping_bodies, unusable};
use super::{Context, Failure, Level, Site};
use crate::pipeline::{Param, ParamKind, Params};
use crate::tls::words;

/// The most bytes that one answer may have.
const MOST: u64 = 4 << 30;

/// The parameters of every bot that speaks HTTP.
pub(crate) const PARAMS: [Param; 11] = [
    Param::new(
        "http_proxy",
        ParamKind::Text,
        "null",
        "Proxy for `http:` addresses; used only if both proxies are set, else those of the environment are.",
    ),
    Param::new("https_proxy", ParamKind::Text, "null", "Proxy for `https:` addresses; likewise."),
    Param::new(
        "http_timeout_sec",
        ParamKind::Float,
        "30",
        "Seconds to wait for a connection, and for each part of an answer.",
    ),
    Param::new(
        "http_timeout_max_tries",
        ParamKind::Int,
        "3",
        "How often a connection is tried before that counts as an error; at least once.",
    ),
    Param::new(
        "http_user_agent",
        ParamKind::Text,
        "null",
        "What requests say they come from; the program's own name if not set.",
    ),
    Param::new(
        "http_verify_cert",
        ParamKind::Any,
        "true",
        "Whether certificates are checked, or the path of a PEM file with the authorities to believe.",
    ),
    Param::new("http_header", ParamKind::Map, "{}", "Further header lines of requests."),
    Param::new(
        "http_username",
        ParamKind::Text,
        "null",
        "User for basic authentication; used only together with http_password.",
    ),
    Param::new("http_password", ParamKind::Text, "null", "Password for basic authentication."),
    Param::new(
        "ssl_client_cert",
        ParamKind::Text,
        "null",
        "Path of a PEM file with the certificate that the bot shows, and its key.",
    ),
    Param::new("ssl_client_certificate", ParamKind::Text, "null", "Another name of ssl_client_cert."),
];

/// The most bytes that are read of an answer nobody needs.
const LEAST: u64 = 64 << 10;

/// The most bytes that are told of what a server says to an error.
const TOLD: u64 = 400;

/// A client, as the parameters of a bot describe it.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    tries: u32,
    login: Option<(String, String)>,
    /// What is odd about the parameters.
    warnings: Vec<&'static str>,
}

/// One request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    /// The method; `GET` if empty.
    pub(crate) method: &'a str,
    /// The address.
    pub(crate) url: &'a str,
    /// Header lines beside those of the parameters.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// What is sent along.
    pub(crate) body: Option<Vec<u8>>,
}

/// An answer whose header lines are there; its body is read as it comes.
pub(crate) struct Answer {
    /// The status, such as 200.
    pub(crate) status: u16,
    /// How long the server asks to wait, as it says it.
    pub(crate) retry_after: Option<String>,
    /// Where the server says that it is instead.
    location: Option<String>,
    address: String,
    content_type: String,
    body: Box<dyn Read + Send>,
}

impl Http {
    /// Reads the parameters.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Http, Failure> {
        Http::built(Settings::read(params, site)?)
    }

    /// Reads the parameters, for a bot whose requests have a body that must arrive: a redirect that drops it is no success.
    pub(crate) fn for_bodies(params: &Params, site: &Site) -> Result<Http, Failure> {
        let mut settings = Settings::read(params, site)?;
        settings.builder = settings.builder.redirect(keeping_bodies());
        Http::built(settings)
    }

    fn built(settings: Settings) -> Result<Http, Failure> {
        let Settings { builder, timeout, tries, login, warnings } = settings;
        let client = ClientBuilder::from(builder).timeout(timeout).build();
        Ok(Http { client: client.map_err(|error| unusable(&error))?, tries, login, warnings })
    }

    /// Logs what is odd about the parameters.
    pub(crate) fn warn(&self, context: &mut Context) {
        for warning in &self.warnings {
            context.log(Level::Warning, *warning);
        }
    }

    /// Asks for an address.
    pub(crate) fn get(&self, url: &str) -> Result<Answer, Failure> {
        self.ask(&Request { url, ..Request::default() })
    }

    /// Asks, with as many tries to connect as the parameters allow; any status is an answer.
    pub(crate) fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        let mut left = self.tries;
        loop {
            left -= 1;
            match self.try_once(request) {
                Ok(response) => return Ok(answer(response, bare(request.url))),
                Err(error) if error.is_connect() && left > 0 => {}
                Err(error) => {
                    let (address, cause) = (bare(request.url), words(&error));
                    return Err(Failure::Other(format!("{address}: {cause}")));
                }
            }
        }
    }

    fn try_once(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let method = if request.method.is_empty() { "GET" } else { request.method };
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let mut builder = self.client.request(method, request.url);
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        if let Some((user, password)) = &self.login {
            builder = builder.basic_auth(user, Some(password));
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder.send()
    }
}

fn answer(mut response: Response, address: String) -> Answer {
    let headers = std::mem::take(response.headers_mut());
    Answer::new(response.status().as_u16(), &headers, response, address)
}

impl Answer {
    /// Makes an answer of its head and of what reads its body.
    fn new(status: u16, headers: &HeaderMap, body: impl Read + Send + 'static, address: String) -> Answer {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let packed = text(CONTENT_ENCODING).is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
        Answer {
            status,
            retry_after: text(RETRY_AFTER),
            location: text(LOCATION).map(|location| bare(&location)),
            address,
            content_type: text(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase(),
            body: if packed { Box::new(MultiGzDecoder::new(body)) } else { Box::new(body) },
        }
    }

    /// Tells whether the server did what was asked.
    pub(crate) fn is_success(&self) -> bool {
        self.status / 100 == 2
    }

    /// Returns the answer if the server did what was asked, else the error that IntelMQ raises.
    pub(crate) fn success(self) -> Result<Answer, Failure> {
        if self.is_success() { Ok(self) } else { Err(Failure::Other(self.refusal())) }
    }

    /// Says what the server answered instead.
    pub(crate) fn refusal(&self) -> String {
        let wait = self.retry_after.as_ref().map(|wait| format!(" The server asks to wait: {wait}."));
        let moved = self.location.as_ref().filter(|_| self.status / 100 == 3);
        let moved = moved.map(|location| format!(" The server says that it has moved to {location}."));
        format!(
            "HTTP response status code was {}. ({}){}{}",
            self.status,
            self.address,
            moved.unwrap_or_default(),
            wait.unwrap_or_default()
        )
    }

    /// Says what the server answered instead, with the beginning of its text.
    pub(crate) fn complaint(self) -> String {
        let refusal = self.refusal();
        let mut text = Vec::new();
        // What cannot be read is no matter: the status says enough.
        let _ = self.body.take(TOLD).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if said.is_empty() { refusal } else { format!("{refusal} The server says: {said}") }
    }

    /// Reads a body that nobody needs, so that the connection can be used again.
    pub(crate) fn finish(self) {
        // The server has done what was asked; how its text ends changes nothing.
        let _ = io::copy(&mut self.body.take(LEAST), &mut io::sink());
    }

    /// Reads the whole body as UTF-8 text without a byte order mark, or as the bytes they are if they are none.
    ///
    /// What is no UTF-8 counts as Latin-1 if the server says so, or says that it is a text and not which.
    pub(crate) fn text(self) -> Result<Vec<u8>, Failure> {
        let kind = self.content_type.clone();
        let bytes = self.bytes()?;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return Ok(text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes().to_vec());
        }
        let latin = ["iso-8859-1", "latin1", "latin-1"].iter().any(|name| kind.contains(name));
        if latin || (kind.starts_with("text/") && !kind.contains("charset")) {
            return Ok(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes());
        }
        Ok(bytes)
    }

    /// Reads the whole body; one that ends too early is an error.
    pub(crate) fn bytes(self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let failed = |error: io::Error| Failure::Other(format!("{}: {}", self.address, words(&error)));
        let length = self.body.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
        if length as u64 == MOST {
            return Err(Failure::Other(format!("{}: the answer has more than {MOST} bytes", self.address)));
        }
        Ok(bytes)
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body
            .read(buffer)
            .map_err(|error| io::Error::other(format!("{}: {}", self.address, words(&error))))
    }
}

/// Returns an address without its query, which may hold a key, and without a password.
pub(crate) fn bare(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed) => {
            parsed.set_query(None);
            // Only addresses that cannot have a user refuse this.
            let _ = parsed.set_password(None);
            let _ = parsed.set_username("");
            parsed.into()
        }
        Err(_) => url.split('?').next().unwrap_or_default().to_owned(),
    }
}

/// Writes pairs as the body of a form.
pub(crate) fn form(pairs: &[(String, String)]) -> String {
    let address = reqwest::Url::parse_with_params("http://form.example/", pairs);
    address.ok().and_then(|address| address.query().map(str::to_owned)).unwrap_or_default()
}

/// Returns an address with a query.
pub(crate) fn with_query(url: &str, query: &[(&str, &str)]) -> Result<String, String> {
    let parsed = reqwest::Url::parse_with_params(url, query);
    parsed.map(Into::into).map_err(|error| format!("{url:?} is no address: {error}"))
}
