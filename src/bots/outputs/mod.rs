//! All outputs. One file a bot, two lines here: `mod` and the entry in [`ALL`].

mod blackhole;
mod export;
mod file;
mod file_name;
mod files;
mod kafka;
mod mail;
mod restapi;
mod smtp;
mod sql;
mod stomp;
mod templated_smtp;

use super::BotSpec;

/// Every one of them, in the order of their module paths.
pub const ALL: &[&BotSpec] = &[
    &blackhole::SPEC,
    &file::SPEC,
    &files::SPEC,
    &kafka::SPEC,
    &restapi::SPEC,
    &smtp::SPEC,
    &sql::SPEC,
    &stomp::SPEC,
    &templated_smtp::SPEC,
];
