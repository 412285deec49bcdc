//! One line a step for people, and a readable difference where one fails.
//!
//! While something runs, a spinner on standard error says what; it is there only on a terminal.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::spinner::Spinner;
use super::{Reporter, Sink};
use crate::session::{Event, Kind, StepResult};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Columns of the title in a step's line; what is longer pushes the rest to the right.
const TITLE: usize = 34;
/// Columns of what was seen in a step's line; what is longer gets lines of its own. All together fits into 80.
const SEEN: usize = 28;
/// Columns that details are moved in by.
const INDENT: &str = "       ";

struct Human {
    sink: Sink,
    spinner: Spinner,
    /// Whether there is nothing but a line a step; somebody else tells the rest.
    steps_only: bool,
    /// The title of the step that runs.
    title: String,
    /// What to show under its line.
    details: Vec<String>,
}

pub(super) fn make(sink: Sink) -> Box<dyn Reporter> {
    Box::new(of(sink, false))
}

/// Tells what comes of steps, and nothing else: no session around them, no difference where a check fails.
pub fn of_steps(sink: Sink) -> Box<dyn Reporter> {
    Box::new(of(sink, true))
}

fn of(sink: Sink, steps_only: bool) -> Human {
    let (title, details) = (String::new(), Vec::new());
    Human { sink, spinner: Spinner::default(), steps_only, title, details }
}

impl Reporter for Human {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::SessionFinished { .. } if self.steps_only => self.spinner.rest(),
            Kind::SessionStarted { .. } | Kind::CheckJudged { .. } if self.steps_only => {}
            Kind::SessionStarted { title, lab, target, broker, steps, done, .. } => {
                let done = if *done > 0 { format!(" ({done} done before)") } else { String::new() };
                let steps = format!("{}{done}", plural(*steps, "step"));
                self.session_started(title, &[&steps, target, broker, &format!("lab {lab}")])?;
            }
            Kind::StageStarted { stage } => self.spinner.busy(stage),
            // What is undone is told on standard error, for those too who read the steps elsewhere.
            Kind::StageFinished { .. } | Kind::ChangesUndone { .. } => self.spinner.rest(),
            Kind::StepStarted { number, title, .. } => self.step_started(*number, title),
            Kind::ActionDone { action, .. } => self.spinner.busy(action),
            Kind::StillBusy { when, waited_ms, busy, .. } => self.still_busy(when, *waited_ms, busy)?,
            Kind::CheckWaiting { seen, .. } => self.spinner.busy(&format!("waiting: {seen}")),
            Kind::CheckJudged { expectation, passed, seen, detail, .. } => {
                self.check_judged(expectation, *passed, seen, detail);
            }
            Kind::StepFinished { quiet: true, result: StepResult::Passed, .. } => {}
            Kind::StepFinished { number, result, summary, problem, took_ms, .. } => {
                self.step_finished(*number, *result, summary, problem, *took_ms)?;
            }
            Kind::SessionFinished { passed, failed, took_ms } => {
                self.session_finished(*passed, *failed, *took_ms)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.spinner.rest();
        Ok(())
    }
}

impl Human {
    fn session_started(&mut self, title: &str, facts: &[&str]) -> io::Result<()> {
        self.line(&format!("{BOLD}{title}{BOLD:#}  {FAINT}{}{FAINT:#}", facts.join(", ")))
    }

    fn step_started(&mut self, number: usize, title: &str) {
        title.clone_into(&mut self.title);
        self.details.clear();
        self.spinner.busy(&format!("{number}. {title}"));
    }

    fn still_busy(&mut self, when: &str, waited_ms: u64, busy: &str) -> io::Result<()> {
        let waited = seconds(waited_ms);
        let what = format!("the botnet did not come to rest {when}, in {waited}:");
        self.line(&format!("{DOUBT}!{DOUBT:#}      {what}\n{INDENT}{busy}"))
    }

    fn check_judged(&mut self, expectation: &str, passed: bool, seen: &str, detail: &str) {
        match (passed, detail.trim_end()) {
            (true, _) => {}
            (false, "") => self.details.push(format!("expected {expectation}, saw {seen}")),
            (false, detail) => self.details.push(detail.to_owned()),
        }
    }

    fn step_finished(
        &mut self,
        number: usize,
        result: StepResult,
        seen: &str,
        problem: &str,
        took_ms: u64,
    ) -> io::Result<()> {
        let mark = match result {
            StepResult::Passed => format!("{GOOD}✓{GOOD:#}"),
            StepResult::Failed => format!("{BAD}✗{BAD:#}"),
            StepResult::Broken => format!("{BAD}!{BAD:#}"),
        };
        let (beside, below) = if seen.width() <= SEEN { (seen, "") } else { ("", seen) };
        let left = fill(&format!("{}  {beside}", fill(&self.title, TITLE)), TITLE + 2 + SEEN);
        let took = seconds(took_ms);
        let mut text = format!("{mark} {number:>2}. {left}  {FAINT}{took:>7}{FAINT:#}");
        let details = self.details.iter().map(String::as_str).chain([problem]);
        for line in [below].into_iter().chain(details).flat_map(str::lines) {
            let _ = write!(text, "\n{INDENT}{line}");
        }
        self.line(text.trim_end())
    }

    fn session_finished(&mut self, passed: usize, failed: usize, took_ms: u64) -> io::Result<()> {
        self.spinner.rest();
        let style = if failed == 0 { GOOD } else { BAD };
        if passed + failed == 0 {
            return self.line("nothing to do: every step passed before; `intelmq-lab reset STEP` goes back");
        }
        let counts = format!("{style}{passed} passed, {failed} failed{style:#}");
        self.line(&format!("{counts} {FAINT}in {}{FAINT:#}", seconds(took_ms)))
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        let sink = &mut self.sink;
        self.spinner.aside(|| sink.line(text))
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{:.2} s", Duration::from_millis(milliseconds).as_secs_f64())
}

fn plural(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Fills a text with spaces to a width, or takes spaces from its end.
fn fill(text: &str, width: usize) -> String {
    let text = text.trim_end();
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
