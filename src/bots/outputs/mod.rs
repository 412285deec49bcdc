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

use super::{Ask, BotSpec};

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

/// Those whose database can be asked what is in it, with what asks.
pub(super) const ASKED: &[(&BotSpec, Ask)] = &[(&sql::SPEC, sql::ask)];
