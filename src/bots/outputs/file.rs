//! Appends events to a file, one a line; each exactly once, however often the process dies.

use std::path::PathBuf;

use super::export::Exporter;
use super::file_name::FileName;
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The file output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.file.output",
        kind: Kind::Output,
        summary: "Appends events to a file, one JSON object or one field a line.",
        params: &[
            Param::new(
                "file",
                ParamKind::Text,
                "\"file-output/events.txt\"",
                "The file; a missing folder is made.",
            ),
            Param::new(
                "format_filename",
                ParamKind::Bool,
                "false",
                "Fills in `{event[FIELD]}` in the file's name; a moment may have a format, \
                 `{event[time.source]:%Y-%m-%d}`. A slash in a value becomes `_`. An event without the field is dumped.",
            ),
        ],
        stateful: true,
        paths: &[],
    },
    make,
};

struct FileOutput {
    file: Destination,
    exporter: Exporter,
    line: Vec<u8>,
}

/// Where events go.
enum Destination {
    /// All to one file.
    One(PathBuf),
    /// Each to the file that its fields name.
    Named(FileName, Site),
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let file = params.text("file")?.unwrap_or_else(|| "file-output/events.txt".to_owned());
    let exporter = Exporter::of(params, site)?;
    let file = if params.flag("format_filename") {
        let refused = |problem| Failure::Configuration(format!("parameter \"file\": {problem}"));
        Destination::Named(FileName::parse(&file).map_err(refused)?, site.clone())
    } else {
        Destination::One(site.path(&file))
    };
    Ok(Bot::Output(Box::new(FileOutput { file, exporter, line: Vec::new() })))
}

impl Output for FileOutput {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        self.line.clear();
        self.exporter.write(event, &mut self.line);
        self.line.push(b'\n');
        match &self.file {
            Destination::One(file) => context.append(file, &self.line),
            Destination::Named(name, site) => {
                let name = name.fill(event).map_err(Failure::Other)?;
                context.append(&site.path(&name), &self.line);
            }
        }
        Ok(())
    }
}
