//! Appends events to a file, one a line; each exactly once, however often the process dies.

use std::path::PathBuf;

use super::export::{Exporter, PARAMS};
use super::file_name::FileName;
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Reach, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The file output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.file.output",
        kind: Kind::Output,
        summary: "Appends events to a file, one JSON object or one field a line.",
        params: &joined::<8>(
            &[
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
                    "Fills in fields of the event in the file's name, as Python's format strings do: `{event[source.asn]}`, \
                 `{event[time.source]:%Y-%m-%d}`. An event without the field fails, and so does one whose value would \
                 lead out of the folder before the first field.",
                ),
                Param::new(
                    "encoding_errors_mode",
                    ParamKind::Choice(ERROR_MODES),
                    "\"strict\"",
                    "What IntelMQ does with text that is no Unicode; here all text is Unicode and it has no effect.",
                ),
            ],
            &PARAMS,
        ),
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
    Named(FileName),
}

/// Python's ways to treat what cannot be encoded.
const ERROR_MODES: &[&str] = &[
    "strict",
    "ignore",
    "replace",
    "backslashreplace",
    "xmlcharrefreplace",
    "namereplace",
    "surrogateescape",
    "surrogatepass",
];

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let file = params.text("file")?.unwrap_or_else(|| "file-output/events.txt".to_owned());
    let exporter = Exporter::of(params, site)?;
    let file = if params.flag("format_filename") {
        let refused = |problem| Failure::Configuration(format!("parameter \"file\": {problem}"));
        Destination::Named(FileName::parse(&file, site).map_err(refused)?)
    } else {
        Destination::One(site.path(&file))
    };
    Ok(Bot::Output(Box::new(FileOutput { file, exporter, line: Vec::new() })))
}

impl Output for FileOutput {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        self.line.clear();
        self.exporter.write(event, &mut self.line)?;
        self.line.push(b'\n');
        match &self.file {
            Destination::One(file) => context.append(file, &self.line),
            Destination::Named(name) => {
                let file = name.fill(event).map_err(Failure::Other)?;
                context.append(&file, &self.line);
            }
        }
        Ok(())
    }

    fn reach(&self) -> Reach {
        Reach::WithCommit
    }
}
