//! Every broker: its name, its addresses, how it is opened. To add one: its file, and its line in [`BROKERS`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "kafka")]
use super::kafka;
use super::prefixed::Prefixed;
use super::{Broker, BrokerError, Side, SyncMode, Url, UrlError, embedded, redis};
use crate::diagnostic::suggest;
use crate::pipeline::ParamError;

/// A broker as the command line and the runtime file name it.
#[derive(Debug)]
pub struct BrokerKind {
    /// The name on the command line.
    pub name: &'static str,
    /// What `source_pipeline_broker` and `destination_pipeline_broker` call it.
    pub parameter: &'static str,
    /// The schemes of its addresses; none if it is part of this program.
    pub schemes: &'static [&'static str],
    /// Where it is unless an address says otherwise.
    pub usual: &'static str,
    /// Whether this build has it.
    pub ready: bool,
    /// Makes an address of the parameters of one side of a bot.
    pub of_side: fn(&Side<'_>) -> Result<Url, ParamError>,
    /// Opens it. A server need not be there yet: what cannot wait is a wrong address.
    pub open: fn(&Settings) -> Result<Arc<dyn Broker>, BrokerError>,
}

/// Everything that is needed to use a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it is; for the embedded one that says nothing.
    pub url: Url,
    /// The folder of what is kept on this side: the embedded queues, memory that the server itself does not keep.
    pub folder: PathBuf,
    /// When what is kept on this side waits for the disk.
    pub sync: SyncMode,
    /// The process among those of the botnet.
    pub process: Member,
}

/// A process among those of a botnet; a newer one of the same name and number is taken for the older one's successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is called.
    pub name: String,
    /// Which of several that share its work it is, from 0.
    pub number: usize,
    /// How many share its work, at least 1.
    pub of: usize,
}

impl Member {
    /// Returns a process that shares its work with nobody.
    pub fn alone(name: &str) -> Member {
        Member { name: name.to_owned(), number: 0, of: 1 }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.of > 1 { write!(f, ".{}", self.number + 1) } else { Ok(()) }
    }
}

/// The option of an address with what all names begin with.
pub const PREFIX: &str = "prefix";

/// Every broker; the first is the default.
pub const BROKERS: &[BrokerKind] = &[
    embedded::KIND,
    redis::KIND,
    #[cfg(feature = "rabbitmq")]
    super::rabbitmq::KIND,
    #[cfg(not(feature = "rabbitmq"))]
    missing("rabbitmq", "amqp", &["amqp", "amqps"], "amqp://127.0.0.1:5672"),
    #[cfg(feature = "kafka")]
    kafka::KIND,
    #[cfg(not(feature = "kafka"))]
    missing("kafka", "kafka", &["kafka"], "kafka://127.0.0.1:9092"),
];

/// A broker that this build does not have.
#[cfg(not(all(feature = "kafka", feature = "rabbitmq")))]
const fn missing(
    name: &'static str,
    parameter: &'static str,
    schemes: &'static [&'static str],
    usual: &'static str,
) -> BrokerKind {
    let open = |settings: &Settings| {
        let problem = "this build of intelmq-lab does not have this broker".to_owned();
        Err(BrokerError::Refused { broker: settings.url.to_string(), problem })
    };
    BrokerKind { name, parameter, schemes, usual, ready: false, of_side: |side| side.server("none"), open }
}

impl BrokerKind {
    /// Tells whether bots in several processes can use it.
    pub fn is_networked(&self) -> bool {
        !self.schemes.is_empty()
    }

    /// Opens it. With the option `prefix` in its address all names begin so there, which keeps several botnets apart.
    pub fn opened(&self, settings: &Settings) -> Result<Arc<dyn Broker>, BrokerError> {
        let mut settings = settings.clone();
        let prefix = settings.url.options.remove(PREFIX).unwrap_or_default();
        let broker = (self.open)(&settings)?;
        Ok(if prefix.is_empty() { broker } else { Arc::new(Prefixed::new(broker, &prefix)) })
    }

    /// Finds a broker by its name.
    pub fn named(name: &str) -> Result<&'static BrokerKind, ChoiceError> {
        let unknown = || {
            let names = BROKERS.iter().map(|kind| kind.name);
            let near = suggest(name, names.clone()).map(|near| format!("did you mean `{near}`?"));
            let way = near.unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
            ChoiceError::Unknown { name: name.to_owned(), way }
        };
        BROKERS.iter().find(|kind| kind.name == name).ok_or_else(unknown)?.if_ready()
    }

    /// Finds the broker that an address is of.
    pub fn of_url(url: &Url) -> Result<&'static BrokerKind, ChoiceError> {
        let found = BROKERS.iter().find(|kind| kind.schemes.contains(&&*url.scheme));
        let unknown = || ChoiceError::Scheme { url: url.to_string(), schemes: schemes(BROKERS) };
        found.ok_or_else(unknown)?.if_ready()
    }

    fn if_ready(&'static self) -> Result<&'static BrokerKind, ChoiceError> {
        let ready = || BROKERS.iter().filter(|kind| kind.ready).map(|kind| kind.name);
        let missing =
            || ChoiceError::NotHere { name: self.name, ready: ready().collect::<Vec<_>>().join(", ") };
        self.ready.then_some(self).ok_or_else(missing)
    }
}

fn schemes(kinds: &[BrokerKind]) -> String {
    let schemes = kinds.iter().flat_map(|kind| kind.schemes);
    schemes.map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ")
}

/// Decides on a broker and its address; what is not said is `fallback`, or the usual address of the broker.
pub fn choose(
    name: Option<&str>,
    url: Option<&str>,
    fallback: &str,
) -> Result<(&'static BrokerKind, Option<Url>), ChoiceError> {
    let Some(url) = url.map(Url::parse).transpose()? else {
        return Ok((BrokerKind::named(name.unwrap_or(fallback))?, None));
    };
    let named = name.map(BrokerKind::named).transpose()?;
    if let Some(kind) = named.filter(|kind| !kind.is_networked()) {
        return Err(ChoiceError::Inside { name: kind.name });
    }
    let kind = BrokerKind::of_url(&url)?;
    match named.filter(|named| named.name != kind.name) {
        Some(named) => {
            let schemes = schemes(std::slice::from_ref(named));
            Err(ChoiceError::Differ { name: named.name, url: url.to_string(), schemes })
        }
        None => Ok((kind, Some(url))),
    }
}

/// Why there is no such broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The name is unknown.
    #[error("there is no broker `{name}`; {way}")]
    Unknown {
        /// The name.
        name: String,
        /// What to do.
        way: String,
    },
    /// This build does not have it.
    #[error("the broker `{name}` is not in this version yet; it has {ready}")]
    NotHere {
        /// The broker.
        name: &'static str,
        /// Those that it has.
        ready: String,
    },
    /// An address is of no broker.
    #[error("{url} is no broker's; addresses begin with {schemes}")]
    Scheme {
        /// The address.
        url: String,
        /// The schemes that there are.
        schemes: String,
    },
    /// Name and address do not go together.
    #[error("{url} is no address of `{name}`, whose addresses begin with {schemes}")]
    Differ {
        /// The broker.
        name: &'static str,
        /// The address.
        url: String,
        /// Its schemes.
        schemes: String,
    },
    /// It has no address.
    #[error("--broker-url needs a broker that is a server of its own; `{name}` is part of this program")]
    Inside {
        /// The broker.
        name: &'static str,
    },
    /// The address cannot be read.
    #[error(transparent)]
    Url(#[from] UrlError),
}
