//! `bless`: records anew what a playbook expects, from what comes out, and shows the difference.

use super::SessionError;
use super::event::Event;
use super::lab::file;
use super::open::LabWish;
use super::run::{Session, in_fresh_lab};
use super::steps::{Steps, needs};
use super::teller::Tell;
use super::world::World;
use crate::check;
use crate::check::{Observation, Since, judge};
use crate::diagnostic::Diagnostic;
use crate::observe::Baseline;
use crate::playbook::{Playbook, Step};

/// How many lines of a new golden file are shown.
const SHOWN: usize = 5;

/// A golden file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blessed {
    /// The step's id.
    pub step: String,
    /// The file, below the playbook's folder.
    pub path: String,
    /// What changes: lines that start with `-` go, with `+` come.
    pub difference: Vec<String>,
    /// What is in it from now on.
    pub content: String,
}

/// Plays a playbook in a lab of its own and writes every golden file with which a check fails; one that passes stays as it is.
///
/// Returns what was written, and what is wrong with steps that could not be done.
pub fn bless(
    world: &World,
    playbook: &Playbook,
    wish: &LabWish,
    emit: &mut dyn FnMut(Event),
) -> Result<(Vec<Blessed>, Vec<Diagnostic>), SessionError> {
    let Some(folder) = playbook.folder.disk() else {
        return Err(SessionError::usage(
            "built-in-playbook",
            format!("the playbook `{}` is built in, and cannot be changed", playbook.id.value),
            "name the folder that it stands in with --playbooks DIR",
        ));
    };
    let (blessed, problems) = in_fresh_lab(world, playbook, wish, (false, emit), |session| {
        let steps = session.bring_up()?;
        record(session, steps)
    })?;
    for golden in &blessed {
        let path = folder.join(&golden.path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|cause| file(parent, cause))?;
        std::fs::write(&path, &golden.content).map_err(|cause| file(&path, cause))?;
    }
    Ok((blessed, problems))
}

fn record(
    session: &mut Session<'_>,
    mut steps: Steps<'_>,
) -> Result<(Vec<Blessed>, Vec<Diagnostic>), SessionError> {
    let mut blessed: Vec<Blessed> = Vec::new();
    for (index, step) in session.playbook.steps.iter().enumerate() {
        let stage = format!("record {}. {}", index + 1, step.title);
        let mut told = Vec::new();
        let found = session.teller.stage(&stage, || one(&mut steps, step, &mut |kind| told.push(kind)));
        for kind in told {
            session.teller.tell(kind);
        }
        match found {
            Ok(found) => blessed.extend(found),
            Err(SessionError::Broken(problems)) => return Ok((blessed, session.teller.masked(problems))),
            Err(error) => return Err(error),
        }
    }
    Ok((blessed, Vec::new()))
}

/// Does one step and returns the golden files that do not fit.
pub(super) fn one(steps: &mut Steps<'_>, step: &Step, tell: Tell<'_>) -> Result<Vec<Blessed>, SessionError> {
    let baseline = steps.baseline(step, tell)?;
    steps.act(step, tell)?;
    steps.wait(step, &baseline, &mut |_| {})?;
    let snapshot = steps.settle_within(step.within, step, "before its outputs are recorded", tell)?;
    let mut seen = |since: Option<&Baseline>| -> Result<Observation, SessionError> {
        let observation = steps.observer.look(&needs(step), since, &snapshot)?;
        Ok(Observation { idle: snapshot.idle, ..observation })
    };
    let (recent, all) = (seen(Some(&baseline))?, seen(None)?);
    let playbook = steps.playbook;
    let expectations = step.expect.iter().chain(&step.still).map(|located| &located.value);
    let golden = expectations.filter_map(|expectation| {
        let observation = if expectation.since() == Since::Step { &recent } else { &all };
        let (path, content) = check::bless(expectation, observation)?;
        let verdict = judge(expectation, observation);
        if verdict.passed() {
            return None;
        }
        let was_there = playbook.bytes(&path).is_ok_and(|bytes| !bytes.trim_ascii().is_empty());
        let difference = if was_there { verdict.difference } else { all_new(&content) };
        Some(Blessed { step: step.id.value.clone(), path, difference, content })
    });
    Ok(golden.collect())
}

/// Says what is in a file that was not there before.
fn all_new(content: &str) -> Vec<String> {
    let lines = content.lines().count();
    let head = if lines == 1 { "new, with 1 line:".to_owned() } else { format!("new, with {lines} lines:") };
    let shown = content.lines().take(SHOWN).map(|line| format!("+ {line}"));
    let more = (lines > SHOWN).then(|| format!("  and {} more", lines - SHOWN));
    [head].into_iter().chain(shown).chain(more).collect()
}
