//! The parameters of every bot that speaks to Kafka.

use std::path::PathBuf;

use crate::bots::{Failure, Site};
use crate::pipeline::{Param, ParamKind, Params};

/// What the bots have in common.
pub(crate) const PARAMS: [Param; 9] = [
    Param::new(
        "bootstrap_servers",
        ParamKind::List,
        "\"localhost:9092\"",
        "Servers of the cluster, `host:port` each; the others are learnt from them.",
    ),
    Param::new("ssl_cafile", ParamKind::Text, "null", "A PEM file with the authorities to believe."),
    Param::new(
        "ssl_certfile",
        ParamKind::Text,
        "null",
        "A PEM file with the certificate that the bot shows.",
    ),
    Param::new(
        "ssl_check_hostname",
        ParamKind::Bool,
        "true",
        "Whether the server's certificate must be for its name.",
    ),
    Param::new(
        "ssl_keyfile",
        ParamKind::Text,
        "null",
        "The PEM file of that certificate's key. Ours, not IntelMQ's.",
    )
    .ours(),
    Param::new(
        "security_protocol",
        ParamKind::Choice(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        "null",
        "How to speak to the servers; what the other parameters need if it is not set. Ours, not IntelMQ's.",
    )
    .ours(),
    Param::new(
        "sasl_mechanism",
        ParamKind::Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
        "\"PLAIN\"",
        "How the password is shown. Ours, not IntelMQ's.",
    )
    .ours(),
    Param::new("sasl_plain_username", ParamKind::Text, "null", "The user. Ours, not IntelMQ's.").ours(),
    Param::new("sasl_plain_password", ParamKind::Text, "null", "The user's password. Ours, not IntelMQ's.")
        .ours(),
];

/// Where Kafka is, and as whom one speaks to it.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Hosts and ports, with commas between.
    pub(crate) servers: String,
    /// Properties of the client.
    pub(crate) properties: Vec<(&'static str, String)>,
}

impl Options {
    /// Reads the parameters.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Options, Failure> {
        let servers = params.list("bootstrap_servers", true)?.unwrap_or_default();
        let servers: Vec<String> = servers.into_iter().filter(|server| !server.is_empty()).collect();
        if servers.is_empty() {
            return Err(Failure::Configuration("parameter \"bootstrap_servers\": must name a server".into()));
        }
        let text = |name: &str| params.text(name).map(|text| text.filter(|text| !text.is_empty()));
        let file = |name: &str| text(name).map(|path| path.map(|path| site.path(&path)));
        let files = [
            ("ssl.ca.location", file("ssl_cafile")?),
            ("ssl.certificate.location", file("ssl_certfile")?),
            ("ssl.key.location", file("ssl_keyfile")?),
        ];
        let user = text("sasl_plain_username")?;
        let protocol = match text("security_protocol")? {
            Some(protocol) => protocol,
            None => protocol(user.is_some(), files.iter().any(|(_, file)| file.is_some())).to_owned(),
        };
        let mut properties = Vec::new();
        if protocol.ends_with("SSL") {
            let path = |(name, path): (_, Option<PathBuf>)| Some((name, path?.display().to_string()));
            properties.extend(files.into_iter().filter_map(path));
            let checks = params.get("ssl_check_hostname").is_none() || params.flag("ssl_check_hostname");
            let check = if checks { "https" } else { "none" };
            properties.push(("ssl.endpoint.identification.algorithm", check.to_owned()));
        }
        if protocol.starts_with("SASL") {
            let mechanism = text("sasl_mechanism")?.unwrap_or_else(|| "PLAIN".to_owned());
            properties.push(("sasl.mechanism", mechanism));
            properties.push(("sasl.username", user.unwrap_or_default()));
            properties.push(("sasl.password", text("sasl_plain_password")?.unwrap_or_default()));
        }
        properties.push(("security.protocol", protocol));
        Ok(Options { servers: servers.join(","), properties })
    }
}

/// Returns the protocol for those who have a user, and files of TLS.
fn protocol(user: bool, files: bool) -> &'static str {
    match (user, files) {
        (true, true) => "SASL_SSL",
        (true, false) => "SASL_PLAINTEXT",
        (false, true) => "SSL",
        (false, false) => "PLAINTEXT",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::message::Idf;

    fn options(given: Json) -> Result<String, String> {
        let Json::Object(given) = given else { panic!("an object is wanted") };
        let params = Params::new(given.into_iter().collect());
        let site = Site { bot: "bot".into(), state: "/state".into(), idf: Idf::builtin() };
        let options = Options::of(&params, &site).map_err(|failure| failure.to_string())?;
        let mut properties: Vec<String> =
            options.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        properties.sort();
        Ok(format!("{} {}", options.servers, properties.join(" ")))
    }

    #[test]
    fn parameters_become_properties() {
        let tls = "sasl.mechanism=SCRAM-SHA-256 sasl.password=secret sasl.username=me security.protocol=SASL_SSL \
                   ssl.ca.location=/state/ca.pem ssl.endpoint.identification.algorithm=none";
        let table = [
            (json!({"bootstrap_servers": "one:9092"}), "one:9092 security.protocol=PLAINTEXT".to_owned()),
            (
                json!({"bootstrap_servers": ["one:1", "two:2"], "ssl_cafile": "ca.pem", "sasl_plain_username": "me",
                    "sasl_plain_password": "secret", "sasl_mechanism": "SCRAM-SHA-256", "ssl_check_hostname": false}),
                format!("one:1,two:2 {tls}"),
            ),
            (
                json!({"bootstrap_servers": "one:1", "security_protocol": "PLAINTEXT", "ssl_cafile": "ca.pem"}),
                "one:1 security.protocol=PLAINTEXT".to_owned(),
            ),
        ];
        for (given, wanted) in table {
            assert_eq!(options(given), Ok(wanted));
        }
        assert!(options(json!({"bootstrap_servers": " , "})).unwrap_err().contains("must name a server"));
    }
}
