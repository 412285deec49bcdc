//! The folder: every file that is named is there, every file that is there is used.

use std::collections::BTreeSet;

use super::{Linter, unknown};
use crate::check::Expectation;
use crate::diagnostic::{Diagnostic, Located, Location};
use crate::playbook::folder::{FolderError, allowed};
use crate::playbook::load::{FILE, text_of};
use crate::playbook::translation::FOLDER as TRANSLATIONS;
use crate::playbook::{Action, Show, Step};

pub(super) fn check(linter: &mut Linter<'_>) {
    let playbook = linter.playbook;
    let mut used: BTreeSet<String> = BTreeSet::from([FILE.to_owned(), "README.md".to_owned()]);
    let below = playbook.folder.name_of("");
    let mut take = |name: &str| used.insert(name.strip_prefix(&below).unwrap_or(name).to_owned());
    take(playbook.botnet.name());
    for step in &playbook.steps {
        step.file.iter().for_each(|file| {
            take(file.name());
        });
        for path in golden_files(step) {
            take(path);
        }
        for (file, at) in data_files(linter, step) {
            take(&file);
            data(linter, &file, at);
        }
    }
    for file in playbook.services.iter().flat_map(|service| &service.data) {
        take(file);
        data(linter, file, playbook.at(file));
    }
    for (index, step) in playbook.steps.iter().enumerate() {
        targets(linter, step);
        numbered(linter, index + 1, step);
    }
    unused(linter, &used);
    languages(linter);
}

/// Looks into files that bots read in a language of their own, such as rules.
fn languages(linter: &mut Linter<'_>) {
    let playbook = linter.playbook;
    let known = linter.known.languages;
    for path in playbook.folder.files().unwrap_or_default() {
        for language in known.iter().filter(|language| path.ends_with(language.end)) {
            match text_of(&playbook.folder, &path) {
                Ok(source) => linter.problems.extend((language.check)(&source)),
                Err(problem) => linter.add(problem),
            }
        }
    }
}

fn golden_files(step: &Step) -> impl Iterator<Item = &str> {
    step.expect.iter().chain(&step.still).flat_map(|expectation| match &expectation.value {
        Expectation::Events(events) => {
            let golden = events.exactly.iter().chain(&events.contain);
            golden.filter_map(|golden| golden.file.as_ref()).map(|file| file.as_str()).collect()
        }
        Expectation::File(file) => file.equals.iter().map(|file| file.as_str()).collect(),
        _ => Vec::new(),
    })
}

/// Lists what the actions and the text of a step read: `sample:NAME`, or a file of the playbook.
fn data_files(linter: &Linter<'_>, step: &Step) -> Vec<(String, Location)> {
    let mut files = Vec::new();
    for action in &step.actions {
        if let Action::Seed(seed) = &action.value {
            files.push((seed.file.value.clone(), linter.playbook.at(&seed.file)));
        }
    }
    for (block, _) in step.text.blocks() {
        if let Show::Lines(lines) = &block.show {
            files.push((lines.file.value.clone(), block.at.source.at(lines.file.span)));
        }
    }
    files
}

fn data(linter: &mut Linter<'_>, file: &str, at: Location) {
    let playbook = linter.playbook;
    let Err(error) = playbook.bytes(file) else { return };
    let problem = match (&error, file.strip_prefix("sample:")) {
        (FolderError::Missing(_), Some(name)) => {
            let names = playbook.samples.names();
            unknown("missing-file", "sample", name, names.iter().map(String::as_str))
        }
        (FolderError::Missing(_), None) => {
            let files = playbook.folder.files().unwrap_or_default();
            let data = files.iter().map(String::as_str).filter(|path| path.starts_with("data/"));
            unknown("missing-file", "file", file, data).help("a shared feed is `sample:NAME`")
        }
        (FolderError::Path { .. }, _) => path_problem(&error.to_string()),
        (FolderError::Unreadable { .. }, _) => Diagnostic::error("missing-file", error.to_string()),
    };
    linter.add(problem.at(at));
}

fn path_problem(title: &str) -> Diagnostic {
    Diagnostic::error("path-escape", title)
        .help("a path starts at the playbook's folder and stays in it; a shared feed is `sample:NAME`")
}

/// Checks paths below `lab.in` and `lab.out`.
fn targets(linter: &mut Linter<'_>, step: &Step) {
    let mut paths: Vec<&Located<String>> = Vec::new();
    for action in &step.actions {
        if let Action::Seed(seed) = &action.value {
            paths.extend(&seed.name);
        }
    }
    for expectation in step.expect.iter().chain(&step.still) {
        match &expectation.value {
            Expectation::Events(events) => paths.push(&events.file),
            Expectation::File(file) => paths.push(&file.path),
            _ => {}
        }
    }
    for path in paths {
        if let Err(problem) = allowed(path) {
            let title = format!("{:?} does not stay in the lab's folder: {problem}", path.value);
            let problem = Diagnostic::error("path-escape", title);
            linter.at(path, problem.help("the path starts at `lab.in` or `lab.out`; leave these out"));
        }
    }
}

/// Wants `steps/03-slug.md` for the third step, so that a folder listing is the lesson.
fn numbered(linter: &mut Linter<'_>, number: usize, step: &Step) {
    let Some(file) = &step.file else { return };
    let name = file.name().rsplit('/').next().unwrap_or_default();
    if !name.starts_with(&format!("{number:02}-")) {
        let title = format!("the text of step {number} is in {name:?}");
        let problem = Diagnostic::warning("step-number", title);
        linter.at(&step.id, problem.help(format!("rename it so that it begins with `{number:02}-`")));
    }
}

fn unused(linter: &mut Linter<'_>, used: &BTreeSet<String>) {
    let playbook = linter.playbook;
    let files = match playbook.folder.files() {
        Ok(files) => files,
        Err(error) => {
            let title = format!("{} cannot be listed: {error}", playbook.folder.name());
            return linter.add(Diagnostic::error("missing-file", title));
        }
    };
    let known_texts: BTreeSet<&str> = used.iter().map(String::as_str).chain(["playbook.md"]).collect();
    for path in files {
        // TRANSLATIONS/LANG/PATH is used where PATH is.
        let original =
            path.strip_prefix(TRANSLATIONS).and_then(|rest| rest.split_once('/')).map(|(_, path)| path);
        if !used.contains(&path) && original.is_none_or(|original| !known_texts.contains(original)) {
            let title = format!("nothing uses {}", playbook.folder.name_of(&path));
            linter.add(Diagnostic::error("unused-file", title).help("use it in a step, or remove it"));
        }
    }
}
