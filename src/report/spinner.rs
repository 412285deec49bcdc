//! What goes on right now, on standard error, while it goes on; only on a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Reporter;
use crate::session::{Event, Kind};

/// A line that turns while something runs, and is gone afterwards.
#[derive(Debug, Default)]
pub(super) struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// Says what runs.
    pub(super) fn busy(&mut self, what: &str) {
        if io::stderr().is_terminal() {
            self.0.get_or_insert_with(bar).set_message(what.to_owned());
        }
    }

    /// Says that nothing runs.
    pub(super) fn rest(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes something without leaving half a line of the spinner behind.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Shows what goes on and keeps nothing of it, for commands whose result is not a session's.
#[derive(Debug, Default)]
pub struct Progress {
    spinner: Spinner,
    title: String,
}

impl Reporter for Progress {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            Kind::SessionStarted { title, .. } => title.clone_into(&mut self.title),
            Kind::StageStarted { stage } => self.spinner.busy(&format!("{}: {stage}", self.title)),
            Kind::StepStarted { title: step, .. } => self.spinner.busy(&format!("{}: {step}", self.title)),
            Kind::StageFinished { .. } | Kind::SessionFinished { .. } => self.spinner.rest(),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.spinner.rest();
        Ok(())
    }
}
