//! Documentation that is made of what the program knows: the part of a bot's page that its specification tells, and the index of bots.
//!
//! Pure: a page in, a page out. `tests/it/bots_pages.rs` holds the pages in `docs/bots` to it.

mod bots;
mod examples;

pub use bots::{Page, generated, index, page_of, splice};
pub use examples::{Block, Example, blocks, examples, replaced};
