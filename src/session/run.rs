//! `up`, `check` and `reset`: which steps run, in which lab, and what is left afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::SessionError;
use super::down::remove;
use super::event::{Event, Kind, StepResult};
use super::lab::{Lab, Next};
use super::open::{LabWish, Opened};
use super::steps::Steps;
use super::teller::Teller;
use super::world::World;
use crate::diagnostic::Diagnostic;
use crate::observe::{Baseline, Observer};
use crate::playbook::Playbook;
use crate::runtime::random_token;
use crate::seed::Actor;

/// Which steps run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// Only this one, counted from 1; those before it bring the lab to where it begins.
    pub only: Option<usize>,
    /// The last one, counted from 1; 0 does none.
    pub to: Option<usize>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// The lab as it is now; of `check` it is gone unless it was kept.
    pub lab: Lab,
    /// Steps that passed.
    pub passed: usize,
    /// Steps whose checks failed.
    pub failed: usize,
    /// Steps that could not be done.
    pub broken: usize,
    /// What is wrong, with its place in the playbook.
    pub diagnostics: Vec<Diagnostic>,
}

/// A playbook in a lab that is open and runs.
pub(super) struct Session<'a> {
    pub(super) opened: Opened<'a>,
    pub(super) playbook: &'a Playbook,
    pub(super) teller: Teller<'a>,
    /// Whether steps go on after one that failed.
    keep_going: bool,
    /// Steps that were done by hand, and that the session was asked to do.
    by_hand: usize,
}

/// Makes a lab for a playbook, or goes on with it, does its steps, and leaves the lab running.
///
/// Steps that passed before are not done again; the first one that fails ends the session.
pub fn up(
    world: &World,
    playbook: &Playbook,
    wish: &LabWish,
    range: Range,
    emit: &mut dyn FnMut(Event),
) -> Result<Ran, SessionError> {
    check_range(playbook, range)?;
    let mut session = Session::open(world, playbook, wish, emit, false)?;
    let ran = session.run(range);
    let Opened { fresh, lab, lock, .. } = session.opened;
    if fresh {
        // One that never ran would only stand in the way of the next try.
        let gone = remove(world, &lab.record.name, lock);
        return ran.and_then(|ran| gone.map(|()| ran));
    }
    ran
}

/// Does a playbook's steps in a fresh lab, which is removed afterwards unless it shall be kept.
pub fn check(
    world: &World,
    playbook: &Playbook,
    wish: &LabWish,
    (range, keep): (Range, bool),
    emit: &mut dyn FnMut(Event),
) -> Result<Ran, SessionError> {
    check_range(playbook, range)?;
    in_fresh_lab(world, playbook, wish, (keep, emit), |session| session.run(range))
}

/// Brings a lab back to where a step begins (counted from 1; the first unless it is said), with the playbook as it is now.
pub fn reset(
    world: &World,
    playbook: &Playbook,
    lab: &Lab,
    step: Option<usize>,
    emit: &mut dyn FnMut(Event),
) -> Result<Ran, SessionError> {
    let before = step.unwrap_or(1);
    check_range(playbook, Range { only: Some(before), to: None })?;
    let wish = LabWish { name: Some(lab.record.name.clone()), ..LabWish::default() };
    let mut session = Session::open(world, playbook, &wish, emit, false)?;
    session.opened.renew(playbook, &mut session.teller)?;
    session.walk(0..before - 1, before - 1)
}

/// Runs something in a lab of its own and removes it afterwards, however that ended.
pub(super) fn in_fresh_lab<'a, T>(
    world: &'a World,
    playbook: &'a Playbook,
    wish: &LabWish,
    (keep, emit): (bool, &'a mut dyn FnMut(Event)),
    work: impl FnOnce(&mut Session<'a>) -> Result<T, SessionError>,
) -> Result<T, SessionError> {
    let number = random_token().map_err(|cause| super::lab::file("/dev/urandom", cause))?;
    let name = wish.name.clone().unwrap_or_else(|| format!("check-{}-{}", playbook.id.value, &number[..8]));
    if world.labs.find(&name)?.is_some() {
        let title = format!("there is a lab `{name}` already, and a check needs a fresh one");
        return Err(SessionError::usage("lab-taken", title, "choose another name, or remove the lab first"));
    }
    let wish = LabWish { name: Some(name.clone()), ..wish.clone() };
    let mut session = Session::open(world, playbook, &wish, emit, true)?;
    session.keep_going = true;
    session.opened.lab.record.temporary = !keep;
    let done = session.opened.lab.save();
    // A fault of the program must not leave a lab behind either.
    let done = catch_unwind(AssertUnwindSafe(|| done.and_then(|()| work(&mut session))));
    if keep {
        return done.unwrap_or_else(|panic| resume_unwind(panic));
    }
    let gone = remove(world, &name, session.opened.lock);
    let done = done.unwrap_or_else(|panic| resume_unwind(panic))?;
    gone?;
    Ok(done)
}

fn check_range(playbook: &Playbook, range: Range) -> Result<(), SessionError> {
    let steps = playbook.steps.len();
    for (number, least) in [(range.only, 1), (range.to, 0)] {
        if let Some(number) = number.filter(|number| !(least..=steps).contains(number)) {
            let title = format!("the playbook `{}` has no step {number}", playbook.id.value);
            return Err(SessionError::usage("unknown-step", title, format!("its steps are 1 to {steps}")));
        }
    }
    Ok(())
}

impl<'a> Session<'a> {
    pub(super) fn open(
        world: &'a World,
        playbook: &'a Playbook,
        wish: &LabWish,
        emit: &'a mut dyn FnMut(Event),
        temporary: bool,
    ) -> Result<Self, SessionError> {
        let mut teller = Teller::new(emit);
        let opened = Opened::open(world, playbook, wish, temporary)?;
        teller.hide(&opened.secrets());
        // Nobody asks in a lab that is gone in a moment.
        if !temporary {
            teller.keep(opened.lab.tell()?);
        }
        let record = &opened.lab.record;
        teller.tell(Kind::SessionStarted {
            playbook: record.playbook.clone(),
            title: playbook.title.value.clone(),
            lab: record.name.clone(),
            folder: opened.lab.folder.display().to_string(),
            target: record.target.clone(),
            broker: record.broker.clone(),
            steps: playbook.steps.len(),
            done: opened.lab.passed(playbook),
        });
        Ok(Session { opened, playbook, teller, keep_going: false, by_hand: 0 })
    }

    /// Runs the steps that are wished for and were not done before.
    fn run(&mut self, range: Range) -> Result<Ran, SessionError> {
        let steps = self.playbook.steps.len();
        let done = self.opened.lab.passed(self.playbook);
        let (loud, end) = match range.only {
            Some(only) => (only - 1, only),
            None => (done, range.to.unwrap_or(steps)),
        };
        // A step that was begun cannot be begun again where it was left, and a later one cannot be undone.
        let soiled = self.opened.lab.record.begun.is_some() || self.opened.lab.record.passed.len() != done;
        if soiled || loud < done {
            self.opened.renew(self.playbook, &mut self.teller)?;
            return self.walk(0..end, loud);
        }
        if done >= end || !self.may_be_done_by_hand(done) {
            return self.walk(done..end, loud);
        }
        let mut doer = self.bring_up()?;
        match self.by_hand(&mut doer, done, loud)? {
            true => self.walk(done + 1..end, loud),
            // What was changed by hand may be half of a step, and that cannot be gone on with.
            false if self.opened.lab.record.touched => {
                self.opened.renew(self.playbook, &mut self.teller)?;
                self.walk(0..end, loud)
            }
            false => self.walk(done..end, loud),
        }
    }

    /// Tells whether it is known what was there before a step, so that it can be seen whether somebody has done it since.
    fn may_be_done_by_hand(&self, index: usize) -> bool {
        self.opened.lab.next().is_some_and(|next| next.step == self.playbook.steps[index].id.value)
    }

    /// Takes a step as done if its checks hold already, without doing its actions; says whether it is so.
    fn by_hand(&mut self, doer: &mut Steps<'a>, index: usize, loud: usize) -> Result<bool, SessionError> {
        let Some(Next { baseline, .. }) = self.opened.lab.next() else { return Ok(false) };
        if !doer.done_by_hand(index, index < loud, &baseline, &mut self.teller)? {
            return Ok(false);
        }
        self.by_hand += usize::from(index >= loud);
        self.passed(index, doer, &baseline)?;
        Ok(true)
    }

    /// Judges the step that is due, counted from 1, as somebody may have done it by hand.
    pub(super) fn look(&mut self, number: usize) -> Result<Ran, SessionError> {
        check_range(self.playbook, Range { only: Some(number), to: None })?;
        let (index, done) = (number - 1, self.opened.lab.passed(self.playbook));
        let refused = |code, title, help| Err(SessionError::usage(code, title, help));
        if index < done {
            let title = format!("step {number} has passed already");
            return refused("step-passed", title, "reset the lab to it to do it again");
        }
        let before = self.opened.lab.next().filter(|next| next.step == self.playbook.steps[index].id.value);
        let Some(Next { baseline, .. }) = before.filter(|_| index == done) else {
            let title = format!("step {number} is not due: step {} comes first", done + 1);
            return refused("step-not-due", title, "bring the lab to it first");
        };
        let mut doer = self.bring_up()?;
        let ended = doer.look_at(index, &baseline, &mut self.teller)?;
        let passed = usize::from(ended.result == StepResult::Passed);
        if passed == 1 {
            self.passed(index, &mut doer, &baseline)?;
            self.look_ahead(&mut doer)?;
        }
        let took_ms = self.teller.elapsed_ms();
        self.teller.tell(Kind::SessionFinished { passed, failed: 1 - passed, took_ms });
        let lab = self.opened.lab.clone();
        Ok(Ran {
            lab,
            passed,
            failed: 1 - passed,
            broken: 0,
            diagnostics: self.teller.masked(ended.diagnostics),
        })
    }

    /// Notes that a step passed, and keeps what its text shows of it.
    fn passed(&mut self, index: usize, doer: &mut Steps<'a>, before: &Baseline) -> Result<(), SessionError> {
        let step = &self.playbook.steps[index];
        let lab = &mut self.opened.lab;
        lab.record.begun = None;
        lab.record.touched = false;
        lab.record.passed.push(step.id.value.clone());
        lab.save()?;
        // Nobody reads in a lab that is gone in a moment.
        if lab.record.temporary || !step.text.blocks().any(|(block, after)| after && block.show.is_of_a_run())
        {
            return Ok(());
        }
        let shown = doer.shown(step, before, &mut |kind| self.teller.tell(kind))?;
        let shown = shown.into_iter().map(|text| self.teller.masked_text(text)).collect();
        self.opened.lab.keep_shown(&step.id, shown)
    }

    /// Remembers what is there before a step, so that somebody may do it by hand.
    fn look_ahead(&mut self, doer: &mut Steps<'a>) -> Result<(), SessionError> {
        let record = &self.opened.lab.record;
        let known = self.opened.lab.next().map(|next| next.step);
        let step = self.playbook.steps.get(self.opened.lab.passed(self.playbook));
        // What was done by hand since it was remembered would be lost with a second look.
        let wanted = step.filter(|step| record.begun.is_none() && known.as_ref() != Some(&step.id.value));
        if let Some(step) = wanted.filter(|_| !record.temporary) {
            let baseline = doer.baseline(step, &mut |kind| self.teller.tell(kind))?;
            self.opened.lab.keep_next(&Next { step: step.id.value.clone(), baseline })?;
        }
        Ok(())
    }

    /// Does some steps in order, those before `loud` quietly.
    fn walk(&mut self, steps: std::ops::Range<usize>, loud: usize) -> Result<Ran, SessionError> {
        let mut doer = self.bring_up()?;
        let passed = self.by_hand;
        let mut ran =
            Ran { lab: self.opened.lab.clone(), passed, failed: 0, broken: 0, diagnostics: Vec::new() };
        for index in steps {
            let id = &self.playbook.steps[index].id.value;
            self.opened.lab.record.begun = Some(id.clone());
            self.opened.lab.save()?;
            let ended = doer.step(index, index < loud, &mut self.teller)?;
            ran.diagnostics.extend(self.teller.masked(ended.diagnostics));
            match ended.result {
                StepResult::Passed => {
                    ran.passed += usize::from(index >= loud);
                    self.passed(index, &mut doer, &ended.before)?;
                }
                StepResult::Failed => ran.failed += 1,
                StepResult::Broken => ran.broken += 1,
            }
            let go_on = self.keep_going && index >= loud && ended.result == StepResult::Failed;
            if ended.result != StepResult::Passed && !go_on {
                break;
            }
        }
        self.look_ahead(&mut doer)?;
        let (failed, took_ms) = (ran.failed + ran.broken, self.teller.elapsed_ms());
        self.teller.tell(Kind::SessionFinished { passed: ran.passed, failed, took_ms });
        ran.lab = self.opened.lab.clone();
        Ok(ran)
    }

    /// Brings the botnet up and returns what does steps in it.
    pub(super) fn bring_up(&mut self) -> Result<Steps<'a>, SessionError> {
        let client = self.opened.bring_up(&mut self.teller)?;
        let variables = self.opened.plan.variables.clone();
        Ok(Steps {
            world: self.opened.world,
            playbook: self.playbook,
            observer: Observer::new(client.clone(), variables.clone(), self.opened.places()),
            actor: Actor::new(self.playbook, client.clone(), variables),
            client,
        })
    }
}
