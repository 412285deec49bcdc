use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::*;
use crate::diagnostic::{Style, render, summary};
use crate::pipeline::{Kind, Param, ParamKind};

/// A handful of modules, shaped like real ones.
static MODULES: &[Spec] = &[
    spec(
        "intelmq.bots.collectors.file.collector_file",
        Kind::Collector,
        &[
            Param::required("path", ParamKind::Text, "The folder to look in."),
            Param::new("postfix", ParamKind::Text, "null", "What the names of files end with."),
            Param::new("delete_file", ParamKind::Bool, "false", "Whether files are removed."),
        ],
    ),
    spec(
        "intelmq.bots.parsers.csv.parser",
        Kind::Parser,
        &[Param::new("columns", ParamKind::List, "[]", "The fields of the columns.")],
    ),
    Spec {
        stateful: true,
        ..spec(
            "intelmq.bots.experts.deduplicator.expert",
            Kind::Expert,
            &[
                Param::new("filter_keys", ParamKind::List, "[]", "The fields that count, or do not."),
                Param::new(
                    "filter_type",
                    ParamKind::Choice(&["whitelist", "blacklist"]),
                    r#""blacklist""#,
                    "Which.",
                ),
                Param::new("bypass", ParamKind::Bool, "false", "Whether everything passes."),
                Param::new("default", ParamKind::Text, "null", "A text."),
                Param::new("rules", ParamKind::Map, "{}", "A mapping."),
            ],
        )
    },
    spec("intelmq.bots.experts.taxonomy.expert", Kind::Expert, &[]),
    spec("intelmq.bots.experts.url.expert", Kind::Expert, &[]),
    Spec {
        paths: &["filter_match", "filter_no_match"],
        ..spec("intelmq.bots.experts.filter.expert", Kind::Expert, &[])
    },
    spec(
        "intelmq.bots.outputs.file.output",
        Kind::Output,
        &[Param::required("file", ParamKind::Text, "The file to write.")],
    ),
];

const fn spec(module: &'static str, kind: Kind, params: &'static [Param]) -> Spec {
    Spec { module, kind, summary: "For tests.", params, stateful: false, paths: &[] }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipelines")
}

/// The cases of the folder: names and what is wrong with them.
fn cases() -> Vec<(String, Vec<Diagnostic>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let case = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a text");
        let problems = match Pipeline::load(Source::new("runtime.yaml", text), &MODULES) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        (file.file_stem().expect("a name").to_string_lossy().into_owned(), problems)
    };
    files.into_iter().map(case).collect()
}

#[test]
fn every_problem_is_told_with_its_line() {
    for (name, problems) in cases() {
        let text = format!("{}\n{}\n", render(&problems, Style::Plain), summary(&problems));
        insta::with_settings!({
            snapshot_path => folder(), prepend_module_to_snapshot => false, omit_expression => true
        }, { insta::assert_snapshot!(name, text) });
    }
}

#[test]
fn every_kind_of_problem_has_a_case() {
    let seen: BTreeSet<&str> =
        cases().iter().flat_map(|(_, problems)| problems).map(|problem| problem.code).collect();
    let code = Regex::new(r#"(?:error|warning)\(\s*"([a-z-]+)""#).unwrap();
    let sources = [
        include_str!("mod.rs"),
        include_str!("bots.rs"),
        include_str!("files.rs"),
        include_str!("parameters.rs"),
        include_str!("paths.rs"),
        include_str!("queues.rs"),
        include_str!("../read.rs"),
    ];
    let codes =
        sources.iter().flat_map(|source| code.captures_iter(source)).map(|found| found.extract::<1>().1[0]);
    let missing: BTreeSet<&str> = codes.filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, BTreeSet::from(["unknown-bot"]), "codes without a case");
}

#[test]
fn a_big_botnet_has_no_problems() {
    let text = std::fs::read_to_string(folder().join("valid.yaml")).expect("a text");
    let (pipeline, warnings) = Pipeline::load(Source::new("runtime.yaml", text), &MODULES).expect("valid");
    assert_eq!((pipeline.bots().len(), warnings), (28, Vec::new()));
}

#[test]
fn one_bot_is_judged_alone() {
    let text = "ok: {module: intelmq.bots.outputs.file.output, parameters: {source_queue: q}}\n\
                bad: {module: nothing, parameters: {destination_queues: [nowhere]}}\n";
    let pipeline = Pipeline::parse(Source::new("runtime.yaml", text)).expect("a pipeline");
    let codes = |id: &str, variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let problems = validate_bot(&pipeline, id, &MODULES, &Environment::new(variables));
        problems.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
    };
    assert_eq!(codes("ok", &[]), ["missing-parameter"]);
    assert_eq!(codes("ok", &[("INTELMQ_FILE", "out.jsonl")]), Vec::<&str>::new());
    assert_eq!(codes("bad", &[]), ["unknown-module"]);
    assert_eq!(codes("okay", &[]), ["unknown-bot"]);
}

#[test]
fn nearest_module() {
    let known = MODULES.modules();
    let rows = [
        ("intelmq.bots.experts.taxonmy.expert", Some("intelmq.bots.experts.taxonomy.expert")),
        ("intelmq.bot.expert.taxonomy.expert", Some("intelmq.bots.experts.taxonomy.expert")),
        ("intelmq.bots.experts.taxonomy", Some("intelmq.bots.experts.taxonomy.expert")),
        ("intelmq.bots.experts.taxonomy.parser", Some("intelmq.bots.experts.taxonomy.expert")),
        ("intelmq.bots.experts.gethostbyname.expert", None),
        ("intelmq.bots.experts.abc.expert", None),
        ("mine", None),
        ("", None),
    ];
    for (module, expected) in rows {
        assert_eq!(modules::nearest(module, &known), expected, "{module}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Cuts, repeats and spoils files of the folder; whatever comes of it is judged and shown.
    #[test]
    fn no_file_makes_it_panic(which: usize, cut in 0..400_usize, from in 0..400_usize, junk in "[\\PC\t\n\u{0}:{}\\[\\]&*!|>'\"-]{0,12}") {
        let files = [
            include_str!("../../../tests/pipelines/cycle.yaml"),
            include_str!("../../../tests/pipelines/parameters.yaml"),
            include_str!("../../../tests/pipelines/destinations.yaml"),
            include_str!("../../../tests/pipelines/json-with-tabs.yaml"),
        ];
        let file = files[which % files.len()];
        let part = |start: usize| file.chars().skip(start);
        let text: String = part(0).take(cut).chain(junk.chars()).chain(part(from)).collect();
        let source = Source::new("runtime.yaml", text);
        match Pipeline::load(source, &MODULES) {
            Ok((pipeline, _)) => {
                let again = Pipeline::parse(Source::new("again", pipeline.write())).expect("what was written");
                proptest::prop_assert_eq!(again.to_json(), pipeline.to_json());
                let graph = crate::pipeline::Graph::of(&pipeline);
                proptest::prop_assert!(graph.svg().len() + graph.text().len() > 0);
            }
            Err(problems) => proptest::prop_assert!(render(&problems, Style::Colour).contains("error")),
        }
    }
}
