//! Every event as one line of JSON, the form of the REST stream too.

use std::io;

use serde_json::json;

use super::{Reporter, Sink};
use crate::diagnostic::Diagnostic;
use crate::session::Event;

struct Jsonl(Sink);

pub(super) fn make(sink: Sink) -> Box<dyn Reporter> {
    Box::new(Jsonl(sink))
}

impl Reporter for Jsonl {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.line(&serde_json::to_string(event)?)
    }

    fn problem(&mut self, playbook: &str, problems: &[Diagnostic]) -> io::Result<()> {
        let line = json!({ "event": "problem", "playbook": playbook, "problems": problems });
        self.0.line(&line.to_string())
    }
}
