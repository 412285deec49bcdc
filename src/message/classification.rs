//! Classification types and taxonomies.

use super::text::lowercase;
use super::value::Value;

/// Every taxonomy with its types; `test` and `other` are types as well.
pub(crate) const TAXONOMIES: &[(&str, &[&str])] = &[
    ("abusive-content", &["spam", "harmful-speech", "violence"]),
    ("availability", &["ddos", "dos", "outage", "sabotage", "misconfiguration"]),
    ("fraud", &["copyright", "masquerade", "phishing", "unauthorized-use-of-resources"]),
    (
        "information-content-security",
        &[
            "unauthorised-information-access",
            "unauthorised-information-modification",
            "data-loss",
            "data-leak",
        ],
    ),
    ("information-gathering", &["scanner", "sniffing", "social-engineering"]),
    ("intrusion-attempts", &["brute-force", "exploit", "ids-alert"]),
    (
        "intrusions",
        &[
            "application-compromise",
            "burglary",
            "privileged-account-compromise",
            "system-compromise",
            "unprivileged-account-compromise",
        ],
    ),
    ("malicious-code", &["c2-server", "infected-system", "malware-configuration", "malware-distribution"]),
    (
        "vulnerable",
        &[
            "ddos-amplifier",
            "information-disclosure",
            "potentially-unwanted-accessible",
            "vulnerable-system",
            "weak-crypto",
        ],
    ),
    ("other", &["blacklist", "dga-domain", "malware", "other", "proxy", "tor", "undetermined"]),
    ("test", &["test"]),
];

/// Old names of types, in lower case.
const OLD: &[(&str, &str)] = &[
    ("botnet drone", "infected-system"),
    ("ids alert", "ids-alert"),
    ("c&c", "c2-server"),
    ("c2server", "c2-server"),
    ("infected system", "infected-system"),
    ("malware configuration", "malware-configuration"),
    ("ransomware", "infected-system"),
    ("dga domain", "dga-domain"),
    ("vulnerable client", "vulnerable-system"),
    ("vulnerable service", "vulnerable-system"),
    ("leak", "data-leak"),
    ("unknown", "undetermined"),
    ("unauthorized-login", "system-compromise"),
    ("unauthorized-command", "system-compromise"),
    ("compromised", "system-compromise"),
    ("backdoor", "system-compromise"),
    ("defacement", "unauthorised-information-modification"),
    ("dropzone", "other"),
];

/// Returns the taxonomy of a classification type.
pub fn taxonomy_of(kind: &str) -> Option<&'static str> {
    TAXONOMIES.iter().find(|(_, types)| types.contains(&kind)).map(|(taxonomy, _)| *taxonomy)
}

pub(crate) fn is_type(text: &str) -> bool {
    taxonomy_of(text).is_some()
}

pub(crate) fn is_taxonomy(text: &str) -> bool {
    TAXONOMIES.iter().any(|(taxonomy, _)| *taxonomy == text)
}

pub(crate) fn kind(value: Value) -> Option<Value> {
    let value = lowercase(value).filter(Value::is_truthy)?;
    let new = value.as_str().and_then(|text| OLD.iter().find(|(old, _)| *old == text));
    Some(new.map_or(value, |(_, new)| Value::from(*new)))
}

pub(crate) fn taxonomy(value: Value) -> Option<Value> {
    let value = lowercase(value).filter(Value::is_truthy)?;
    Some(match value.as_str() {
        Some(
            old @ ("abusive content" | "information gathering" | "intrusion attempts" | "malicious code"),
        ) => Value::from(old.replace(' ', "-")),
        _ => value,
    })
}
