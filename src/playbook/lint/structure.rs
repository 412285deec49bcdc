//! Ids, required texts, deadlines, and checks that could never fail.

use std::collections::HashMap;
use std::time::Duration;

use regex::Regex;

use super::{Linter, unknown};
use crate::check::{Count, Expectation, Golden, Since};
use crate::diagnostic::{Diagnostic, Located};
use crate::playbook::Step;
use crate::playbook::catalog::is_id;

/// The longest a step's checks may take.
const LONGEST: Duration = Duration::from_secs(600);
/// The longest a lesson may take a learner, in minutes.
const LONGEST_LESSON: u32 = 480;

pub(super) fn check(linter: &mut Linter<'_>, folder: &str) {
    let playbook = linter.playbook;
    id(linter, &playbook.id, '-');
    if playbook.id.value != folder {
        let problem = Diagnostic::error("id-folder", format!("the id is not the folder's name, {folder:?}"));
        linter.at(&playbook.id, problem.help("rename one of them: the id is how the playbook is found"));
    }
    line(linter, &playbook.title, "title");
    line(linter, &playbook.summary, "summary");
    if !(1..=LONGEST_LESSON).contains(&playbook.minutes.value) {
        let problem = Diagnostic::error("minutes", format!("a lesson takes 1 to {LONGEST_LESSON} minutes"));
        linter.at(&playbook.minutes, problem.help("say how long a learner needs for all steps"));
    }
    names(linter);
    if playbook.steps.is_empty() {
        let at = playbook.source.at_line(1);
        linter.add(
            Diagnostic::error("no-steps", "the playbook has no step").at(at).help("add one under `steps:`"),
        );
    }
    for step in &playbook.steps {
        id(linter, &step.id, '-');
        texts(linter, step);
        checks(linter, step);
    }
}

/// Services, secrets and steps: legal, unique, and of a known kind.
fn names(linter: &mut Linter<'_>) {
    let playbook = linter.playbook;
    unique(linter, "service", playbook.services.iter().map(|service| &service.id));
    unique(linter, "secret", &playbook.secrets);
    unique(linter, "step", playbook.steps.iter().map(|step| &step.id));
    for service in &playbook.services {
        id(linter, &service.id, '_');
        if linter.kind(&service.kind).is_none() {
            let kinds = linter.known.services.iter().map(|known| known.kind);
            let problem = unknown("unknown-service", "kind of service", &service.kind, kinds);
            linter.at(&service.kind, problem);
        }
    }
    for secret in &playbook.secrets {
        id(linter, secret, '_');
    }
}

fn id(linter: &mut Linter<'_>, id: &Located<String>, joint: char) {
    if !is_id(id, joint) {
        let problem = Diagnostic::error("id", format!("{:?} is no id", id.value));
        let help = format!("use small letters, digits and `{joint}`, and start with a letter");
        linter.at(id, problem.help(help));
    }
}

fn unique<'a>(linter: &mut Linter<'_>, what: &str, ids: impl IntoIterator<Item = &'a Located<String>>) {
    let mut first: HashMap<&str, &Located<String>> = HashMap::new();
    for id in ids {
        if let Some(other) = first.get(id.as_str()) {
            let related = linter.playbook.at(other);
            let problem =
                Diagnostic::error("duplicate-id", format!("the {what} {:?} is there twice", id.value));
            linter.at(id, problem.related(related, "the first one").help("give one of them another id"));
        } else {
            first.insert(id, id);
        }
    }
}

/// A text that is one line and not empty.
fn line(linter: &mut Linter<'_>, text: &Located<String>, what: &str) {
    if text.trim().is_empty() || text.trim().contains('\n') {
        let problem = Diagnostic::error("text-missing", format!("the {what} is not one line of text"));
        linter.at(text, problem.help(format!("write a {what} of one line")));
    }
}

fn texts(linter: &mut Linter<'_>, step: &Step) {
    let where_to = |section: &str, key: &str| match &step.file {
        Some(file) => format!("add {section} to {}", file.name()),
        None => format!("add `{key}:` to the step"),
    };
    if step.title.trim().is_empty() {
        let problem = Diagnostic::error("text-missing", format!("step {:?} has no title", step.id.value));
        linter.at(&step.id, problem.help(where_to("a first line `# …`", "title")));
    }
    if step.text.before.is_empty() {
        let problem = Diagnostic::error("text-missing", format!("step {:?} says nothing", step.id.value));
        linter.at(&step.id, problem.help("say what the learner is to do, and why"));
    }
    if step.hints.is_empty() || step.hints.len() > 3 {
        let title = format!("step {:?} has {} hints, wanted are 1 to 3", step.id.value, step.hints.len());
        let problem = Diagnostic::error("hints", title).help(where_to("a section `## Hints`", "hint"));
        linter.at(&step.id, problem.help("first a question, then the place, then the line itself"));
    }
    if step.notes.trim().is_empty() {
        let problem =
            Diagnostic::warning("no-notes", format!("step {:?} has no notes for a presenter", step.id.value));
        linter.at(&step.id, problem.help(where_to("a section `## Notes`", "notes")));
    }
    if step.within.is_zero() || step.within > LONGEST {
        let problem =
            Diagnostic::error("within", format!("step {:?} has a deadline out of bounds", step.id.value));
        linter.at(&step.id, problem.help("write `within: 30s`; the longest is 10m"));
    }
}

fn checks(linter: &mut Linter<'_>, step: &Step) {
    if step.expect.is_empty() {
        let problem = Diagnostic::error("void-check", format!("step {:?} expects nothing", step.id.value));
        linter.at(&step.id, problem.help("say under `expect:` what becomes true by its actions"));
    } else if step.expect.iter().all(|expectation| holds_before(expectation)) {
        let title = format!("what step {:?} expects is so before its actions", step.id.value);
        let problem = Diagnostic::error("void-check", title).label("absence alone can't fail");
        let help =
            "expect something that comes of the actions, and move what holds before and after to `still:`";
        linter.at(&step.expect[0], problem.help(help));
    }
    for expectation in step.expect.iter().chain(&step.still) {
        if let Some(help) = expectation.is_void() {
            let problem =
                Diagnostic::error("void-check", format!("`{}` expects nothing", expectation.verb()));
            linter.at(expectation, problem.help(help));
        }
        if let Some(pattern) = expectation.pattern()
            && let Err(error) = Regex::new(pattern)
        {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let problem = Diagnostic::error("pattern", "the regular expression is not valid").cause(reason);
            linter.at(pattern, problem.help("to find a piece of text as it is, use `contains`"));
        }
    }
}

/// Tells whether an expectation is met when nothing has happened since the step began.
fn holds_before(expectation: &Expectation) -> bool {
    let none = |count: Option<Count>| count.is_some_and(|count| count.holds(0));
    match expectation {
        Expectation::Events(events) if events.since == Since::Step => {
            let mut golden = events.exactly.iter().chain(&events.contain);
            events.count.is_none_or(|count| count.holds(0)) && golden.all(Golden::is_empty)
        }
        Expectation::Dump(dump) => dump.since == Since::Step && none(dump.count),
        Expectation::Log(log) => log.since == Since::Step && none(log.count),
        _ => false,
    }
}
