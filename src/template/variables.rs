//! The values that a template may name.

use std::collections::BTreeMap;

use minijinja::Value;

/// Where a lab's services are for who stands beside the bots.
pub const LOOPBACK: &str = "127.0.0.1";

/// What a template may name. Each target fills it in; [`Variables::example`] is for `lint`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// `lab.in`: the folder where seeds are put, without a slash at its end.
    pub lab_in: String,
    /// `lab.out`: the folder where outputs write, without a slash at its end.
    pub lab_out: String,
    /// `service.ID.…`
    pub services: BTreeMap<String, Endpoint>,
    /// `secret.ID`
    pub secrets: BTreeMap<String, String>,
}

/// Where a service is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `service.ID.url`, without a slash at its end.
    pub url: String,
    /// `service.ID.host`
    pub host: String,
    /// `service.ID.port`
    pub port: u16,
    /// `service.ID.ca`: the file with the certificate of the lab's own authority, which vouches for its services.
    pub ca: String,
}

impl Variables {
    /// Makes values that look right, for checking a template without a lab.
    pub fn example<'a>(
        services: impl IntoIterator<Item = &'a str>,
        secrets: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let endpoint = |(index, id): (usize, &str)| {
            let port = 20_000 + u16::try_from(index).unwrap_or(0);
            (
                id.to_owned(),
                Endpoint {
                    url: format!("http://127.0.0.1:{port}"),
                    host: "127.0.0.1".into(),
                    port,
                    ca: "/lab/services/ca.pem".into(),
                },
            )
        };
        Variables {
            lab_in: "/lab/in".into(),
            lab_out: "/lab/out".into(),
            services: services.into_iter().enumerate().map(endpoint).collect(),
            secrets: secrets.into_iter().map(|id| (id.to_owned(), format!("secret-{id}"))).collect(),
        }
    }

    /// Returns the same with services where the program itself reaches them, and not the bots.
    #[must_use]
    pub fn from_outside(&self) -> Self {
        let mut outside = self.clone();
        for endpoint in outside.services.values_mut() {
            let (inside, here) = (format!("://{}:", endpoint.host), format!("://{LOOPBACK}:"));
            endpoint.url = endpoint.url.replacen(&inside, &here, 1);
            LOOPBACK.clone_into(&mut endpoint.host);
        }
        outside
    }

    /// Returns the value of a dotted name.
    pub fn get(&self, name: &str) -> Option<String> {
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            ["lab", "in"] => Some(self.lab_in.clone()),
            ["lab", "out"] => Some(self.lab_out.clone()),
            ["secret", id] => self.secrets.get(*id).cloned(),
            ["service", id, what] => {
                let endpoint = self.services.get(*id)?;
                match *what {
                    "url" => Some(endpoint.url.clone()),
                    "host" => Some(endpoint.host.clone()),
                    "port" => Some(endpoint.port.to_string()),
                    "ca" => Some(endpoint.ca.clone()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Lists every name.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec!["lab.in".to_owned(), "lab.out".to_owned()];
        for id in self.services.keys() {
            names.extend(["url", "host", "port", "ca"].map(|what| format!("service.{id}.{what}")));
        }
        names.extend(self.secrets.keys().map(|id| format!("secret.{id}")));
        names
    }

    pub(super) fn to_value(&self) -> Value {
        let services = self.services.iter().map(|(id, Endpoint { url, host, port, ca })| {
            let fields = [
                ("url", Value::from(url.as_str())),
                ("host", host.as_str().into()),
                ("port", (*port).into()),
                ("ca", ca.as_str().into()),
            ];
            (id.as_str(), mapping(fields))
        });
        let secrets = self.secrets.iter().map(|(id, value)| (id.as_str(), value.as_str().into()));
        mapping([
            ("lab", mapping([("in", self.lab_in.as_str().into()), ("out", self.lab_out.as_str().into())])),
            ("service", mapping(services)),
            ("secret", mapping(secrets)),
        ])
    }
}

fn mapping<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::from(entries.into_iter().collect::<BTreeMap<_, _>>())
}
