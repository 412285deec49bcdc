//! HTTP as bots speak it: IntelMQ's `http_*` parameters, tries, and answers that are read to their true end or are an error.
//!
//! [`PARAMS`] and [`with_params`] put the parameters into a bot's specification, [`Http::of`] reads them.

#[cfg(test)]
pub(crate) mod tests;

use std::io::{self, Read};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{NoProxy, Proxy};
use serde_json::Value as Json;

use super::{Context, Failure, Level, Site};
use crate::pipeline::{Param, ParamKind, Params};
use crate::tls::{self, Identity, Trust};

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

/// Joins a bot's own parameters and [`PARAMS`]; `ALL` is the number of both together.
pub(crate) const fn with_params<const OWN: usize, const ALL: usize>(own: [Param; OWN]) -> [Param; ALL] {
    assert!(OWN + PARAMS.len() == ALL, "ALL is the number of both together");
    let mut all = [PARAMS[0]; ALL];
    let mut index = 0;
    while index < ALL {
        all[index] = if index < OWN { own[index] } else { PARAMS[index - OWN] };
        index += 1;
    }
    all
}

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
    address: String,
    content_type: String,
    body: Box<dyn Read + Send>,
}

impl Http {
    /// Reads the parameters.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Http, Failure> {
        let mut warnings = Vec::new();
        let timeout = params.seconds("http_timeout_sec")?.unwrap_or(Duration::from_secs(30));
        let tries = params.int("http_timeout_max_tries")?.unwrap_or(3);
        let (user, password) = (params.text("http_username")?, params.text("http_password")?);
        let tls = tls::config(&trust(params, site)?, identity(params, site)?.as_ref());
        let tls = tls.map_err(|error| Failure::Configuration(error.to_string()))?;
        let builder = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(Policy::limited(30))
            .default_headers(headers(params)?)
            .tls_backend_preconfigured(tls);
        let client = proxies(builder, params, &mut warnings)?.build();
        Ok(Http {
            client: client.map_err(|error| {
                Failure::Configuration(format!("the HTTP parameters cannot be used: {}", cause(&error)))
            })?,
            tries: u32::try_from(tries).unwrap_or(1).max(1),
            login: user.zip(password),
            warnings,
        })
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
                Ok(response) => return Ok(Answer::of(response, bare(request.url))),
                Err(error) if error.is_connect() && left > 0 => {}
                Err(error) => {
                    let (address, cause) = (bare(request.url), cause(&error));
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

impl Answer {
    fn of(response: Response, address: String) -> Answer {
        let text =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let packed = text(CONTENT_ENCODING).is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
        Answer {
            status: response.status().as_u16(),
            retry_after: text(RETRY_AFTER),
            address,
            content_type: text(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase(),
            body: if packed { Box::new(MultiGzDecoder::new(response)) } else { Box::new(response) },
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
        format!(
            "HTTP response status code was {}. ({}){}",
            self.status,
            self.address,
            wait.unwrap_or_default()
        )
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
        let failed = |error: io::Error| Failure::Other(format!("{}: {}", self.address, io_cause(&error)));
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
            .map_err(|error| io::Error::other(format!("{}: {}", self.address, io_cause(&error))))
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

/// Returns an address with a query.
pub(crate) fn with_query(url: &str, query: &[(&str, &str)]) -> Result<String, String> {
    let parsed = reqwest::Url::parse_with_params(url, query);
    parsed.map(Into::into).map_err(|error| format!("{url:?} is no address: {error}"))
}

fn headers(params: &Params) -> Result<HeaderMap, Failure> {
    let wrong = |name: &str| {
        Failure::Configuration(format!(
            "parameter \"http_header\": {name:?} is no header line that can be sent"
        ))
    };
    let mut headers = HeaderMap::new();
    let agent = params.text("http_user_agent")?;
    let agent = agent.as_deref().unwrap_or(concat!("intelmq-lab/", env!("CARGO_PKG_VERSION")));
    let agent = HeaderValue::from_str(agent).map_err(|_| {
        Failure::Configuration(
            "parameter \"http_user_agent\": holds characters that cannot be sent".to_owned(),
        )
    })?;
    headers.insert(USER_AGENT, agent);
    match params.get("http_header") {
        None => {}
        Some(Json::Object(lines)) => {
            for (name, value) in lines {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(name))?;
                headers.insert(key, HeaderValue::from_str(&text).map_err(|_| wrong(name))?);
            }
        }
        Some(other) => {
            let text =
                format!("parameter \"http_header\": must be a mapping of names to values, not {other}");
            return Err(Failure::Configuration(text));
        }
    }
    Ok(headers)
}

fn trust(params: &Params, site: &Site) -> Result<Trust, Failure> {
    match params.get("http_verify_cert") {
        None | Some(Json::Bool(true)) => Ok(Trust::System),
        Some(Json::Bool(false)) => Ok(Trust::Everything),
        Some(Json::String(path)) if !path.is_empty() => Ok(Trust::Bundle(site.path(path))),
        Some(other) => Err(Failure::Configuration(format!(
            "parameter \"http_verify_cert\": must be true, false or the path of a CA bundle, not {other}"
        ))),
    }
}

fn identity(params: &Params, site: &Site) -> Result<Option<Identity>, Failure> {
    let path = match params.text("ssl_client_cert")? {
        None => params.text("ssl_client_certificate")?,
        path => path,
    };
    let path = path.filter(|path| !path.is_empty()).map(|path| site.path(&path));
    Ok(path.map(|path| Identity { certificate: path.clone(), key: path }))
}

fn proxies(
    builder: ClientBuilder,
    params: &Params,
    warnings: &mut Vec<&'static str>,
) -> Result<ClientBuilder, Failure> {
    let wrong = |error: reqwest::Error| Failure::Configuration(format!("the proxy: {}", cause(&error)));
    match (params.text("http_proxy")?, params.text("https_proxy")?) {
        (Some(http), Some(https)) => {
            Ok(builder.proxy(Proxy::http(http).map_err(wrong)?).proxy(Proxy::https(https).map_err(wrong)?))
        }
        (None, None) => from_environment(builder),
        _ => {
            warnings.push("Only one of http_proxy and https_proxy is set; no proxy is used.");
            Ok(builder.no_proxy())
        }
    }
}

/// Uses the proxies of the environment, except for what runs on this machine.
fn from_environment(mut builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
    let variable = |name: &str| {
        let value = std::env::var(name).or_else(|_| std::env::var(name.to_uppercase())).ok();
        value.filter(|value| !value.is_empty())
    };
    let except = format!("{},localhost,127.0.0.0/8,::1", variable("no_proxy").unwrap_or_default());
    let wrong = |error: reqwest::Error| Failure::Configuration(format!("the proxy: {}", cause(&error)));
    builder = builder.no_proxy();
    for (name, make) in [("http_proxy", Proxy::http as fn(String) -> _), ("https_proxy", Proxy::https)] {
        if let Some(address) = variable(name).or_else(|| variable("all_proxy")) {
            let proxy = make(address).map_err(wrong)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&except)));
        }
    }
    Ok(builder)
}

/// Returns what lies at the bottom of an error; it names no address.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn io_cause(error: &io::Error) -> String {
    error.get_ref().map_or_else(|| error.to_string(), |inner| cause(inner))
}
