//! The parameters of every bot that speaks HTTP, as one sets up a client with them.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use serde_json::Value as Json;

use crate::bots::{Failure, Site};
use crate::pipeline::Params;
use crate::tls::{self, Identity, Trust, words};

/// How many redirects are followed.
const REDIRECTS: usize = 30;

/// What the parameters of a bot say.
pub(super) struct Settings {
    /// A client, all but its patience.
    pub(super) builder: ClientBuilder,
    /// How long it waits for a connection, and for each part of an answer.
    pub(super) timeout: Duration,
    /// How often it tries to connect, at least once.
    pub(super) tries: u32,
    pub(super) login: Option<(String, String)>,
    /// What is odd about the parameters.
    pub(super) warnings: Vec<&'static str>,
}

impl Settings {
    /// Reads the parameters.
    pub(super) fn read(params: &Params, site: &Site) -> Result<Settings, Failure> {
        let mut warnings = Vec::new();
        let timeout = params.seconds("http_timeout_sec")?.unwrap_or(Duration::from_secs(30));
        let tries = params.int("http_timeout_max_tries")?.unwrap_or(3);
        let (user, password) = (params.text("http_username")?, params.text("http_password")?);
        let tls = tls::config(&trust(params, site)?, identity(params, site)?.as_ref());
        let tls = tls.map_err(|error| Failure::Configuration(error.to_string()))?;
        let builder = ClientBuilder::new()
            .connect_timeout(timeout)
            .redirect(Policy::limited(REDIRECTS))
            .default_headers(headers(params)?)
            .tls_backend_preconfigured(tls);
        Ok(Settings {
            builder: proxies(builder, params, &mut warnings)?,
            timeout,
            tries: u32::try_from(tries).unwrap_or(1).max(1),
            login: user.zip(password),
            warnings,
        })
    }
}

/// Follows the redirects that keep a request as it is; at the others the body would be lost, so they are the answer.
pub(super) fn keeping_bodies() -> Policy {
    Policy::custom(|attempt| match attempt.status().as_u16() {
        307 | 308 => Policy::limited(REDIRECTS).redirect(attempt),
        _ => attempt.stop(),
    })
}

/// Says that no client can be made of the parameters.
pub(super) fn unusable(error: &reqwest::Error) -> Failure {
    Failure::Configuration(format!("the HTTP parameters cannot be used: {}", words(error)))
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
    let wrong = |error: reqwest::Error| Failure::Configuration(format!("the proxy: {}", words(&error)));
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
    let wrong = |error: reqwest::Error| Failure::Configuration(format!("the proxy: {}", words(&error)));
    builder = builder.no_proxy();
    for (name, make) in [("http_proxy", Proxy::http as fn(String) -> _), ("https_proxy", Proxy::https)] {
        if let Some(address) = variable(name).or_else(|| variable("all_proxy")) {
            let proxy = make(address).map_err(wrong)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&except)));
        }
    }
    Ok(builder)
}
