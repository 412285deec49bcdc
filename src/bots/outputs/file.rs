//! Appends events to a file, one a line; each exactly once, however often the process dies.

use std::path::PathBuf;

use super::export::Exporter;
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The file output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.file.output",
        kind: Kind::Output,
        summary: "Appends events to a file, one JSON object or one field a line.",
        params: &[Param::new(
            "file",
            ParamKind::Text,
            "\"file-output/events.txt\"",
            "The file; a missing folder is made.",
        )],
        stateful: true,
        paths: &[],
    },
    make,
};

struct FileOutput {
    file: PathBuf,
    exporter: Exporter,
    line: Vec<u8>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let file = params.text("file")?.unwrap_or_else(|| "file-output/events.txt".to_owned());
    let exporter = Exporter::of(params, site)?;
    Ok(Bot::Output(Box::new(FileOutput { file: site.path(&file), exporter, line: Vec::new() })))
}

impl Output for FileOutput {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        self.line.clear();
        self.exporter.write(event, &mut self.line);
        self.line.push(b'\n');
        context.append(&self.file, &self.line);
        Ok(())
    }
}
