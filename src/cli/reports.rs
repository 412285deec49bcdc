//! The reports that `up` and `check` are asked for.

use std::str::FromStr;

use super::args::Common;
use super::failure::Failure;
use super::output;
use crate::report::{Format, Reports, Sink, Wanted};
use crate::session::{Event, Kind, World};

/// Which reports to write.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ReportArgs {
    /// Report what happens as human, jsonl, junit or github, to standard output or a file; may be given several times
    #[arg(long = "report", value_name = "KIND[=FILE]", value_parser = Wanted::from_str)]
    reports: Vec<Wanted>,
}

impl ReportArgs {
    /// Opens the reports; a file that cannot be written is told before anything is done.
    ///
    /// People are told too, on standard output, unless another report needs it for itself.
    pub(super) fn open(&self, common: &Common) -> Result<Reports, Failure> {
        let mut reports = Reports::default();
        let mut wanted = self.reports.clone();
        let on_stdout = |wanted: &[Wanted]| -> Vec<&'static Format> {
            wanted.iter().filter(|report| report.file.is_none()).map(|report| report.format).collect()
        };
        if common.json {
            wanted.push(named("jsonl"));
        } else if on_stdout(&wanted).is_empty() {
            wanted.push(named("human"));
        }
        let alone: Vec<&str> = on_stdout(&wanted)
            .into_iter()
            .filter(|format| !format.shares)
            .map(|format| format.name)
            .collect();
        if alone.len() > 1 {
            let title = format!("the reports {} cannot share standard output", alone.join(" and "));
            return Err(
                Failure::usage("reports-collide", title).help("give all but one a file: --report KIND=FILE")
            );
        }
        for report in wanted {
            let sink = match &report.file {
                Some(file) => Sink::file(file).map_err(|cause| output::cannot_write(file, &cause))?,
                // What is for people makes room for what is for programs.
                None if report.format.shares && !alone.is_empty() => Sink::stderr(),
                None => Sink::stdout(),
            };
            reports.add((report.format.make)(sink));
        }
        Ok(reports)
    }
}

fn named(name: &str) -> Wanted {
    name.parse().unwrap_or_else(|_| unreachable!("{name} is a kind of report"))
}

/// Hands an event to the reports; the secrets of a lab are never shown once its session begins.
pub(super) fn tell(world: &World, event: &Event, reports: &mut Reports) {
    if let Kind::SessionStarted { lab, .. } = &event.kind
        && let Ok(Some(lab)) = world.labs.find(lab)
    {
        // What cannot be read is told by the session itself.
        let _ = output::hide_secrets(&lab);
    }
    reports.event(event);
    if let Kind::ChangesUndone { kept } = &event.kind {
        let kept = kept.as_ref().map(|kept| format!("; the runtime file as it was is kept in {kept}"));
        let undone = "what was changed by hand since the last step is undone";
        output::talk(&format!("{undone}{}", kept.unwrap_or_default()));
    }
}

/// Tells the reports why a playbook could not be run, if it could not, and hands the outcome on.
pub(super) fn told<T, E: Into<Failure>>(
    playbook: &str,
    outcome: Result<T, E>,
    reports: &mut Reports,
) -> Result<T, Failure> {
    let told = outcome.map_err(Into::into);
    told.inspect_err(|failure| reports.problem(playbook, &output::masked_problems(&failure.diagnostics)))
}
