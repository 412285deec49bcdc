//! An expert and an output for tests of the runtime: they fail or panic as the event's comment says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use super::{Bot, BotSpec, Context, Expert, Failure, Output, Reach};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Spec};

/// The troubled expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.troubled.expert",
        kind: Kind::Expert,
        summary: "Fails as the event's comment says.",
        params: &[
            Param::new("healed", ParamKind::Bool, "false", "Whether it works after all."),
            Param::new("unmade", ParamKind::Bool, "false", "Whether making it panics."),
        ],
        stateful: false,
        paths: &["other"],
    },
    make: |params, _site| {
        assert!(!params.flag("unmade"), "asked to panic");
        Ok(Bot::Expert(Box::new(Troubled { healed: params.flag("healed"), tries: 0 })))
    },
};

struct Troubled {
    healed: bool,
    tries: usize,
}

impl Expert for Troubled {
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure> {
        self.tries += 1;
        if let Some(address) = event.text("comment").and_then(|comment| comment.strip_prefix("wait for ")) {
            // Who listens there ends it.
            let _ = TcpStream::connect(address).and_then(|mut stream| stream.read(&mut [0]));
        }
        match event.text("comment") {
            Some("fail") if !self.healed => Err(Failure::Other("asked to fail".to_owned())),
            Some("fail twice") if self.tries < 3 => Err(Failure::Other("not yet".to_owned())),
            Some("invalid") if !self.healed => Err(Failure::Invalid("asked to be invalid".to_owned())),
            Some("panic") if !self.healed => panic!("asked to panic"),
            Some("unsettle") if !self.healed => Err(Failure::Configuration("asked to stop".to_owned())),
            Some("drop") => {
                context.drop_message("asked to drop");
                Ok(())
            }
            Some("other") => context.send_to("other", event),
            _ => context.send(event),
        }
    }
}

/// The troubled output: it writes to its file past its context, as if that were the world.
pub(super) const OUTPUT: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.troubled.output",
        kind: Kind::Output,
        summary: "Fails as the event's comment says.",
        params: &[
            Param::required("file", ParamKind::Text, "Where the events' comments go."),
            Param::new("batches", ParamKind::Bool, "false", "Whether it writes when it is flushed."),
        ],
        stateful: false,
        paths: &[],
    },
    make: |params, site| {
        let file = site.path(&params.required_text("file")?);
        let batches = params.flag("batches");
        Ok(Bot::Output(Box::new(World { file, batches, held: Vec::new(), flushes: 0 })))
    },
};

struct World {
    file: PathBuf,
    batches: bool,
    held: Vec<String>,
    flushes: usize,
}

impl Output for World {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        let comment = event.text("comment").unwrap_or_default();
        match comment {
            "fail" => return Err(Failure::Other("asked to fail".to_owned())),
            "panic" => panic!("asked to panic"),
            _ => self.held.push(comment.to_owned()),
        }
        if self.batches { Ok(()) } else { self.flush(context) }
    }

    fn flush(&mut self, _context: &mut Context) -> Result<(), Failure> {
        let held = std::mem::take(&mut self.held);
        self.flushes += 1;
        if held.iter().any(|comment| comment == "fail flush" || comment == "flush once" && self.flushes < 3) {
            return Err(Failure::Other("asked to fail in the end".to_owned()));
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.file)?;
        held.iter().try_for_each(|comment| writeln!(file, "{comment}"))?;
        Ok(())
    }

    fn reach(&self) -> Reach {
        if self.batches { Reach::WithFlush } else { Reach::AtOnce }
    }
}
