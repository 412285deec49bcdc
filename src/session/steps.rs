//! Does steps in a lab that runs: actions, then checks until they hold or it is too late.

use std::time::{Duration, Instant};

use super::SessionError;
use super::event::{Kind, StepResult};
use super::rest::{Pulse, busy, still};
use super::teller::{Tell, Teller, milliseconds};
use super::world::World;
use crate::check::{Expectation, Need, Observation, Outcome, Since, Verdict, judge, summary};
use crate::diagnostic::{Diagnostic, Located, Location, Style, render};
use crate::observe::{Baseline, Observer, need_of, needs_of};
use crate::playbook::{Action, Playbook, Step};
use crate::runtime::control::{Client, ControlError, Problem, Snapshot};
use crate::seed::{Actor, SeedError};

/// What came of the actions of a step.
#[derive(Debug, Default)]
struct Doings {
    rows: Option<u64>,
}

/// Does the steps of one playbook in one lab that runs.
pub(super) struct Steps<'a> {
    pub(super) world: &'a World,
    pub(super) playbook: &'a Playbook,
    pub(super) client: Client,
    pub(super) observer: Observer,
    pub(super) actor: Actor<'a>,
}

/// How one step ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) result: StepResult,
    /// What is wrong, with its place in the playbook.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What was there before it, as far as that is known.
    pub(super) before: Baseline,
}

/// What a step's checks say at one moment.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// One verdict for each expectation, those of `expect` first.
    pub(super) verdicts: Vec<Verdict>,
    /// Whether the botnet was idle.
    pub(super) idle: bool,
    /// What was still busy, in words, if it was not.
    busy: String,
}

impl Judgement {
    pub(super) fn passed(&self) -> bool {
        self.verdicts.iter().all(Verdict::passed)
    }

    /// Returns a verdict as a failed check at its place, with what was still busy.
    pub(super) fn problem(&self, verdict: &Verdict, at: Location) -> Diagnostic {
        let problem = verdict.diagnostic(at);
        if verdict.outcome == Outcome::NotYet && !self.busy.is_empty() {
            return problem.cause(format!("still busy: {}", self.busy));
        }
        problem
    }
}

impl Steps<'_> {
    /// Does one step, counted from 0, and tells it.
    pub(super) fn step(
        &mut self,
        index: usize,
        quiet: bool,
        teller: &mut Teller<'_>,
    ) -> Result<Ended, SessionError> {
        let playbook = self.playbook;
        let step = &playbook.steps[index];
        let (number, id) = (index + 1, step.id.value.clone());
        let began = Instant::now();
        teller.tell(Kind::StepStarted { number, step: id.clone(), title: step.title.clone(), quiet });
        let outcome = self.attempt(step, quiet, teller);
        let (ended, summary, problem) = match outcome {
            Ok((ended, summary)) => (ended, summary, String::new()),
            Err(SessionError::Interrupted) => return Err(SessionError::Interrupted),
            Err(error) => {
                let diagnostics =
                    error.diagnostics().into_iter().map(|problem| self.placed(problem, step)).collect();
                let ended = Ended { result: StepResult::Broken, diagnostics, before: Baseline::default() };
                let problem = render(&ended.diagnostics, Style::Plain);
                (ended, String::new(), problem)
            }
        };
        let (result, took_ms) = (ended.result, milliseconds(began));
        teller.tell(Kind::StepFinished { number, step: id, result, summary, problem, took_ms, quiet });
        Ok(ended)
    }

    /// Takes a step, counted from 0, as done if its checks hold by what was there before it, and tells it then.
    pub(super) fn done_by_hand(
        &mut self,
        index: usize,
        quiet: bool,
        before: &Baseline,
        teller: &mut Teller<'_>,
    ) -> Result<bool, SessionError> {
        let playbook = self.playbook;
        let step = &playbook.steps[index];
        let began = Instant::now();
        let judgement = self.look_for_hands(step, before, teller)?;
        if !judgement.passed() {
            return Ok(false);
        }
        let (number, id) = (index + 1, step.id.value.clone());
        teller.tell(Kind::StepStarted { number, step: id.clone(), title: step.title.clone(), quiet });
        self.tell_verdicts(step, &judgement, quiet, teller);
        let seen = judgement.verdicts.iter().map(|verdict| verdict.seen.as_str());
        let summary = summary(["done by hand"].into_iter().chain(seen));
        let (result, took_ms) = (StepResult::Passed, milliseconds(began));
        let problem = String::new();
        teller.tell(Kind::StepFinished { number, step: id, result, summary, problem, took_ms, quiet });
        Ok(true)
    }

    /// Judges a step, counted from 0, by what was there before it, and tells what is so.
    pub(super) fn look_at(
        &mut self,
        index: usize,
        before: &Baseline,
        teller: &mut Teller<'_>,
    ) -> Result<Ended, SessionError> {
        let playbook = self.playbook;
        let step = &playbook.steps[index];
        let began = Instant::now();
        let (number, id) = (index + 1, step.id.value.clone());
        teller.tell(Kind::StepStarted { number, step: id.clone(), title: step.title.clone(), quiet: false });
        let judgement = self.look_for_hands(step, before, teller)?;
        let diagnostics = self.tell_verdicts(step, &judgement, false, teller);
        let result = if judgement.passed() { StepResult::Passed } else { StepResult::Failed };
        let summary = summary(judgement.verdicts.iter().map(|verdict| verdict.seen.as_str()));
        let (took_ms, problem) = (milliseconds(began), String::new());
        teller.tell(Kind::StepFinished { number, step: id, result, summary, problem, took_ms, quiet: false });
        Ok(Ended { result, diagnostics, before: before.clone() })
    }

    /// Judges a step that somebody may have done by hand.
    fn look_for_hands(
        &mut self,
        step: &Step,
        before: &Baseline,
        teller: &mut Teller<'_>,
    ) -> Result<Judgement, SessionError> {
        let judgement = self.look_once(step, before, &mut |kind| teller.tell(kind))?;
        if judgement.passed() {
            return Ok(judgement);
        }
        // What was put into a folder by hand would else lie there until the collector's next round. Not before it is needed: some
        // collectors bring the same again in each round.
        let at = self.playbook.at(&step.id);
        self.actor.collect().map_err(|error| SessionError::Broken(vec![problem_of(error).at(at)]))?;
        self.look_once(step, before, &mut |kind| teller.tell(kind))
    }

    /// Gives a problem without a place that of the step.
    fn placed(&self, problem: Diagnostic, step: &Step) -> Diagnostic {
        if problem.at.is_some() { problem } else { problem.at(self.playbook.at(&step.id)) }
    }

    fn attempt(
        &mut self,
        step: &Step,
        quiet: bool,
        teller: &mut Teller<'_>,
    ) -> Result<(Ended, String), SessionError> {
        let baseline = self.baseline(step, &mut |kind| teller.tell(kind))?;
        let rows = self.act(step, &mut |kind| {
            if !(quiet && matches!(kind, Kind::ActionDone { .. })) {
                teller.tell(kind);
            }
        })?;
        let judgement = self.wait(step, &baseline, &mut |seen| {
            teller.tell(Kind::CheckWaiting { step: step.id.value.clone(), seen });
        })?;
        let diagnostics = self.tell_verdicts(step, &judgement, quiet, teller);
        let result = if diagnostics.is_empty() { StepResult::Passed } else { StepResult::Failed };
        let seen = judgement.verdicts.iter().map(|verdict| verdict.seen.as_str());
        let summary = summary(rows.as_deref().into_iter().chain(seen));
        Ok((Ended { result, diagnostics, before: baseline }, summary))
    }

    /// Remembers what is there before a step, once the botnet has come to rest.
    pub(super) fn baseline(&mut self, step: &Step, tell: Tell<'_>) -> Result<Baseline, SessionError> {
        let snapshot = self.settle(step, "before the step", tell)?;
        let mut needs = needs(step);
        needs.extend(step.text.blocks().filter_map(|(block, _)| need_of(&block.show)));
        Ok(self.observer.baseline(&needs, &snapshot)?)
    }

    /// Returns what the blocks below the check of a step's text show, of what came since it began.
    pub(super) fn shown(
        &mut self,
        step: &Step,
        before: &Baseline,
        tell: Tell<'_>,
    ) -> Result<Vec<String>, SessionError> {
        self.settle(step, "after the step", tell)?;
        let blocks = step.text.blocks().filter(|(_, after)| *after);
        blocks.map(|(block, _)| Ok(self.observer.show(&block.show, before)?)).collect()
    }

    /// Does the actions of a step; tells each, and returns how many rows were put in, in words.
    pub(super) fn act(&mut self, step: &Step, tell: Tell<'_>) -> Result<Option<String>, SessionError> {
        let mut doings = Doings::default();
        let mut actions = step.actions.iter().peekable();
        while let Some(action) = actions.next() {
            self.world.go_on()?;
            let rests = self.one_action(action, &mut doings, actions.peek().copied())?;
            let (id, words) = (step.id.value.clone(), action.value.to_string());
            let when = format!("after `{words}`");
            tell(Kind::ActionDone { step: id, action: words });
            // What the next action finds must not depend on how fast this machine is.
            if rests {
                self.settle(step, &when, tell)?;
            }
        }
        Ok(doings.rows.map(|rows| match rows {
            0 => "no rows".to_owned(),
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        }))
    }

    /// Does one action, and says whether the botnet has to come to rest before the next.
    fn one_action(
        &mut self,
        action: &Located<Action>,
        doings: &mut Doings,
        next: Option<&Located<Action>>,
    ) -> Result<bool, SessionError> {
        let at = self.playbook.at(action);
        let failed = |error: SeedError| SessionError::Broken(vec![problem_of(error).at(at.clone())]);
        let done = self.actor.act(&action.value).map_err(failed)?;
        if let Some(rows) = done.rows {
            *doings.rows.get_or_insert(0) += rows;
        }
        // Feeds that are put in one after the other are fetched together, in the order of their names.
        let more = next.is_some_and(|next| matches!(next.value, Action::Seed(_) | Action::Fault(_)));
        if done.feeds && !more {
            self.actor.collect().map_err(failed)?;
        }
        Ok(next.is_some() && !(done.feeds && more))
    }

    /// Tells each verdict and returns those that do not hold as problems at their places.
    fn tell_verdicts(
        &self,
        step: &Step,
        judgement: &Judgement,
        quiet: bool,
        teller: &mut Teller<'_>,
    ) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        for (expectation, verdict) in step.expect.iter().chain(&step.still).zip(&judgement.verdicts) {
            let problem =
                (!verdict.passed()).then(|| judgement.problem(verdict, self.playbook.at(expectation)));
            if problem.is_some() || !quiet {
                let at = self.playbook.at(expectation);
                teller.tell(Kind::CheckJudged {
                    step: step.id.value.clone(),
                    expectation: verdict.expected.clone(),
                    passed: verdict.passed(),
                    seen: verdict.seen.clone(),
                    detail: render(problem.as_slice(), Style::Plain),
                    file: Some(at.source.name().to_owned()),
                    line: Some(at.position().0),
                });
            }
            problems.extend(problem);
        }
        problems
    }

    /// Judges a step's expectations once, as soon as the botnet has come to rest.
    pub(super) fn look_once(
        &mut self,
        step: &Step,
        baseline: &Baseline,
        tell: Tell<'_>,
    ) -> Result<Judgement, SessionError> {
        let snapshot = self.settle(step, "before its checks", tell)?;
        self.judge(step, Some(baseline), &snapshot)
    }

    /// Judges a step's expectations until all hold, or it is clear that they will not.
    pub(super) fn wait(
        &mut self,
        step: &Step,
        baseline: &Baseline,
        tell: &mut dyn FnMut(String),
    ) -> Result<Judgement, SessionError> {
        let began = Instant::now();
        // Of a botnet at rest nothing new is to be expected, so a part of the time is enough.
        let patience = step.within / 5;
        let mut rest: Option<(u64, Instant)> = None;
        let pulse = Pulse::new();
        let mut told = began;
        let mut snapshot = self.client.snapshot()?;
        loop {
            self.world.go_on()?;
            let judgement = self.judge(step, Some(baseline), &snapshot)?;
            if judgement.passed() || began.elapsed() >= step.within {
                return Ok(judgement);
            }
            // A collector that will try again may still bring what is missing.
            if !judgement.idle || snapshot.bots.iter().any(|bot| bot.retrying) {
                rest = None;
            } else if rest.is_none_or(|(activity, _)| activity != snapshot.activity) {
                rest = Some((snapshot.activity, Instant::now()));
            }
            if rest.is_some_and(|(_, since)| since.elapsed() >= patience) {
                return Ok(judgement);
            }
            if told.elapsed() >= Duration::from_millis(500) {
                told = Instant::now();
                let open = judgement.verdicts.iter().filter(|verdict| !verdict.passed());
                tell(summary(open.map(|verdict| verdict.seen.as_str())));
            }
            snapshot = self.client.snapshot_after(snapshot.activity, pulse.beat())?;
        }
    }

    /// Judges a step's expectations now. The botnet counts as idle if it is so in this snapshot and in an equal later one.
    pub(super) fn judge(
        &mut self,
        step: &Step,
        baseline: Option<&Baseline>,
        snapshot: &Snapshot,
    ) -> Result<Judgement, SessionError> {
        let expectations: Vec<&Expectation> =
            step.expect.iter().chain(&step.still).map(|located| &located.value).collect();
        let of = |since: Since| expectations.iter().copied().filter(move |one| one.since() == since);
        let (recent, all) = (needs_of(of(Since::Step)), needs_of(of(Since::Start)));
        let mut recent = self.observer.look(&recent, baseline, snapshot)?;
        let mut all = self.observer.look(&all, None, snapshot)?;
        let idle = snapshot.idle && still(snapshot, &self.client.snapshot()?);
        (recent.idle, all.idle) = (idle, idle);
        let seen = |one: &Expectation| -> Verdict {
            let observation: &Observation = if one.since() == Since::Step { &recent } else { &all };
            judge(one, observation)
        };
        let busy = if idle { String::new() } else { busy(snapshot) };
        Ok(Judgement { verdicts: expectations.into_iter().map(seen).collect(), idle, busy })
    }
}

/// Says why an action could not be done.
fn problem_of(error: SeedError) -> Diagnostic {
    let problem = Diagnostic::error("action", error.to_string());
    match error {
        SeedError::Control(ControlError::Refused(Problem { detail: Some(detail), .. })) => {
            problem.cause(detail)
        }
        _ => problem,
    }
}

pub(super) fn needs(step: &Step) -> Vec<Need> {
    needs_of(step.expect.iter().chain(&step.still).map(|located| &located.value))
}
