//! A folder of data, built in or on disk, out of which no path leads.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::Dir;

/// A playbook's folder, or one with sample data.
#[derive(Debug, Clone)]
pub struct Folder {
    /// What messages call it, such as `playbooks/shadowserver`.
    name: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    BuiltIn(&'static Dir<'static>),
    Disk(PathBuf),
}

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The path is not one that may be written in a playbook.
    #[error("{path:?} is not a path of this folder: {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no such file.
    #[error("there is no file {0:?}")]
    Missing(String),
    /// It cannot be read.
    #[error("{path:?} cannot be read: {problem}")]
    Unreadable {
        /// The path.
        path: String,
        /// Why.
        problem: String,
    },
}

impl Folder {
    pub(super) fn built_in(name: impl Into<String>, dir: &'static Dir<'static>) -> Self {
        Folder { name: name.into(), place: Place::BuiltIn(dir) }
    }

    /// Takes a folder on disk; `name` is what messages call it.
    pub fn on_disk(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Folder { name: name.into(), place: Place::Disk(path.into()) }
    }

    /// Returns what messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the last part of its name.
    pub fn last_name(&self) -> &str {
        self.name.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// Returns where it is on disk; what is built in is nowhere.
    pub fn disk(&self) -> Option<&Path> {
        match &self.place {
            Place::BuiltIn(_) => None,
            Place::Disk(path) => Some(path),
        }
    }

    /// Returns what messages call a file of it.
    pub fn name_of(&self, path: &str) -> String {
        format!("{}/{path}", self.name.trim_end_matches('/'))
    }

    /// Reads a file; absolute paths, `..`, and symbolic links are refused.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FolderError> {
        allowed(path).map_err(|problem| FolderError::Path { path: path.to_owned(), problem })?;
        match &self.place {
            Place::BuiltIn(dir) => match dir.get_file(dir.path().join(path)) {
                Some(file) => Ok(file.contents().to_vec()),
                None => Err(FolderError::Missing(path.to_owned())),
            },
            Place::Disk(root) => read_below(root, path),
        }
    }

    /// Lists every file, sorted, as paths from this folder. Symbolic links are listed, and not followed.
    pub fn files(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        match &self.place {
            Place::BuiltIn(dir) => built_in_files(dir, dir.path(), &mut found),
            Place::Disk(root) => disk_files(root, "", &mut found)?,
        }
        found.sort();
        Ok(found)
    }
}

/// Says why a path may not stand in a playbook.
pub(super) fn allowed(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("it is empty");
    }
    if path.starts_with('/') {
        return Err("it is absolute");
    }
    if path.contains('\\') || path.chars().any(char::is_control) {
        return Err("it has a backslash or a control character");
    }
    if path.split('/').any(|part| part == "..") {
        return Err("`..` leads out of it");
    }
    if path.split('/').any(|part| part.is_empty() || part == ".") {
        return Err("a part of it is empty or `.`");
    }
    Ok(())
}

fn read_below(root: &Path, path: &str) -> Result<Vec<u8>, FolderError> {
    let mut full = root.to_owned();
    for part in path.split('/') {
        full.push(part);
        match fs::symlink_metadata(&full) {
            Ok(metadata) if metadata.is_symlink() => {
                return Err(FolderError::Path { path: path.to_owned(), problem: "it is a symbolic link" });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FolderError::Missing(path.to_owned()));
            }
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    fs::read(&full).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &str, error: &io::Error) -> FolderError {
    FolderError::Unreadable { path: path.to_owned(), problem: error.to_string() }
}

fn built_in_files(dir: &'static Dir<'static>, root: &Path, found: &mut Vec<String>) {
    for file in dir.files() {
        if let Ok(path) = file.path().strip_prefix(root) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    for inner in dir.dirs() {
        built_in_files(inner, root, found);
    }
}

fn disk_files(root: &Path, below: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            disk_files(root, &path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
