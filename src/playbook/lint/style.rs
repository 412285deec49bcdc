//! How a lesson reads: what a program can see of it. All of these are warnings.

use super::Linter;
use crate::diagnostic::{Diagnostic, Location, Source, Span};
use crate::playbook::glossary::{Glossary, bold_words};
use crate::playbook::{Part, Step};

/// Columns that fit on every terminal.
const COLUMNS: usize = 80;
/// How many sentences a step may have before its actions.
const SENTENCES: std::ops::RangeInclusive<usize> = 3..=8;

pub(super) fn check(linter: &mut Linter<'_>, glossary: &Glossary) {
    let playbook = linter.playbook;
    for text in [&playbook.title, &playbook.summary] {
        exclamation(linter, text, playbook.at(text));
    }
    for step in &playbook.steps {
        match &step.file {
            Some(file) => {
                file_style(linter, step, file);
                terms(linter, file, glossary);
            }
            None => inline_style(linter, step),
        }
    }
}

/// Checks a step that is written in `playbook.yaml` itself.
fn inline_style(linter: &mut Linter<'_>, step: &Step) {
    let at = linter.playbook.at(&step.id);
    let said = step.text.before.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Show(_) => None,
    });
    let said: Vec<&str> = said.collect();
    let texts = [step.title.as_str(), step.notes.as_str()].into_iter();
    for text in texts.chain(step.hints.iter().map(String::as_str)).chain(said.iter().copied()) {
        exclamation(linter, text, at.clone());
    }
    length(linter, step, sentences(&said.join("\n\n")), at);
}

fn file_style(linter: &mut Linter<'_>, step: &Step, file: &Source) {
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    let mut before = true;
    for (index, line) in file.text().lines().enumerate() {
        let at = || file.at_line(index + 1);
        if let Some(info) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(info.trim()) };
            if fence == Some("json") {
                let problem = Diagnostic::warning(
                    "typed-output",
                    "this block looks like output that was typed by hand",
                );
                linter.add(problem.at(at()).help("show what a run gives, with a block `show`"));
            }
            prose.push('\n');
        } else if fence.is_some() {
            let width = line.chars().count();
            if width > COLUMNS && fence != Some("show") {
                let problem = Diagnostic::warning("wide", format!("this line of code has {width} columns"));
                linter.add(
                    problem
                        .at(at())
                        .help(format!("cut it to {COLUMNS}: it must be readable on every terminal")),
                );
            }
        } else {
            exclamation(linter, line, at());
            before &= !line.starts_with("## ");
            if before && !line.starts_with('#') {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    length(linter, step, sentences(&prose), file.at_line(1));
}

/// Wants every word that is printed in bold to be in the glossary.
fn terms(linter: &mut Linter<'_>, file: &Source, glossary: &Glossary) {
    let mut fenced = false;
    for (index, line) in file.text().lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        for word in if fenced { Vec::new() } else { bold_words(line) } {
            if glossary.explain(word).is_none() {
                let title = format!("the glossary does not have {word:?}");
                let problem = Diagnostic::warning("glossary", title).at(within(file, index + 1, word));
                linter.add(problem.help(
                    "bold is for new words: explain it in the playbooks' glossary.md, or print it plain",
                ));
            }
        }
    }
}

/// Makes the place of a piece of text within a line, or of the line if it stands there in another form.
fn within(file: &Source, line: usize, part: &str) -> Location {
    let mut at = file.at_line(line);
    let text = file.text().get(at.span.start..at.span.end).unwrap_or_default();
    if let Some(offset) = text.find(part) {
        at.span = Span { start: at.span.start + offset, end: at.span.start + offset + part.len() };
    }
    at
}

fn exclamation(linter: &mut Linter<'_>, text: &str, at: Location) {
    let prose = without_code(text).replace("![", "").replace("<!--", "");
    if prose.contains('!') {
        let problem = Diagnostic::warning("exclamation", "the text has an exclamation mark");
        linter.add(problem.at(at).help("write a plain sentence"));
    }
}

fn length(linter: &mut Linter<'_>, step: &Step, sentences: usize, at: Location) {
    if sentences > 0 && !SENTENCES.contains(&sentences) {
        let number = if sentences == 1 { "1 sentence".to_owned() } else { format!("{sentences} sentences") };
        let title = format!("step {:?} has {number} before its actions", step.id.value);
        let problem = Diagnostic::warning("length", title).at(at);
        linter.add(problem.help("three to eight are good to read; if it needs more, it is two steps"));
    }
}

/// Leaves out what stands between backticks.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join("x")
}

/// Counts sentences: ends of `.`, `?`, `!` or `:` before a blank, and paragraphs that end without one.
fn sentences(prose: &str) -> usize {
    prose
        .split("\n\n")
        .map(|paragraph| without_code(paragraph).replace(['*', '_', '"', ')'], ""))
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(|paragraph| {
            let words: Vec<&str> = paragraph.split_whitespace().collect();
            let ends = words.iter().filter(|word| word.ends_with(['.', '?', '!'])).count();
            let open = words.last().is_some_and(|word| !word.ends_with(['.', '?', '!']));
            ends + usize::from(open)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_counted() {
        let cases = [
            ("", 0),
            ("One.", 1),
            ("One. Two? Three:", 3),
            ("The address 192.0.2.1 is one. See `a. b. c.` here.", 2),
            ("One.\n\nTwo\n\n*Three?*", 3),
            ("A **report** is a file\nof rows. It is long.", 2),
        ];
        for (prose, number) in cases {
            assert_eq!(sentences(prose), number, "{prose}");
        }
    }
}
