//! Simulated feeds and the like: small servers on loopback that play what a lesson needs from the world outside.
//!
//! Bots never know that they talk to one of these. Faults can be asked for: wrong keys, outages, cut connections.

mod cuts;
mod fault;
mod feed;
mod http;
mod mailbox;
mod n6_api;
mod n6_stream;
mod network;
mod run;
mod shadowserver_api;
mod shodan_stream;
mod tls;
mod unacknowledged;

use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

pub use fault::{Fault, Trouble};
use feed::Feed;
use network::Serve;
pub use run::{Place, Services};

/// What a service may be.
#[derive(Debug)]
pub struct Kind {
    /// The name in playbooks.
    pub name: &'static str,
    /// A sentence.
    pub summary: &'static str,
    /// How its URL begins without and with TLS.
    pub scheme: [&'static str; 2],
    /// Whether it has TLS unless its option `tls` says otherwise.
    pub tls: bool,
    /// Whether it publishes files.
    pub publishes: bool,
    /// The names of its options.
    pub options: &'static [&'static str],
    /// The names of the faults that it can have, as playbooks call them.
    pub faults: &'static [&'static str],
    /// Where it writes below the lab's `out` folder; `ID` stands for its id.
    pub writes: &'static [&'static str],
    /// Makes a server of its options.
    make: fn(&Setup) -> Result<Arc<dyn Serve>, ServiceError>,
}

/// Every kind.
pub const KINDS: &[&Kind] =
    &[&mailbox::KIND, &n6_api::KIND, &n6_stream::KIND, &shadowserver_api::KIND, &shodan_stream::KIND];

impl Kind {
    /// Finds a kind by its name.
    pub fn find(name: &str) -> Option<&'static Kind> {
        KINDS.iter().copied().find(|kind| kind.name == name)
    }

    /// Tells whether a service with these options has TLS.
    pub fn has_tls(&self, options: &Map<String, Json>) -> bool {
        options.get("tls").and_then(Json::as_bool).unwrap_or(self.tls)
    }

    /// Returns the URL of a service with these options, without a slash at its end.
    pub fn url(&self, options: &Map<String, Json>, host: &str, port: u16) -> String {
        format!("{}://{host}:{port}", self.scheme[usize::from(self.has_tls(options))])
    }

    /// Says what is wrong with options; nothing is started.
    pub fn check(&self, options: &Map<String, Json>) -> Result<(), String> {
        let setup = Setup { id: String::new(), options: options.clone(), out: PathBuf::new() };
        match (self.make)(&setup) {
            Ok(_) => Ok(()),
            Err(ServiceError::Options(_, problem)) => Err(problem),
            Err(other) => Err(other.to_string()),
        }
    }
}

/// What a server is made of.
struct Setup {
    id: String,
    options: Map<String, Json>,
    /// The folder where it may write.
    out: PathBuf,
}

impl Setup {
    /// Reads the options as a kind has them.
    fn options<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        serde_json::from_value(Json::Object(self.options.clone()))
            .map_err(|error| ServiceError::Options(self.id.clone(), error.to_string()))
    }
}

/// The services of a lab, as its file [`FILE`] has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The services.
    pub services: Vec<Entry>,
}

/// One service of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// The name of its kind.
    pub kind: String,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// The files that it publishes from the start, below the lab's folder.
    pub data: Vec<String>,
    /// Its options, filled in.
    pub options: Map<String, Json>,
}

/// Where the services of a lab are written down, below its folder.
pub const FILE: &str = "services/services.json";

/// Where the certificate of the authority that vouches for the services of a lab is, below its folder.
pub const AUTHORITY: &str = "services/ca.pem";

/// What is to be seen of a running service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceStatus {
    /// Its id.
    pub id: String,
    /// The name of its kind.
    pub kind: String,
    /// Where it is.
    pub url: String,
    /// The names of the files that it publishes, in the order in which they came.
    pub files: Vec<String>,
    /// Faults that are still to come.
    pub faults: Vec<Fault>,
    /// Requests, connections or mails that it has had.
    pub requests: u64,
}

/// Why a service does not do what it shall.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such kind.
    #[error("service {0}: there is no kind {1:?} of services")]
    UnknownKind(String, String),
    /// There is no such service.
    #[error("there is no service {0:?}; there are: {1}")]
    Unknown(String, String),
    /// Its options are not right.
    #[error("the options of service {0:?}: {1}")]
    Options(String, String),
    /// It cannot do that.
    #[error("service {0}: {1}")]
    NotPossible(String, String),
    /// The port is taken.
    #[error(
        "service {id} cannot listen on port {port}: {cause}; `intelmq-lab reset` begins anew with other ports"
    )]
    Port {
        /// The service.
        id: String,
        /// The port.
        port: u16,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file or the system.
    #[error("{0}: {1}")]
    System(String, std::io::Error),
    /// No certificate could be made.
    #[error("the lab's certificates cannot be made: {0}")]
    Certificate(String),
}

#[cfg(test)]
mod tests;
