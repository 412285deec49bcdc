//! Tells what happens, with the time, and without the lab's secrets.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::Instant;

use super::clock;
use super::event::{Event, Kind};
use super::mask::Mask;
use crate::diagnostic::Diagnostic;

/// Takes what happens, where no session is at hand.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Kind);

/// Where events go.
pub(super) struct Teller<'a> {
    emit: &'a mut dyn FnMut(Event),
    began: Instant,
    mask: Mask,
    /// Where it is kept for who asks later.
    kept: Option<File>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(emit: &'a mut dyn FnMut(Event)) -> Self {
        Teller { emit, began: Instant::now(), mask: Mask::default(), kept: None }
    }

    /// Never shows these values from now on.
    pub(super) fn hide(&mut self, secrets: &BTreeMap<String, String>) {
        self.mask = Mask::of(secrets);
    }

    /// Writes what is told from now on to a file too, a line each.
    pub(super) fn keep(&mut self, file: File) {
        self.kept = Some(file);
    }

    pub(super) fn tell(&mut self, mut kind: Kind) {
        let elapsed_ms = milliseconds(self.began);
        match &mut kind {
            Kind::ActionDone { action: text, .. }
            | Kind::CheckWaiting { seen: text, .. }
            | Kind::StillBusy { busy: text, .. }
            | Kind::StepFinished { problem: text, .. } => self.mask(text),
            Kind::CheckJudged { expectation, seen, detail, .. } => {
                for text in [expectation, seen, detail] {
                    self.mask(text);
                }
            }
            _ => {}
        }
        let event = Event { at: clock::now(), elapsed_ms, kind };
        if let (Some(file), Ok(line)) = (&mut self.kept, serde_json::to_string(&event)) {
            // Who asks later misses it; the session goes on.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        (self.emit)(event);
    }

    /// Tells that something begins and that it is over.
    pub(super) fn stage<T, E>(&mut self, stage: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.tell(Kind::StageStarted { stage: stage.to_owned() });
        let began = Instant::now();
        let done = work()?;
        self.tell(Kind::StageFinished { stage: stage.to_owned(), took_ms: milliseconds(began) });
        Ok(done)
    }

    /// Returns how long the session has taken so far, in milliseconds.
    pub(super) fn elapsed_ms(&self) -> u64 {
        milliseconds(self.began)
    }

    /// Hides the lab's secrets in problems, which are shown by others.
    pub(super) fn masked(&self, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
        problems.into_iter().map(|problem| self.mask.problem(problem)).collect()
    }

    /// Hides the lab's secrets in a text that others keep.
    pub(super) fn masked_text(&self, text: String) -> String {
        self.mask.text(text)
    }

    fn mask(&self, text: &mut String) {
        *text = self.mask.text(std::mem::take(text));
    }
}

pub(super) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_told() {
        let mut told = Vec::new();
        let mut emit = |event: Event| told.push(event);
        let mut teller = Teller::new(&mut emit);
        teller.hide(&BTreeMap::from([
            ("key".to_owned(), "s3cret".to_owned()),
            ("none".to_owned(), String::new()),
        ]));
        let action = "request http://x/?key=s3cret".to_owned();
        teller.tell(Kind::ActionDone { step: "one".to_owned(), action });
        let hidden = "request http://x/?key=********".to_owned();
        assert_eq!(told[0].kind, Kind::ActionDone { step: "one".to_owned(), action: hidden });
    }
}
