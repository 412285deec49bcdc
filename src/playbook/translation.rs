//! The texts of a playbook in another language: a folder `translations/LANG/` with the same file names.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::load::Playbook;
use super::text::StepText;
use crate::diagnostic::{Diagnostic, Source};

/// Where translations are.
pub(super) const FOLDER: &str = "translations/";

/// A playbook's texts in one language; what is missing there is missing here.
#[derive(Debug, Clone, Default)]
pub struct Translation {
    /// The title.
    pub title: String,
    /// The summary.
    pub summary: String,
    /// Texts by step id.
    pub steps: BTreeMap<String, StepText>,
}

/// Returns the short name of an original, which a translation carries in its first line.
pub fn stamp(text: &str) -> String {
    let digest = Sha256::digest(text.trim().as_bytes());
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

impl Playbook {
    /// Lists the languages that it was translated to.
    pub fn languages(&self) -> Vec<String> {
        let files = self.folder.files().unwrap_or_default();
        let mut languages: Vec<String> = files
            .iter()
            .filter_map(|path| Some(path.strip_prefix(FOLDER)?.split_once('/')?.0.to_owned()))
            .collect();
        languages.dedup();
        languages
    }

    /// Reads a translation; what is missing or older than its original is told as warnings.
    pub fn translation(&self, language: &str) -> (Translation, Vec<Diagnostic>) {
        let mut reader = Reader { playbook: self, language, problems: Vec::new() };
        let mut translation = Translation::default();
        let about = format!("{}\n{}", self.title.value, self.summary.value);
        if let Some(source) = reader.file("playbook.md", &about) {
            let (head, rest) = source.text().split_once("\n\n").unwrap_or((source.text(), ""));
            let title = head.lines().find_map(|line| line.strip_prefix("# "));
            title.unwrap_or_default().clone_into(&mut translation.title);
            rest.trim().clone_into(&mut translation.summary);
        }
        for step in &self.steps {
            let Some(original) = &step.file else { continue };
            let path =
                original.name().strip_prefix(&self.folder.name_of("")).unwrap_or(original.name()).to_owned();
            if let Some(source) = reader.file(&path, original.text()) {
                let (text, problems) = StepText::read(&source);
                reader.problems.extend(problems);
                translation.steps.insert(step.id.value.clone(), text);
            }
        }
        (translation, reader.problems)
    }
}

struct Reader<'a> {
    playbook: &'a Playbook,
    language: &'a str,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Reads one translated file and compares its stamp; the line with the stamp is blanked out.
    fn file(&mut self, path: &str, original: &str) -> Option<Source> {
        let below = format!("{FOLDER}{}/{path}", self.language);
        let name = self.playbook.folder.name_of(&below);
        let bytes = self.playbook.folder.read(&below);
        let Some(text) = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            self.problems.push(Diagnostic::warning("translation-missing", format!("there is no {name}")));
            return None;
        };
        let wanted = format!("<!-- of {} -->", stamp(original));
        let first = text.lines().next().unwrap_or_default();
        if first.trim() != wanted {
            let what = if first.starts_with("<!-- of ") {
                "is older than its original"
            } else {
                "does not say what it is of"
            };
            self.problems.push(
                Diagnostic::warning("translation-stale", format!("the translation {what}"))
                    .at(Source::new(name.as_str(), text.as_str()).at_line(1))
                    .help(format!("bring it up to date, then write as its first line: {wanted}")),
            );
        }
        let rest = if first.starts_with("<!--") { &text[first.len()..] } else { &text };
        Some(Source::new(name, rest))
    }
}
