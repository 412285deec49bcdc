//! The playbooks that a command can name.

use std::path::{Path, PathBuf};

use super::args::Common;
use super::exit::Exit;
use super::failure::Failure;
use crate::bots::Modules;
use crate::bots::experts::lint_sieve;
use crate::diagnostic::Diagnostic;
use crate::playbook::{Catalog, CatalogError, Entry, Known, KnownService, Language, Level, Playbook, lint};
use crate::service::{KINDS, Kind};

/// Lists what is built in and what `--playbooks` adds.
pub(super) fn open(common: &Common) -> Result<Catalog, Failure> {
    Ok(match &common.playbooks {
        Some(folder) => Catalog::with_folder(folder)?,
        None => Catalog::built_in(),
    })
}

/// A playbook as it was named on the command line.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// The playbook, not read yet.
    pub(super) entry: Entry,
    /// The folder with playbooks in which later commands find it again; built-in ones need none.
    pub(super) folder: Option<PathBuf>,
}

/// Finds the playbooks that some words name: ids, or folders; all of them if there is no word.
pub(super) fn named(words: &[String], common: &Common) -> Result<Vec<Named>, Failure> {
    let catalog = open(common)?;
    let known = |entry: &Entry| Named { entry: entry.clone(), folder: common.playbooks.clone() };
    if words.is_empty() {
        return Ok(catalog.entries().map(known).collect());
    }
    let mut found = Vec::new();
    for word in words {
        let path = Path::new(word);
        if path.is_dir() && catalog.entries().all(|entry| entry.id != *word) {
            let folder = Catalog::only_folder(path)?;
            found.extend(
                folder.entries().map(|entry| Named { entry: entry.clone(), folder: Some(path.into()) }),
            );
        } else {
            found.push(known(catalog.find(word)?));
        }
    }
    Ok(found)
}

/// Finds the one playbook that a word names.
pub(super) fn one(word: &str, common: &Common) -> Result<Named, Failure> {
    let mut found = named(&[word.to_owned()], common)?;
    match (found.pop(), found.is_empty()) {
        (Some(named), true) => Ok(named),
        _ => Err(Failure::usage("several-playbooks", format!("the folder {word} holds several playbooks"))
            .help("name one of them, and give the folder with --playbooks DIR")),
    }
}

/// The languages of files that bots read.
const LANGUAGES: &[Language] = &[Language { end: ".sieve", check: lint_sieve }];

/// Writes how a playbook was named on the command line, with its lab where that has another name than the playbook.
pub(super) fn again(word: &str, common: &Common, playbook: &Playbook, lab: &str) -> String {
    let lab = Some(lab).filter(|lab| *lab != playbook.id.value).map(|lab| format!("--lab {lab}"));
    let folder = common.playbooks.as_ref().map(|folder| format!("--playbooks {}", folder.display()));
    [Some(word.to_owned()), lab, folder].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Returns everything that is wrong with a playbook, as far as it can be found without running it.
pub(super) fn problems(entry: &Entry) -> Vec<Diagnostic> {
    let services: Vec<KnownService> = KINDS.iter().copied().map(known).collect();
    lint(entry, Known { services: &services, modules: Some(&Modules), languages: LANGUAGES })
}

/// Says what playbooks may name of a kind of service.
fn known(kind: &'static Kind) -> KnownService {
    let check = |kind: &str, options: &serde_json::Map<String, serde_json::Value>| match Kind::find(kind) {
        Some(kind) => kind.check(options),
        None => Ok(()),
    };
    KnownService {
        kind: kind.name,
        options: kind.options,
        faults: kind.faults,
        publishes: kind.publishes,
        writes: kind.writes,
        check,
    }
}

/// Reads a playbook that shall run; one with errors is refused before anything is done.
pub(super) fn load(entry: &Entry) -> Result<Playbook, Failure> {
    let mut problems = problems(entry);
    problems.retain(Diagnostic::is_error);
    if !problems.is_empty() {
        return Err(Failure::new(Exit::Invalid, problems));
    }
    read(entry)
}

/// Reads a playbook that shall only be looked at.
pub(super) fn read(entry: &Entry) -> Result<Playbook, Failure> {
    entry.load().map_err(|problems| Failure::new(Exit::Invalid, problems))
}

/// Returns the id of a playbook for examples in help texts: one for those who begin.
pub(super) fn example() -> String {
    let catalog = Catalog::built_in();
    let easy = |entry: &&Entry| entry.load().is_ok_and(|playbook| playbook.level == Level::Beginner);
    catalog.entries().find(easy).map_or_else(|| "PLAYBOOK".to_owned(), |entry| entry.id.clone())
}

/// Lists the playbooks, if one is what a command line is lacking.
pub(super) fn missing(error: &clap::Error) -> Option<String> {
    let context = error.get(clap::error::ContextKind::InvalidArg)?.to_string();
    let lacks =
        error.kind() == clap::error::ErrorKind::MissingRequiredArgument && context.contains("<PLAYBOOK");
    let catalog = Catalog::built_in();
    let ids: Vec<&str> = catalog.entries().map(|entry| entry.id.as_str()).collect();
    lacks.then(|| format!("the playbooks are: {}; `intelmq-lab list` says more", ids.join(", ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_has_no_problem() {
        for entry in Catalog::built_in().entries() {
            let problems = problems(entry);
            assert!(entry.load().is_ok() && problems.is_empty(), "{}: {problems:?}", entry.id);
        }
    }
}
