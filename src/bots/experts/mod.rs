//! All experts. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod aggregate;
mod asn_lookup;
mod deduplicator;
mod field_reducer;
mod filter;
mod format_field;
mod jinja;
mod maxmind_geoip;
mod modify;
mod rfc1918;
mod sieve;
mod taxonomy;
mod threshold;
mod url;

pub use sieve::lint as lint_sieve;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[
    &aggregate::SPEC,
    &asn_lookup::SPEC,
    &deduplicator::SPEC,
    &field_reducer::SPEC,
    &filter::SPEC,
    &format_field::SPEC,
    &jinja::SPEC,
    &maxmind_geoip::SPEC,
    &modify::SPEC,
    &rfc1918::SPEC,
    &sieve::SPEC,
    &taxonomy::SPEC,
    &threshold::SPEC,
    &url::SPEC,
];
