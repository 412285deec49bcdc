//! How clients of librdkafka are made here, and what their errors come to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{BrokerError, KafkaOptions};

/// How long one request may take, connecting included.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a complaint of the client explains an error.
const FRESH: Duration = Duration::from_secs(30);

/// What is set unless the user says otherwise: to find a server soon that comes back, and to hear of news at once.
const USUAL: &[(&str, &str)] = &[
    ("client.id", "intelmq-lab"),
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "1000"),
    ("retry.backoff.ms", "20"),
    ("retry.backoff.max.ms", "500"),
    ("topic.metadata.refresh.fast.interval.ms", "50"),
    ("broker.address.ttl", "1000"),
];

/// How long a failure to reach the server answers for all who ask.
const REST: Duration = Duration::from_millis(300);

/// Where the queues are, and how this process speaks to it.
#[derive(Debug)]
pub(super) struct Place {
    name: String,
    config: ClientConfig,
    said: Said,
    /// When the server could not be reached, and what was said then.
    down: Mutex<Option<(Instant, BrokerError)>>,
}

/// What a client complained of.
#[derive(Debug, Clone)]
struct Complaint {
    at: Instant,
    text: String,
    /// Whether trying again is of no use.
    is_final: bool,
}

/// The last complaint of a client, which says more than the error of a call that timed out because of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Arc<Mutex<Option<Complaint>>>);

impl Said {
    fn lock(&self) -> MutexGuard<'_, Option<Complaint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, text: &str, is_final: bool) {
        // `[thrd:…]: ` names a thread of the client.
        let text = text
            .strip_prefix("[thrd:")
            .and_then(|rest| rest.split_once("]: "))
            .map_or(text, |(_, rest)| rest);
        let is_final = is_final || is_refusal(text);
        let mut said = self.lock();
        // What follows from a refusal, as that no server is left, says less.
        if is_final || !said.as_ref().is_some_and(|said| said.is_final && said.at.elapsed() < FRESH) {
            *said = Some(Complaint { at: Instant::now(), text: text.to_owned(), is_final });
        }
    }

    fn last(&self) -> Option<Complaint> {
        self.lock().clone().filter(|said| said.at.elapsed() < FRESH)
    }
}

impl ClientContext for Said {
    fn log(&self, level: RDKafkaLogLevel, _: &str, text: &str) {
        if (level as i32) <= RDKafkaLogLevel::Error as i32 {
            self.note(text, false);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(reason, error.rdkafka_error_code().is_some_and(is_for_ever));
    }
}

impl ConsumerContext for Said {}

impl Place {
    /// Makes a place of options.
    pub(super) fn new(options: &KafkaOptions) -> Place {
        let mut config = ClientConfig::new();
        let usual = USUAL.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let all: BTreeMap<String, String> = usual.chain(options.properties.clone()).collect();
        for (key, value) in all {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &options.servers).set_log_level(RDKafkaLogLevel::Info);
        Place {
            name: format!("Kafka at {}", options.servers),
            config,
            said: Said::default(),
            down: Mutex::default(),
        }
    }

    /// Asks the server something, unless it could not be reached a moment ago.
    pub(super) fn ask<T>(&self, ask: impl FnOnce() -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        let down = || self.down.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, error)) = down().as_ref().filter(|(at, _)| at.elapsed() < REST) {
            return Err(error.clone());
        }
        let answer = ask();
        *down() = answer.as_ref().err().map(|error| (Instant::now(), error.clone()));
        if answer.is_ok() {
            *self.said.lock() = None;
        }
        answer
    }

    /// Returns what a client is made of; more may be set.
    pub(super) fn config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// Returns who listens to what a client complains of.
    pub(super) fn context(&self) -> Said {
        self.said.clone()
    }

    /// Tells whether the server will never let us in.
    pub(super) fn is_refusing(&self) -> bool {
        self.said.last().is_some_and(|said| said.is_final)
    }

    /// Makes the error of a call that failed.
    pub(super) fn trouble(&self, error: &KafkaError) -> BrokerError {
        let said = self.said.last();
        let text = match (&said, error) {
            (_, KafkaError::ClientConfig(_, what, key, value)) => {
                return self.refused(format!("{key}={value}: {what}{}", build_hint(what, key, value)));
            }
            (Some(Complaint { text, is_final: true, .. }), _) => {
                format!("it does not let us in, is the password right? ({text})")
            }
            (Some(Complaint { text, .. }), _) => format!("{error}: {text}"),
            (None, _) => error.to_string(),
        };
        let code = error.rdkafka_error_code();
        let for_ever = code.is_some_and(is_for_ever) || said.is_some_and(|said| said.is_final);
        if for_ever { self.refused(text) } else { self.unavailable(text) }
    }

    /// Makes the error of a call that failed for now.
    pub(super) fn passing(&self, error: &KafkaError) -> BrokerError {
        match self.trouble(error) {
            BrokerError::Unavailable { broker, problem } | BrokerError::Refused { broker, problem } => {
                BrokerError::Unavailable { broker, problem }
            }
        }
    }

    /// Makes an error that may pass.
    pub(super) fn unavailable(&self, problem: impl Into<String>) -> BrokerError {
        BrokerError::Unavailable { broker: self.name.clone(), problem: problem.into() }
    }

    /// Makes an error that stays.
    pub(super) fn refused(&self, problem: impl Into<String>) -> BrokerError {
        BrokerError::Refused { broker: self.name.clone(), problem: problem.into() }
    }
}

fn build_hint(what: &str, key: &str, value: &str) -> &'static str {
    let tls = what.contains("OpenSSL") || what.contains("not available") || what.contains("not supported");
    if tls && (key.starts_with("ssl") || key.starts_with("sasl") || value.to_lowercase().contains("ssl")) {
        "; this build has no TLS for Kafka: build it with the feature `kafka-tls`, as the releases are"
    } else {
        ""
    }
}

fn is_for_ever(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::InvalidConfig
            | Code::PolicyViolation
    )
}

/// Tells whether a complaint means that trying again is of no use.
fn is_refusal(said: &str) -> bool {
    let said = said.to_lowercase();
    ["authentication fail", "authentication error", "certificate verify", "unsupported sasl mechanism"]
        .iter()
        .any(|sign| said.contains(sign))
}
