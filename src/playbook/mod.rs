//! The tutorial as it is written: a folder of data, loaded with its places kept, found by id, and linted.

mod action;
mod catalog;
mod document;
mod folder;
mod glossary;
mod lint;
mod load;
mod period;
mod samples;
mod text;
mod translation;

pub use action::{Action, Fault, Inject, Replace, Request, Requeue, Seed};
pub use catalog::{Catalog, CatalogError, Entry, new_playbook};
pub use document::{FORMAT, Level, Service};
pub use folder::{Folder, FolderError};
pub use glossary::Glossary;
pub use lint::{Known, KnownService, Language, lint};
pub use load::{Playbook, Step, load};
pub use period::Period;
pub use samples::{Samples, rows_of};
pub use text::{Block, Part, Show, ShowChange, ShowDump, ShowEvents, ShowLines, ShowLog, StepText};
pub use translation::{Translation, stamp};

#[cfg(test)]
mod tests;
