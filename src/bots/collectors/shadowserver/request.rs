//! The request for the list of reports, and its signature over the very bytes that are sent.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value as Json;
use sha2::Sha256;

use super::Entry;
use crate::bots::Failure;
use crate::bots::http::{Http, Request};

/// What the list is asked with.
#[derive(Clone)]
pub(super) struct ListRequest {
    pub(super) url: String,
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) reports: Option<Vec<String>>,
}

impl ListRequest {
    /// Asks for the reports of today and the two days before, in UTC.
    pub(super) fn ask(&self, http: &Http, now: Timestamp) -> Result<Vec<Entry>, Failure> {
        let body = self.body(now);
        let signature = self.sign(body.as_bytes());
        let answer = http.ask(&Request {
            method: "POST",
            url: &self.url,
            headers: &[("HMAC2", &signature)],
            body: Some(body.into_bytes()),
        })?;
        // A wrong key is told with any of these.
        let of_keys = answer.is_success() || matches!(answer.status, 401 | 403);
        let refusal = (!answer.is_success()).then(|| answer.refusal());
        let text = answer.bytes()?;
        let told: Result<Json, _> = serde_json::from_slice(&text);
        let error = told.as_ref().ok().and_then(|told| told.get("error")).map(|error| match error {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        });
        if let Some(error) = error {
            let more = match refusal {
                Some(refusal) if !of_keys => refusal,
                _ => "Check api_key and secret if it speaks of them.".to_owned(),
            };
            return Err(Failure::Other(format!("The Reports API answers: {error}. {more}")));
        }
        if let Some(refusal) = refusal {
            return Err(Failure::Other(refusal));
        }
        told.and_then(serde_json::from_value).map_err(|error| {
            Failure::Other(format!("The Reports API's list of reports cannot be read: {error}"))
        })
    }

    /// Writes the request as IntelMQ does, blanks included.
    fn body(&self, now: Timestamp) -> String {
        let today = TimeZone::UTC.to_datetime(now).date();
        // Only a day before the year -9999 has no day before it.
        let first = today.checked_sub(2.days()).unwrap_or(today);
        let text = |text: &str| Json::from(text).to_string();
        let mut body = format!("{{ \"apikey\": {} ,\"date\": \"{first}:{today}\" ", text(&self.key));
        if let Some(reports) = &self.reports {
            let list: Vec<String> = reports.iter().map(|report| text(report)).collect();
            body.push_str(",\"reports\": [");
            body.push_str(&list.join(", "));
            body.push(']');
        }
        body + "}"
    }

    fn sign(&self, body: &[u8]) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()) else {
            return String::new();
        };
        mac.update(body);
        let digits = b"0123456789abcdef".map(char::from);
        let bytes = mac.finalize().into_bytes();
        bytes
            .iter()
            .flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]])
            .collect()
    }
}
