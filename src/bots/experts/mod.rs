//! All experts. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod deduplicator;
mod taxonomy;
mod url;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[&deduplicator::SPEC, &taxonomy::SPEC, &url::SPEC];
