//! Why a botnet did not do what it was asked.

use crate::broker::BrokerError;
use crate::diagnostic::Diagnostic;

/// Why a botnet did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BotnetError {
    /// There is no such bot.
    #[error("there is no bot {id:?} in this botnet{}", hint(.nearest.as_deref()))]
    UnknownBot {
        /// The id.
        id: String,
        /// The id that was meant, perhaps.
        nearest: Option<String>,
    },
    /// A bot cannot go on.
    #[error("bot {id:?} stopped: {error}")]
    BotFailed {
        /// The id.
        id: String,
        /// Why.
        error: String,
    },
    /// The verb does not fit the bot.
    #[error("{0}")]
    NotPossible(String),
    /// The configuration cannot be used; nothing was changed.
    #[error("the configuration has {} and was not taken into use", crate::diagnostic::summary(.0))]
    Invalid(Vec<Diagnostic>),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The site's data format cannot be used.
    #[error("{path}: {problem}")]
    Harmonization {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}
