//! `lint --run`: proves in a fresh lab that each step's check can fail, and that it holds again and again.

use super::SessionError;
use super::event::{Event, Kind};
use super::open::LabWish;
use super::run::{Session, in_fresh_lab};
use super::steps::{Judgement, Steps};
use super::world::World;
use crate::check::Verdict;
use crate::diagnostic::Diagnostic;
use crate::playbook::{Playbook, Step};

/// Plays a playbook in a lab of its own, twice, and returns what is wrong with its checks.
///
/// What a step expects must fail as a whole before its actions; what still holds must hold then too. After them all must hold, at once,
/// when looked at again, and when everything is done anew.
pub fn prove(
    world: &World,
    playbook: &Playbook,
    wish: &LabWish,
    emit: &mut dyn FnMut(Event),
) -> Result<Vec<Diagnostic>, SessionError> {
    in_fresh_lab(world, playbook, wish, (false, emit), |session| {
        let steps = session.bring_up()?;
        let (passed, mut problems) = first_time(session, steps)?;
        if passed.len() == playbook.steps.len() {
            session.opened.renew(playbook, &mut session.teller)?;
            let steps = session.bring_up()?;
            problems.extend(second_time(session, steps)?);
        }
        Ok(session.teller.masked(problems))
    })
}

/// Looks at each step before and after its actions; returns which passed, and what is wrong.
fn first_time(
    session: &mut Session<'_>,
    mut steps: Steps<'_>,
) -> Result<(Vec<usize>, Vec<Diagnostic>), SessionError> {
    let (mut passed, mut problems) = (Vec::new(), Vec::new());
    for (index, step) in session.playbook.steps.iter().enumerate() {
        let stage = format!("prove {}. {}", index + 1, step.title);
        let found = session.teller.stage(&stage, || one(&mut steps, step))?;
        if found.passed {
            passed.push(index);
        }
        problems.extend(found.problems);
        if found.broken {
            break;
        }
    }
    Ok((passed, problems))
}

/// What was found out about a step.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Diagnostic>,
    passed: bool,
    /// Whether the steps after it cannot be done.
    broken: bool,
}

/// Looks at one step before and after its actions.
pub(super) fn one(steps: &mut Steps<'_>, step: &Step) -> Result<Found, SessionError> {
    let mut found = Found::default();
    let mut told = Vec::new();
    let mut tell = |kind| told.push(kind);
    let baseline = steps.baseline(step, &mut tell)?;
    let before = steps.look_once(step, &baseline, &mut tell)?;
    let acted = steps.act(step, &mut tell);
    found.problems.extend(restless(steps.playbook, step, told));
    found.problems.extend(void(steps.playbook, step, &before));
    match acted {
        Ok(_) => {}
        Err(SessionError::Broken(problems)) => {
            found.problems.extend(problems);
            found.broken = true;
            return Ok(found);
        }
        Err(error) => return Err(error),
    }
    let after = steps.wait(step, &baseline, &mut |_| {})?;
    let failed = problems_of(steps.playbook, step, &after);
    if !failed.is_empty() {
        found.problems.extend(failed);
        return Ok(found);
    }
    let again = steps.look_once(step, &baseline, &mut |_| {})?;
    found.problems.extend(problems_of(steps.playbook, step, &again).into_iter().map(|problem| {
        let title = format!("the check held, and no longer when looked at again: {}", problem.title);
        Diagnostic { code: "unstable-check", title, ..problem }
            .help("expect what stays true until the next step")
    }));
    found.passed = again.passed();
    Ok(found)
}

/// Does every step anew; what passed before and does not now depends on something outside the playbook.
fn second_time(session: &mut Session<'_>, mut steps: Steps<'_>) -> Result<Vec<Diagnostic>, SessionError> {
    let mut problems = Vec::new();
    let playbook = session.playbook;
    for (index, step) in playbook.steps.iter().enumerate() {
        let stage = format!("again {}. {}", index + 1, step.title);
        let found = session.teller.stage(&stage, || {
            let baseline = steps.baseline(step, &mut |_| {})?;
            match steps.act(step, &mut |_| {}) {
                Ok(_) => Ok(problems_of(playbook, step, &steps.wait(step, &baseline, &mut |_| {})?)),
                Err(SessionError::Broken(problems)) => Ok(problems),
                Err(error) => Err(error),
            }
        })?;
        let broken = !found.is_empty();
        problems.extend(found.into_iter().map(unrepeatable));
        if broken {
            break;
        }
    }
    Ok(problems)
}

/// Warns of a botnet that did not come to rest: what a check sees then is chance.
fn restless(playbook: &Playbook, step: &Step, told: Vec<Kind>) -> Option<Diagnostic> {
    told.into_iter().find_map(|kind| match kind {
        Kind::StillBusy { when, waited_ms, busy, .. } => {
            let title = format!("the botnet did not come to rest {when}, in {} seconds", waited_ms / 1000);
            let problem = Diagnostic::warning("restless-botnet", title).at(playbook.at(&step.id)).cause(busy);
            Some(problem.help("give a collector a `rate_limit`, or stop the bot before"))
        }
        _ => None,
    })
}

fn unrepeatable(problem: Diagnostic) -> Diagnostic {
    let title = format!("the check held, and not after a reset: {}", problem.title);
    Diagnostic { code: "unrepeatable-check", title, ..problem }
        .help("mask or leave out what is different each time, or say `in_order: false`")
}

/// Says what is wrong if a step's check passes before its actions.
pub(super) fn void(playbook: &Playbook, step: &Step, before: &Judgement) -> Vec<Diagnostic> {
    let (expect, still) = before.verdicts.split_at(step.expect.len().min(before.verdicts.len()));
    let mut problems = Vec::new();
    if expect.iter().all(Verdict::passed) {
        let problem = Diagnostic::error(
            "void-check",
            format!("the check of step `{}` passes before its actions: it cannot fail", step.id.value),
        );
        let problem = problem.at(playbook.at(&step.id)).help(
            "expect something that the actions bring about; what holds before and after alike stands under `still:`",
        );
        problems.push(
            expect.iter().fold(problem, |problem, verdict| problem.cause(format!("seen: {}", verdict.seen))),
        );
    }
    for (expectation, verdict) in step.still.iter().zip(still).filter(|(_, verdict)| !verdict.passed()) {
        let problem = verdict.diagnostic(playbook.at(expectation));
        let title = format!("under `still:` stands what does not hold before the actions: {}", problem.title);
        problems.push(Diagnostic { code: "still-too-early", title, ..problem });
    }
    problems
}

fn problems_of(playbook: &Playbook, step: &Step, judgement: &Judgement) -> Vec<Diagnostic> {
    let expectations = step.expect.iter().chain(&step.still);
    let failed = expectations.zip(&judgement.verdicts).filter(|(_, verdict)| !verdict.passed());
    failed.map(|(expectation, verdict)| judgement.problem(verdict, playbook.at(expectation))).collect()
}
