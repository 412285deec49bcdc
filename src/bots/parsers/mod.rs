//! All parsers. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod base;
pub mod csv;
mod identity;
pub mod json;
pub mod n6;
pub mod shadowserver;
pub mod shodan;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[&csv::SPEC, &json::SPEC, &n6::SPEC, &shadowserver::SPEC, &shodan::SPEC];
