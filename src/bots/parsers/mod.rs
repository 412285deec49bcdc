//! All parsers. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod base;
mod rows;
pub mod shadowserver;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[&shadowserver::SPEC];
