//! The playbooks that a command can name.

use std::path::Path;

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use crate::diagnostic::Diagnostic;
use crate::playbook::{Catalog, CatalogError, Entry, Playbook};

/// Lists what is built in and what `--playbooks` adds.
pub(super) fn open(common: &Common) -> Result<Catalog, Failure> {
    Ok(match &common.playbooks {
        Some(folder) => Catalog::with_folder(folder)?,
        None => Catalog::built_in(),
    })
}

/// Finds the entries that some words name: ids, or folders; all of them if there is no word.
pub(super) fn entries(words: &[String], common: &Common) -> Result<Vec<Entry>, Failure> {
    let catalog = open(common)?;
    if words.is_empty() {
        return Ok(catalog.entries().cloned().collect());
    }
    let mut entries = Vec::new();
    for word in words {
        if Path::new(word).is_dir() && catalog.entries().all(|entry| entry.id != *word) {
            entries.extend(Catalog::only_folder(Path::new(word))?.entries().cloned());
        } else {
            entries.push(catalog.find(word)?.clone());
        }
    }
    Ok(entries)
}

/// Finds and reads one playbook.
pub(super) fn playbook(id: &str, common: &Common) -> Result<Playbook, Failure> {
    let catalog = open(common)?;
    catalog.find(id)?.load().map_err(|problems| Failure::new(Exit::Invalid, problems))
}

/// Returns the id of a playbook for examples in help texts.
pub(super) fn example() -> String {
    let catalog = Catalog::built_in();
    catalog.entries().next().map_or_else(|| "PLAYBOOK".to_owned(), |entry| entry.id.clone())
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let code = match error {
            CatalogError::Unknown { .. } => "unknown-playbook",
            CatalogError::Folder { .. } => "playbooks-folder",
        };
        Failure::one(Exit::Usage, Diagnostic::error(code, error.to_string()))
    }
}
