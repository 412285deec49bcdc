//! The parameters of every bot that speaks STOMP.

use crate::bots::{Failure, Site};
use crate::pipeline::{Param, ParamKind, Params};
use crate::tls::{self, Identity, Trust};

/// What the bots have in common beside `server`, `port` and `heartbeat`, whose defaults differ.
pub(crate) const PARAMS: [Param; 6] = [
    Param::new(
        "ssl_ca_certificate",
        ParamKind::Text,
        "\"ca.pem\"",
        "A PEM file with the authorities to believe; empty for those of the system.",
    ),
    Param::new(
        "auth_by_ssl_client_certificate",
        ParamKind::Bool,
        "true",
        "Whether the bot shows a certificate instead of user and password.",
    ),
    Param::new("ssl_client_certificate", ParamKind::Text, "\"client.pem\"", "That certificate's PEM file."),
    Param::new("ssl_client_certificate_key", ParamKind::Text, "\"client.key\"", "The PEM file of its key."),
    Param::new("username", ParamKind::Text, "\"guest\"", "The user."),
    Param::new("password", ParamKind::Text, "\"guest\"", "The password; for n6 the API key."),
];

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The server's name or address; its certificate must be for it.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Login and passcode.
    pub(crate) login: Option<(String, String)>,
    /// Which servers are believed.
    pub(crate) trust: Trust,
    /// The certificate that is shown.
    pub(crate) identity: Option<Identity>,
    /// Milliseconds between heartbeats that are offered and wanted; 0 is none.
    pub(crate) heartbeat: u64,
}

impl Options {
    /// Reads the parameters; files that cannot be used are refused.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Options, Failure> {
        let text = |name: &str| params.required_text(name);
        let by_certificate = by_certificate(params)?;
        let authority = params.text("ssl_ca_certificate")?.unwrap_or_default();
        let port = number(params, "port")?;
        let login = if by_certificate { None } else { Some((text("username")?, text("password")?)) };
        let identity = if by_certificate {
            let certificate = site.path(&text("ssl_client_certificate")?);
            Some(Identity { certificate, key: site.path(&text("ssl_client_certificate_key")?) })
        } else {
            None
        };
        let options = Options {
            host: text("server")?,
            port: u16::try_from(port).map_err(|_| {
                Failure::Configuration(format!("parameter \"port\": must be 0 to 65535, not {port}"))
            })?,
            login,
            trust: if authority.is_empty() { Trust::System } else { Trust::Bundle(site.path(&authority)) },
            identity,
            heartbeat: number(params, "heartbeat")?,
        };
        let tls = tls::config(&options.trust, options.identity.as_ref());
        tls.map_err(|error| Failure::Configuration(error.to_string()))?;
        Ok(options)
    }

    /// Returns where a destination is, as IntelMQ writes it.
    pub(crate) fn url(&self, destination: &str) -> String {
        format!("stomp://{}:{}/{destination}", self.host, self.port)
    }
}

/// Only `true` and `false` are taken: a text such as "false" would count as true.
fn by_certificate(params: &Params) -> Result<bool, Failure> {
    let Some(value) = params.get("auth_by_ssl_client_certificate") else { return Ok(true) };
    value.as_bool().ok_or_else(|| {
        Failure::Configuration(format!(
            "parameter \"auth_by_ssl_client_certificate\": must be true or false, not {value}"
        ))
    })
}

fn number(params: &Params, name: &str) -> Result<u64, Failure> {
    let value = params.int(name)?.unwrap_or_default();
    u64::try_from(value)
        .map_err(|_| Failure::Configuration(format!("parameter {name:?}: must be 0 or more, not {value}")))
}
