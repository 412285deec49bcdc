//! The format's page, the mini course, and folders on disk.

mod folders;
mod format;
mod services;

use super::{Known, Language};
use crate::bots::experts::lint_sieve;
use crate::pipeline::{Kind, Param, ParamKind, Spec};

/// The modules of the mini course, so that its complaints do not change with the real ones.
static MODULES: &[Spec] = &[
    spec(
        "intelmq.bots.collectors.file.collector_file",
        Kind::Collector,
        &[
            Param::required("path", ParamKind::Text, "The folder."),
            Param::required("postfix", ParamKind::Text, "The end of names."),
            Param::new("delete_file", ParamKind::Bool, "false", "Whether files are removed."),
        ],
    ),
    spec("intelmq.bots.parsers.shadowserver.parser", Kind::Parser, &[]),
    spec("intelmq.bots.experts.taxonomy.expert", Kind::Expert, &[]),
    spec("intelmq.bots.experts.url.expert", Kind::Expert, &[]),
    spec(
        "intelmq.bots.outputs.file.output",
        Kind::Output,
        &[Param::required("file", ParamKind::Text, "The file.")],
    ),
];

const fn spec(module: &'static str, kind: Kind, params: &'static [Param]) -> Spec {
    Spec { module, kind, summary: "For tests.", params, stateful: false, paths: &[] }
}

const KNOWN: Known<'static> = Known {
    services: &[],
    modules: Some(&MODULES),
    languages: &[Language { end: ".sieve", check: lint_sieve }],
};
