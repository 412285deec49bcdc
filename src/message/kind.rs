//! The types of fields and what each makes of a value.

use super::value::Value;
use super::{address, classification, datetime, domain, json, number, python, text, url};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// A number of an autonomous system, 1 to 4294967295.
    Asn,
    /// A float from 0 to 100.
    Accuracy,
    /// Base64 text of any bytes.
    Base64,
    /// True or false.
    Boolean,
    /// One of IntelMQ's taxonomies.
    ClassificationTaxonomy,
    /// One of IntelMQ's classification types.
    ClassificationType,
    /// A moment, `YYYY-MM-DDTHH:MM:SS+00:00`.
    DateTime,
    /// A domain name in ASCII, in lower case.
    Fqdn,
    /// A float.
    Float,
    /// An IPv4 or IPv6 address.
    IpAddress,
    /// An IPv4 or IPv6 network without host bits.
    IpNetwork,
    /// An integer of any size.
    Integer,
    /// Text that is JSON.
    Json,
    /// An object, kept as one field per entry (`extra.x`).
    JsonDict,
    /// Text in lower case.
    LowercaseString,
    /// A regional internet registry.
    Registry,
    /// Any non-empty text.
    String,
    /// A level of the Traffic Light Protocol, version 1.
    Tlp,
    /// An address with a host part.
    Url,
    /// Text in upper case.
    UppercaseString,
}

/// Where IntelMQ would raise an error of Python's instead of calling the value invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Raised(pub &'static str);

const NAMES: &[(&str, FieldType)] = &[
    ("ASN", FieldType::Asn),
    ("Accuracy", FieldType::Accuracy),
    ("Base64", FieldType::Base64),
    ("Boolean", FieldType::Boolean),
    ("ClassificationTaxonomy", FieldType::ClassificationTaxonomy),
    ("ClassificationType", FieldType::ClassificationType),
    ("DateTime", FieldType::DateTime),
    ("FQDN", FieldType::Fqdn),
    ("Float", FieldType::Float),
    ("IPAddress", FieldType::IpAddress),
    ("IPNetwork", FieldType::IpNetwork),
    ("Integer", FieldType::Integer),
    ("JSON", FieldType::Json),
    ("JSONDict", FieldType::JsonDict),
    ("LowercaseString", FieldType::LowercaseString),
    ("Registry", FieldType::Registry),
    ("String", FieldType::String),
    ("TLP", FieldType::Tlp),
    ("URL", FieldType::Url),
    ("UppercaseString", FieldType::UppercaseString),
];

impl FieldType {
    /// Finds a type by the name `harmonization.conf` gives it.
    pub fn from_name(name: &str) -> Option<FieldType> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Returns the name that `harmonization.conf` gives it.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Converts a value to what the type stores; `None` if it cannot be converted.
    ///
    /// The result may still be invalid (an unknown classification type, say): see [`FieldType::is_valid`].
    pub fn sanitize(self, value: &Value) -> Result<Option<Value>, Raised> {
        self.sanitize_owned(value.clone())
    }

    /// Converts a value as [`FieldType::sanitize`] does, and keeps its memory when there is nothing to change.
    pub fn sanitize_owned(self, value: Value) -> Result<Option<Value>, Raised> {
        Ok(match self {
            FieldType::Asn => number::asn(&value),
            FieldType::Accuracy => number::accuracy(&value),
            FieldType::Base64 => text::base64(value),
            FieldType::Boolean => number::boolean(&value),
            FieldType::ClassificationTaxonomy => classification::taxonomy(value),
            FieldType::ClassificationType => classification::kind(value),
            FieldType::DateTime => datetime::sanitize(value),
            FieldType::Fqdn => domain::sanitize(value),
            FieldType::Float => number::float(&value),
            FieldType::IpAddress => address::sanitize_ip(value),
            FieldType::IpNetwork => address::sanitize_network(value),
            FieldType::Integer => number::integer(&value),
            FieldType::Json => json::sanitize(&value),
            FieldType::JsonDict => json::sanitize_dict(&value),
            FieldType::LowercaseString => text::lowercase(value),
            FieldType::Registry => text::registry(value),
            FieldType::String => text::generic(value),
            FieldType::Tlp => text::tlp(value),
            FieldType::Url => return url::sanitize(value),
            FieldType::UppercaseString => text::uppercase(value),
        })
    }

    /// Tells whether a message may hold the value as it is.
    pub fn is_valid(self, value: &Value) -> bool {
        self.check(value).unwrap_or(false)
    }

    /// Tells whether a message may hold the value, or that IntelMQ would fail to tell.
    pub(crate) fn check(self, value: &Value) -> Result<bool, Raised> {
        Ok(match (self, value) {
            (FieldType::Asn, Value::Int(number)) => (1..=i64::from(u32::MAX)).contains(number),
            (FieldType::Accuracy, Value::Int(number)) => (0..=100).contains(number),
            (FieldType::Accuracy, Value::Float(number)) => (0.0..=100.0).contains(number),
            (FieldType::Accuracy | FieldType::Boolean, Value::Bool(_))
            | (FieldType::Integer, Value::Int(_) | Value::BigInt(_))
            | (FieldType::Float, Value::Int(_) | Value::BigInt(_) | Value::Float(_)) => true,
            (FieldType::Base64, Value::Text(text)) if text.decoded().is_some() => !text.is_empty(),
            (_, Value::Text(text)) => return self.check_text(text),
            _ => false,
        })
    }

    /// Tells, cheaply, whether a value is valid and sanitation would not change it.
    pub(crate) fn is_clean(self, value: &Value) -> bool {
        match (self, value) {
            (FieldType::IpAddress, Value::Text(text)) => address::is_plain_v4(text),
            (FieldType::Url, Value::Text(text)) => url::is_clean(text),
            (
                FieldType::ClassificationTaxonomy
                | FieldType::ClassificationType
                | FieldType::DateTime
                | FieldType::Fqdn
                | FieldType::LowercaseString
                | FieldType::Registry
                | FieldType::String
                | FieldType::Tlp
                | FieldType::UppercaseString,
                Value::Text(text),
            ) => python::strip(text).len() == text.len() && self.is_valid(value),
            (FieldType::Asn | FieldType::Integer, Value::Int(_))
            | (FieldType::Accuracy | FieldType::Float, Value::Float(_))
            | (FieldType::Boolean, Value::Bool(_)) => self.is_valid(value),
            _ => false,
        }
    }

    fn check_text(self, text: &str) -> Result<bool, Raised> {
        Ok(match self {
            FieldType::Base64 => return text::check_base64(text),
            FieldType::ClassificationTaxonomy => classification::is_taxonomy(text),
            FieldType::ClassificationType => classification::is_type(text),
            FieldType::DateTime => datetime::is_valid(text),
            FieldType::Fqdn => return domain::check(text),
            FieldType::IpAddress => address::is_ip(text),
            FieldType::IpNetwork => address::is_network(text),
            FieldType::Json => json::is_json(text),
            FieldType::JsonDict => json::is_dict(text),
            FieldType::LowercaseString => text::is_lowercase(text),
            FieldType::Registry => text::is_registry(text),
            FieldType::String => !text.is_empty(),
            FieldType::Tlp => text::is_tlp(text),
            FieldType::Url => return url::check(text),
            FieldType::UppercaseString => text::is_uppercase(text),
            FieldType::Asn
            | FieldType::Accuracy
            | FieldType::Boolean
            | FieldType::Float
            | FieldType::Integer => false,
        })
    }
}
