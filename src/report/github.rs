//! Annotations for GitHub Actions: an error at the line of each expectation that does not hold.

use std::io;

use super::{Reporter, Sink};
use crate::diagnostic::{Diagnostic, Style, render};
use crate::session::{Event, Kind, StepResult};

/// A file and a line in it, counted from 1.
type Place<'a> = Option<(&'a str, usize)>;

struct Github {
    sink: Sink,
    playbook: String,
}

pub(super) fn make(sink: Sink) -> Box<dyn Reporter> {
    Box::new(Github { sink, playbook: String::new() })
}

impl Reporter for Github {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::SessionStarted { playbook, .. } => playbook.clone_into(&mut self.playbook),
            Kind::CheckJudged { step, expectation, passed: false, seen, detail, file, line } => {
                let place = file.as_deref().map(|file| (file, line.unwrap_or(1)));
                let text = format!("expected {expectation}, saw {seen}\n{detail}");
                return self.error(place, &self.playbook.clone(), step, &text);
            }
            Kind::StepFinished { step, result: StepResult::Broken, problem, .. } => {
                return self.error(None, &self.playbook.clone(), step, problem);
            }
            Kind::StillBusy { step, when, busy, .. } => {
                let text = format!("the botnet did not come to rest {when}: {busy}");
                return self.line("warning", None, &format!("{} {step}", self.playbook), &text);
            }
            _ => {}
        }
        Ok(())
    }

    fn problem(&mut self, playbook: &str, problems: &[Diagnostic]) -> io::Result<()> {
        for problem in problems {
            let place = problem.at.as_ref().map(|at| (at.source.name(), at.position().0));
            self.error(place, playbook, problem.code, &render(std::slice::from_ref(problem), Style::Plain))?;
        }
        Ok(())
    }
}

impl Github {
    fn error(&mut self, place: Place<'_>, playbook: &str, what: &str, text: &str) -> io::Result<()> {
        self.line("error", place, &format!("{playbook} {what}"), text)
    }

    fn line(&mut self, level: &str, place: Place<'_>, title: &str, text: &str) -> io::Result<()> {
        let mut properties = match place {
            Some((file, line)) => format!("file={},line={line},", property(file)),
            None => String::new(),
        };
        properties += "title=";
        properties += &property(title);
        self.sink.line(&format!("::{level} {properties}::{}", data(text.trim_end())))
    }
}

/// Escapes the text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
