//! All experts. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod asn_lookup;
mod deduplicator;
mod field_reducer;
mod filter;
mod modify;
mod rfc1918;
mod sieve;
mod taxonomy;
mod url;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[
    &asn_lookup::SPEC,
    &deduplicator::SPEC,
    &field_reducer::SPEC,
    &filter::SPEC,
    &modify::SPEC,
    &rfc1918::SPEC,
    &sieve::SPEC,
    &taxonomy::SPEC,
    &url::SPEC,
];
