//! JUnit XML: a suite for every playbook, a case for every step. Written when all is over.

use std::io;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Reporter, Sink};
use crate::diagnostic::{Diagnostic, Style, render};
use crate::session::{Event, Kind, StepResult};

struct Junit {
    sink: Sink,
    report: Report,
    suite: Option<TestSuite>,
    /// The playbook of the suite.
    playbook: String,
    /// The title of the step that runs.
    title: String,
    /// What was judged in it, for the case's text.
    judged: Vec<String>,
    /// When it was that the botnet did not come to rest, and why.
    restless: Vec<String>,
    /// The first expectation that does not hold.
    failed: Option<String>,
}

pub(super) fn make(sink: Sink) -> Box<dyn Reporter> {
    Box::new(Junit {
        sink,
        report: Report::new("intelmq-lab"),
        suite: None,
        playbook: String::new(),
        title: String::new(),
        judged: Vec::new(),
        restless: Vec::new(),
        failed: None,
    })
}

impl Reporter for Junit {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::SessionStarted { playbook, target, broker, .. } => self.begin(playbook, target, broker),
            Kind::StepStarted { title, .. } => {
                title.clone_into(&mut self.title);
                self.judged.clear();
                self.restless.clear();
                self.failed = None;
            }
            Kind::StillBusy { when, busy, .. } => {
                self.restless.push(format!("the botnet did not come to rest {when}: {busy}"));
            }
            Kind::CheckJudged { expectation, passed, seen, detail, .. } => {
                self.judge(expectation, *passed, seen, detail);
            }
            Kind::StepFinished { quiet: true, result: StepResult::Passed, .. } => {}
            Kind::StepFinished { step, result, problem, took_ms, .. } => {
                self.case(step, *result, problem, *took_ms);
            }
            Kind::SessionFinished { took_ms, .. } => self.end(Some(*took_ms)),
            _ => {}
        }
        Ok(())
    }

    fn problem(&mut self, playbook: &str, problems: &[Diagnostic]) -> io::Result<()> {
        if self.suite.is_none() {
            self.suite = Some(TestSuite::new(playbook));
            playbook.clone_into(&mut self.playbook);
        }
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        if let Some(first) = problems.first() {
            status.set_message(&*first.title).set_type(first.code);
        }
        status.set_description(render(problems, Style::Plain));
        self.add("(the playbook as a whole)", status, None);
        self.end(None);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.end(None);
        let xml = self.report.to_string().map_err(io::Error::other)?;
        self.sink.line(xml.trim_end())
    }
}

impl Junit {
    fn begin(&mut self, playbook: &str, target: &str, broker: &str) {
        self.end(None);
        let mut suite = TestSuite::new(playbook);
        suite.add_property(("target", target)).add_property(("broker", broker));
        self.suite = Some(suite);
        playbook.clone_into(&mut self.playbook);
    }

    fn judge(&mut self, expectation: &str, passed: bool, seen: &str, detail: &str) {
        let word = if passed { "holds" } else { "does not hold" };
        self.judged.push(format!("{word}: {expectation} ({seen})"));
        if !passed {
            self.judged.push(detail.trim_end().to_owned());
            self.failed.get_or_insert_with(|| format!("expected {expectation}, saw {seen}"));
        }
    }

    fn case(&mut self, step: &str, result: StepResult, problem: &str, took_ms: u64) {
        let (kind, word, message) = match result {
            StepResult::Passed => return self.add(step, TestCaseStatus::success(), Some(took_ms)),
            StepResult::Failed => {
                (NonSuccessKind::Failure, "check-failed", self.failed.clone().unwrap_or_default())
            }
            StepResult::Broken => (NonSuccessKind::Error, "step-broken", problem.to_owned()),
        };
        let text = format!("{}\n{}", self.title, self.judged.join("\n"));
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(message).set_type(word).set_description(text.trim_end());
        self.add(step, status, Some(took_ms));
    }

    fn add(&mut self, name: &str, status: TestCaseStatus, took_ms: Option<u64>) {
        let mut case = TestCase::new(name, status);
        case.set_classname(self.playbook.as_str());
        if let Some(took_ms) = took_ms {
            case.set_time(Duration::from_millis(took_ms));
        }
        if !self.restless.is_empty() {
            case.set_system_err(std::mem::take(&mut self.restless).join("\n"));
        }
        if let Some(suite) = &mut self.suite {
            suite.add_test_case(case);
        }
    }

    fn end(&mut self, took_ms: Option<u64>) {
        if let Some(mut suite) = self.suite.take() {
            if let Some(took_ms) = took_ms {
                suite.set_time(Duration::from_millis(took_ms));
            }
            self.report.add_test_suite(suite);
        }
    }
}
