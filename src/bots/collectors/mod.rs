//! All collectors. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod feed;
mod file;
mod http;
mod job;
mod kafka;
mod lines;
mod shadowserver;
mod shodan;
mod stomp;
mod stream;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[
    &file::SPEC,
    &http::SPEC,
    &http::STREAM,
    &kafka::SPEC,
    &shadowserver::SPEC,
    &shodan::ALERT,
    &shodan::STREAM,
    &stomp::SPEC,
];
