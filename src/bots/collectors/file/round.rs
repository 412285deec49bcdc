//! One round over the files of a folder, and how far it came, so that a restart goes on where it ended.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::chunk::Cursor;
use crate::bots::{Context, Failure};

/// Under this key stands how far an unfinished round came.
const ROUND: &[u8] = b"round";

/// What tells a file from another of the same name: its inode, size and time of change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity(String);

impl Identity {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Identity {
        let (inode, size) = (metadata.ino(), metadata.len());
        Identity(format!("{inode}-{size}-{}.{:09}", metadata.ctime(), metadata.ctime_nsec()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// How far a round came: up to this file; into it, if an offset is given.
#[derive(Serialize, Deserialize)]
struct Progress {
    name: String,
    inside: Option<(Identity, u64)>,
}

/// The files that are left of a round.
#[derive(Default)]
pub(super) struct Files {
    names: VecDeque<String>,
    progress: Option<Progress>,
}

impl Files {
    /// Lists a folder, sorted, without what an unfinished round has collected.
    pub(super) fn list(folder: &Path, pattern: &Regex, context: &mut Context) -> Result<Files, Failure> {
        let failed = |error: std::io::Error| Failure::Other(format!("{}: {error}", folder.display()));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                let name = entry.file_name();
                #[expect(
                    clippy::unnecessary_debug_formatting,
                    reason = "a line feed in a name must not break the line"
                )]
                let text = format!("{name:?} is left out: its name is not UTF-8");
                context.log(crate::bots::Level::Warning, text);
                continue;
            };
            if pattern.is_match(&name) && entry.path().is_file() {
                names.push(name);
            }
        }
        names.sort_unstable();
        let progress: Option<Progress> =
            context.recall(ROUND)?.and_then(|stored| serde_json::from_slice(&stored).ok());
        if let Some(progress) = &progress {
            let inside = progress.inside.is_some();
            names.retain(|name| *name > progress.name || (inside && *name == progress.name));
        }
        Ok(Files { names: names.into(), progress })
    }

    pub(super) fn next(&mut self) -> Option<String> {
        self.names.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns where to go on in a file, if an earlier process was interrupted in it and it is still the same.
    pub(super) fn resume_at(&self, name: &str, identity: &Identity) -> Option<u64> {
        let progress = self.progress.as_ref().filter(|progress| progress.name == name)?;
        progress.inside.as_ref().filter(|(known, _)| known == identity).map(|(_, offset)| *offset)
    }

    /// Remembers that a file is finished.
    pub(super) fn finished(&mut self, name: &str, context: &mut Context) {
        self.store(Progress { name: name.to_owned(), inside: None }, context);
    }

    /// Remembers how far a file was read.
    pub(super) fn reached(&mut self, name: &str, cursor: &Cursor, context: &mut Context) {
        let inside = Some((cursor.identity().clone(), cursor.offset()));
        self.store(Progress { name: name.to_owned(), inside }, context);
    }

    fn store(&mut self, progress: Progress, context: &mut Context) {
        // Text and numbers always become JSON.
        context.remember(ROUND, serde_json::to_vec(&progress).unwrap_or_default(), None);
        self.progress = Some(progress);
    }

    /// Ends the round: the next one starts from the beginning.
    pub(super) fn end(self, context: &mut Context) {
        if self.progress.is_some() {
            context.forget(ROUND);
        }
    }
}

/// Makes a pattern of names that end as a postfix says, as Python's `fnmatch` reads `*postfix`.
pub(super) fn pattern(postfix: &str) -> Result<Regex, String> {
    let mut regex = String::from("(?s)^.*");
    let mut rest = postfix.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match class(rest.as_str()) {
                Some((class, length)) => {
                    regex.push_str(&class);
                    rest = rest.as_str()[length..].chars();
                }
                None => regex.push_str("\\["),
            },
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    Regex::new(&regex).map_err(|_| {
        format!("parameter \"postfix\": {postfix:?} has a set in brackets that cannot be read; write `[a-z]`")
    })
}

/// Reads what follows `[`, up to its `]`: the set as a regular expression has it, and how long it is.
fn class(text: &str) -> Option<(String, usize)> {
    let negated = text.starts_with('!');
    let start = usize::from(negated);
    let first = text[start..].chars().next()?;
    let end = start + first.len_utf8() + text[start + first.len_utf8()..].find(']')?;
    let set = text[start..end].replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
    let set = set.replace("&&", "&\\&").replace("~~", "~\\~").replace('^', "\\^");
    Some((format!("[{}{set}]", if negated { "^" } else { "" }), end + 1))
}
