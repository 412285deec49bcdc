//! What goes wrong on demand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that a service does wrong, until it is cleared or was done often enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub trouble: Trouble,
    /// How often it does, in requests or connections; always unless it is said.
    pub times: Option<u32>,
    /// Only requests whose path contains this text.
    pub path: Option<String>,
}

/// What may go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It answers with this status, and how many seconds one shall wait if that is said.
    Status(u16, Option<u64>),
    /// It takes the right key for a wrong one.
    WrongKey,
    /// It waits so many milliseconds before it answers, or before each line of a stream.
    Slow(u64),
    /// It cuts the connection after so many bytes of the answer's body.
    CutBytes(u64),
    /// It cuts the connection after so many lines or messages.
    CutLines(u64),
    /// It says that all is there and gives the first half, as a download that was interrupted on its way in.
    HalfFile,
    /// Its certificate has expired.
    ExpiredCertificate,
    /// It closes each connection at once.
    NoAnswer,
}

impl Trouble {
    /// Returns what playbooks call it.
    pub fn name(&self) -> &'static str {
        match self {
            Trouble::Status(..) => "status",
            Trouble::WrongKey => "wrong_key",
            Trouble::Slow(_) => "slow",
            Trouble::CutBytes(_) => "cut_bytes",
            Trouble::CutLines(_) => "cut_lines",
            Trouble::HalfFile => "half_file",
            Trouble::ExpiredCertificate => "expired_certificate",
            Trouble::NoAnswer => "no_answer",
        }
    }

    /// Tells whether it is met when a connection is made, before anything is asked.
    pub(super) fn meets_connections(&self) -> bool {
        matches!(self, Trouble::ExpiredCertificate | Trouble::NoAnswer)
    }

    /// Tells whether it is met within a stream that is open already.
    pub(super) fn meets_streams(&self) -> bool {
        matches!(self, Trouble::CutBytes(_) | Trouble::CutLines(_) | Trouble::Slow(_))
    }
}
