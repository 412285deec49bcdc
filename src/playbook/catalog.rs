//! Every playbook there is: those that are built in, and those of a folder that the user names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, File, include_dir};

use super::folder::Folder;
use super::glossary::Glossary;
use super::load::{FILE, Playbook, load, load_to_bless};
use super::samples::Samples;
use crate::diagnostic::{Diagnostic, suggest};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");
static TEMPLATE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/playbook");

/// The id of the playbook that is a template for new ones.
const TEMPLATE_ID: &str = "monday";

/// The words of all playbooks, in the folder with the playbooks.
const GLOSSARY: &str = "glossary.md";

/// All playbooks by id.
#[derive(Debug, Clone)]
pub struct Catalog {
    entries: BTreeMap<String, Entry>,
}

/// One playbook that is not read yet.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The id: the folder's name.
    pub id: String,
    /// The folder.
    pub folder: Folder,
    /// Where its samples come from.
    pub samples: Samples,
    /// The words that its texts may use without explaining them.
    pub glossary: Glossary,
    /// Whether it is built into the program.
    pub built_in: bool,
}

/// Why there is no such playbook. All of these are usage errors.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CatalogError {
    /// No playbook has this id.
    #[error("there is no playbook {id:?}{}; there are: {}", near.as_ref().map(|near| format!(" (did you mean {near}?)")).unwrap_or_default(), known.join(", "))]
    Unknown {
        /// What was asked for.
        id: String,
        /// The nearest id.
        near: Option<String>,
        /// Every id.
        known: Vec<String>,
    },
    /// The folder with playbooks cannot be used.
    #[error("{} cannot be used as a folder with playbooks: {problem}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

/// Tells whether a text can be an id: small letters, digits and `joint`, beginning with a letter.
pub(super) fn is_id(text: &str, joint: char) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint)
}

/// Returns the files of a new playbook with an id: paths below its folder, and what is in them.
///
/// An id that no playbook can have is refused, in words.
pub fn new_playbook(id: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    if !is_id(id, '-') {
        return Err("an id is made of small letters, digits and `-`, and begins with a letter".to_owned());
    }
    let folder = Folder::built_in("templates/playbook", &TEMPLATE);
    let files = folder.files().map_err(|error| error.to_string())?;
    let content = |path: String| {
        let bytes = folder.read(&path).map_err(|error| error.to_string())?;
        if path != FILE {
            return Ok((path, bytes));
        }
        let text =
            String::from_utf8_lossy(&bytes).replacen(&format!("id: {TEMPLATE_ID}"), &format!("id: {id}"), 1);
        Ok((path, text.into_bytes()))
    };
    files.into_iter().map(content).collect()
}

impl Catalog {
    /// Lists what is built in.
    pub fn built_in() -> Self {
        let (samples, glossary) = (Samples::new(None), built_in_glossary());
        let playbooks = BUILT_IN.dirs().filter(|dir| dir.get_file(dir.path().join(FILE)).is_some());
        let entries = playbooks.map(|dir| {
            let id = dir.path().to_string_lossy().into_owned();
            let folder = Folder::built_in(format!("playbooks/{id}"), dir);
            let (samples, glossary) = (samples.clone(), glossary.clone());
            (id.clone(), Entry { id, folder, samples, glossary, built_in: true })
        });
        Catalog { entries: entries.collect() }
    }

    /// Lists what is built in and the playbooks of a folder, which win where ids are equal. A folder that is itself a playbook
    /// will do too.
    pub fn with_folder(path: &Path) -> Result<Self, CatalogError> {
        let mut catalog = Catalog::built_in();
        for entry in entries_of(path)? {
            catalog.entries.insert(entry.id.clone(), entry);
        }
        Ok(catalog)
    }

    /// Lists the playbooks of a folder alone, such as for `lint FOLDER`.
    pub fn only_folder(path: &Path) -> Result<Self, CatalogError> {
        let entries = entries_of(path)?.into_iter().map(|entry| (entry.id.clone(), entry));
        Ok(Catalog { entries: entries.collect() })
    }

    /// Returns every playbook in the order of their ids.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Finds a playbook; a wrong id is answered with the nearest one.
    pub fn find(&self, id: &str) -> Result<&Entry, CatalogError> {
        self.entries.get(id).ok_or_else(|| {
            let known: Vec<String> = self.entries.keys().cloned().collect();
            let near = suggest(id, known.iter().map(String::as_str)).map(str::to_owned);
            CatalogError::Unknown { id: id.to_owned(), near, known }
        })
    }
}

fn built_in_glossary() -> Glossary {
    let mut glossary = Glossary::default();
    glossary.add(BUILT_IN.get_file(GLOSSARY).and_then(File::contents_utf8).unwrap_or_default());
    glossary
}

impl Entry {
    /// Reads the playbook.
    pub fn load(&self) -> Result<Playbook, Vec<Diagnostic>> {
        load(&self.folder, &self.samples)
    }

    /// Reads the playbook, whose golden files may be missing because they are about to be recorded.
    pub fn load_to_bless(&self) -> Result<Playbook, Vec<Diagnostic>> {
        load_to_bless(&self.folder, &self.samples)
    }
}

fn entries_of(path: &Path) -> Result<Vec<Entry>, CatalogError> {
    let problem = |problem: String| CatalogError::Folder { path: path.to_owned(), problem };
    if path.join(FILE).is_file() {
        // `.` and the like have no name of their own.
        let full = path.canonicalize().map_err(|error| problem(error.to_string()))?;
        return Ok(vec![entry(path, &full, full.parent())]);
    }
    let listing = std::fs::read_dir(path).map_err(|error| problem(error.to_string()))?;
    let full = path.canonicalize().map_err(|error| problem(error.to_string()))?;
    let mut entries = Vec::new();
    for found in listing {
        let found = found.map_err(|error| problem(error.to_string()))?.path();
        if found.join(FILE).is_file() {
            entries.push(entry(&found, &found, Some(&full)));
        }
    }
    if entries.is_empty() {
        return Err(problem(format!("no folder in it has a {FILE}")));
    }
    Ok(entries)
}

/// `shown` is the path as the user gave it, `around` the folder with playbooks.
fn entry(shown: &Path, full: &Path, around: Option<&Path>) -> Entry {
    let id = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = around.and_then(Path::parent);
    let samples = beside.map(|folder| folder.join("sample-data")).filter(|folder| folder.is_dir());
    let samples = samples.map(|path| Folder::on_disk("sample-data", path));
    let mut glossary = built_in_glossary();
    if let Some(text) = around.and_then(|folder| std::fs::read_to_string(folder.join(GLOSSARY)).ok()) {
        glossary.add(&text);
    }
    Entry {
        id,
        glossary,
        folder: Folder::on_disk(shown.display().to_string(), full),
        samples: Samples::new(samples),
        built_in: false,
    }
}
