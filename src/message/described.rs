//! What the fields of IntelMQ 3.5.0 hold, in a few words each; `harmonization.conf` needs them, and documentation shows them.

/// What follows `destination.` and `source.`, with what it holds of that end.
const ENDS: &[(&str, &str)] = &[
    ("abuse_contact", "Mail addresses that take complaints about {end}, separated by commas."),
    ("account", "Name of a user or mailbox of {end}."),
    ("allocated", "When the address of {end} was given to its holder."),
    ("as_name", "Name of the autonomous system of {end}."),
    ("asn", "Number of the autonomous system of {end}."),
    ("domain_suffix", "Public suffix of the domain name of {end}."),
    ("fqdn", "Domain name of {end}, without a dot at its end."),
    ("geolocation.cc", "Country of {end} as two letters (ISO 3166-1)."),
    ("geolocation.city", "City of {end}."),
    ("geolocation.country", "Name of the country of {end}."),
    ("geolocation.cymru_cc", "Country of {end} as Team Cymru tells it, two letters."),
    ("geolocation.geoip_cc", "Country of {end} as a GeoIP database tells it, two letters."),
    ("geolocation.latitude", "Degrees north of {end}."),
    ("geolocation.longitude", "Degrees east of {end}."),
    ("geolocation.region", "Region or district of {end}."),
    ("geolocation.state", "State or province of {end}."),
    ("ip", "Address of {end}, IPv4 or IPv6."),
    ("local_hostname", "Name of {end} within its own network."),
    ("local_ip", "Address of {end} within its own network."),
    ("network", "Network that the address of {end} belongs to, in CIDR notation."),
    ("port", "Port of {end}."),
    ("registry", "Registry that gave out the address of {end}."),
    ("reverse_dns", "Name that the reverse DNS has for the address of {end}."),
    ("tor_node", "Whether {end} is a node of the Tor network."),
    ("url", "URL that belongs to {end}."),
    ("urlpath", "Path of a URL that belongs to {end}."),
];

/// The other fields.
const FIELDS: &[(&str, &str)] = &[
    ("classification.identifier", "Short name of this very kind of incident, for automatic handling."),
    ("classification.taxonomy", "Upper level of the classification; follows from the type."),
    ("classification.type", "Kind of incident in the classification of ENISA and the CSIRTs."),
    ("comment", "Free text of an analyst."),
    ("constituency", "Whom the incident concerns, where a team serves several groups."),
    ("event_description.target", "What was attacked, in words."),
    ("event_description.text", "What happened, in words."),
    ("event_description.url", "Page that tells more of what happened."),
    ("event_hash", "Hash of the event's fields, to tell equal events."),
    ("extra", "Everything that has no field of its own, by name."),
    ("feed.accuracy", "How reliable the feed is, in per cent."),
    ("feed.code", "Short name of the feed."),
    ("feed.documentation", "Page that documents the feed."),
    ("feed.name", "Name of the feed."),
    ("feed.provider", "Who provides the feed."),
    ("feed.url", "Where the report was fetched."),
    ("malware.hash.md5", "MD5 hash of the malware."),
    ("malware.hash.sha1", "SHA-1 hash of the malware."),
    ("malware.hash.sha256", "SHA-256 hash of the malware."),
    ("malware.name", "Name of the malware, in lower case."),
    ("malware.version", "Version of the malware."),
    ("misp.attribute_uuid", "UUID of the attribute in MISP."),
    ("misp.event_uuid", "UUID of the event in MISP."),
    ("output", "The event in the form of another system, as JSON."),
    ("product.full_name", "Full name of the product concerned."),
    ("product.name", "Name of the product concerned."),
    ("product.vendor", "Vendor of the product concerned."),
    ("product.version", "Version of the product concerned."),
    ("product.vulnerabilities", "Vulnerabilities of the product, separated by semicolons."),
    ("protocol.application", "Protocol of the application, such as http."),
    ("protocol.transport", "Protocol of the transport, such as tcp."),
    ("raw", "What the event was made of, in Base64."),
    ("rtir_id", "Number of the ticket in RTIR."),
    ("screenshot_url", "Picture of what was seen."),
    ("severity", "How bad it is: critical, high, medium, low, info or undefined."),
    ("status", "State of what was seen, such as online."),
    ("time.observation", "When it came to this botnet."),
    ("time.source", "When it happened, as the source tells."),
    ("tlp", "To whom it may be shown: the colour of the Traffic Light Protocol."),
];

/// Says what a field holds.
pub(crate) fn describe(name: &str) -> String {
    let end = |end: &str| name.strip_prefix(end).and_then(|rest| rest.strip_prefix('.'));
    let of_end = |rest: &str, words: &str| {
        ENDS.iter().find(|(name, _)| *name == rest).map(|(_, text)| text.replace("{end}", words))
    };
    let of_ends = end("source").and_then(|rest| of_end(rest, "where it came from"));
    let of_ends = of_ends.or_else(|| of_end(end("destination")?, "where it went to"));
    let other = || FIELDS.iter().find(|(field, _)| *field == name).map(|(_, text)| (*text).to_owned());
    of_ends.or_else(other).unwrap_or_else(|| format!("A field of this site, {name}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Idf, MessageType};

    #[test]
    fn every_field_is_described() {
        let idf = Idf::builtin();
        for field in idf.fields(MessageType::Event).chain(idf.fields(MessageType::Report)) {
            assert!(!describe(&field.name).contains("of this site"), "{}", field.name);
        }
        assert_eq!(describe("source.ip"), "Address of where it came from, IPv4 or IPv6.");
        assert_eq!(describe("own.field"), "A field of this site, own.field.");
    }
}
