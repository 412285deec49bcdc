use serde_json::json;

use super::*;
use crate::diagnostic::{Style, render};

fn pipeline(text: &str) -> Pipeline {
    Pipeline::parse(Source::new("runtime.yaml", text))
        .unwrap_or_else(|problems| panic!("{}", render(&problems, Style::Plain)))
}

const SPEC: Spec = Spec {
    module: "intelmq.bots.experts.example.expert",
    kind: Kind::Expert,
    summary: "For tests.",
    params: &[
        Param::new("rate_limit", ParamKind::Float, "7", "Overrides a generic default."),
        Param::new("only_here", ParamKind::Text, r#""spec""#, "Its own."),
    ],
    stateful: false,
    paths: &[],
};

/// What `global`, the bot's keys, its parameters and the environment say; which parameter is asked; what it must be.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, Json);

fn precedence_rows() -> Vec<Row> {
    vec![
        ("generic default", "{}", "", "{}", "", "error_max_retries", json!(3)),
        ("the bot's default over the generic one", "{}", "", "{}", "", "rate_limit", json!(7)),
        ("global over defaults", "{rate_limit: 1}", "", "{}", "", "rate_limit", json!(1)),
        ("keys beside parameters over global", "{name: G}", "name: K", "{}", "", "name", json!("K")),
        ("an empty key does not count", "{name: G}", "name: ''", "{}", "", "name", json!("G")),
        ("parameters over keys", "{name: G}", "name: K", "{name: P}", "", "name", json!("P")),
        ("parameters over global", "{only_here: G}", "", "{only_here: P}", "", "only_here", json!("P")),
        (
            "environment over all",
            "{only_here: G}",
            "",
            "{only_here: P}",
            "INTELMQ_ONLY_HERE=E",
            "only_here",
            json!("E"),
        ),
        ("environment: number", "{}", "", "{}", "INTELMQ_RATE_LIMIT=12", "rate_limit", json!(12)),
        (
            "environment: not a whole number",
            "{}",
            "",
            "{}",
            "INTELMQ_RATE_LIMIT=1.5",
            "rate_limit",
            json!("1.5"),
        ),
        ("environment: flag", "{}", "", "{}", "INTELMQ_LOAD_BALANCE=True", "load_balance", json!(true)),
        (
            "environment: other case is text",
            "{}",
            "",
            "{}",
            "INTELMQ_LOAD_BALANCE=false",
            "load_balance",
            json!("false"),
        ),
        ("environment: empty", "{}", "", "{only_here: P}", "INTELMQ_ONLY_HERE=", "only_here", json!("")),
        ("environment: other prefix", "{}", "", "{}", "XINTELMQ_ONLY_HERE=E", "only_here", json!("spec")),
        ("null means the default", "{rate_limit: 1}", "", "{rate_limit: null}", "", "rate_limit", json!(7)),
        (
            "unknown parameters are kept",
            "{}",
            "",
            "{my_own: [1, {a: b}]}",
            "",
            "my_own",
            json!([1, {"a": "b"}]),
        ),
        ("source_queue is always there", "{}", "", "{}", "", "source_queue", json!("bot-queue")),
        ("source_queue of the file", "{}", "", "{source_queue: q}", "", "source_queue", json!("q")),
        ("disabled", "{}", "enabled: false", "{}", "", "enabled", json!(false)),
        ("run mode", "{}", "run_mode: scheduled", "{}", "", "run_mode", json!("scheduled")),
    ]
}

#[test]
fn precedence() {
    for (what, global, keys, parameters, variable, name, expected) in precedence_rows() {
        let text = format!(
            "global: {global}\nbot:\n  module: {}\n  {keys}\n  parameters: {parameters}\n",
            SPEC.module
        );
        let environment = Environment::new(
            variable.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let params = pipeline(&text).params("bot", Some(&SPEC), &environment);
        assert_eq!(params.get(name), Some(&expected), "{what}");
    }
}

#[test]
fn forms_of_destination_queues() {
    let rows = [
        ("", json!([])),
        ("null", json!([])),
        ("[]", json!([])),
        ("''", json!([])),
        ("{}", json!([])),
        ("[a-queue]", json!([["_default", ["a-queue"]]])),
        ("[b, a]", json!([["_default", ["b", "a"]]])),
        ("b a", json!([["_default", ["b", "a"]]])),
        ("{_default: [a]}", json!([["_default", ["a"]]])),
        (
            "{z: a b, _on_error: [c], _default: d}",
            json!([["z", ["a", "b"]], ["_on_error", ["c"]], ["_default", ["d"]]]),
        ),
        ("{_default: }", json!([["_default", []]])),
        ("[1]", json!([["_default", ["1"]]])),
    ];
    for (form, expected) in rows {
        let text = format!(
            "bot:\n  module: intelmq.bots.experts.x.expert\n  parameters:\n    destination_queues: {form}\n"
        );
        let pipeline = pipeline(&text);
        let params = pipeline.params("bot", None, &Environment::default());
        let destinations = Destinations::of(&params).expect("a known form");
        let found: Vec<_> = destinations.iter().map(|(path, queues)| json!([path, queues])).collect();
        assert_eq!(json!(found), expected, "{form}");
        assert_eq!(pipeline.wiring()[0].destinations, destinations, "{form}");
    }
    for (form, problem) in [
        ("3", "must be queues, or paths with their queues, not a number"),
        ("[[a]]", "must list names of queues, not a list"),
        ("{a: {b: c}}", "must be queues, or paths with their queues, not a mapping"),
    ] {
        let pipeline = pipeline(&format!("bot:\n  parameters:\n    destination_queues: {form}\n"));
        let error = Destinations::of(&pipeline.params("bot", None, &Environment::default())).expect_err(form);
        assert_eq!(error.problem, problem, "{form}");
    }
}

#[test]
fn writing_keeps_every_value() {
    let texts = [
        "yes",
        "010",
        "1_000",
        "0o17",
        "0x1F",
        "1e3",
        "1.",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "12:30:45",
        "~",
        "null",
        "True",
        ".inf",
        "-.5",
        "+1",
        "0b11",
        "99999999999999999999",
        "=",
        "<<",
        "",
        "a: b",
        "- a",
        "# x",
        "x\ny",
        " x",
        "ä\u{1}",
        "\t",
        "*a",
        "%x",
        "x\ny\n\n",
        "\"\u{1}",
        "a\r\nb",
        "1_0e5",
        "192.0.2.1",
        "a\u{2028}b",
        "\u{85}",
        "\u{1f600}",
    ];
    let mut parameters =
        json!({"int": 1, "big": u64::MAX, "float": 1.0, "list": [1, [], {}], "none": null, "flag": false});
    for text in texts {
        parameters[text] = json!(text);
    }
    let json = json!({
        "global": {"x": 1},
        "z-bot": {"module": "m", "zzz": {"kept": [true]}, "parameters": parameters},
        "a-bot": {"module": "m", "parameters": {}},
    });
    let text = Pipeline::from_json("runtime.yaml", &json).expect("a pipeline").write();
    let again = pipeline(&text);
    assert_eq!(again.to_json(), json);
    assert_eq!(again.write(), text);
    assert_eq!(again.bots().iter().map(BotConfig::id).collect::<Vec<_>>(), ["z-bot", "a-bot"]);
    for quoted in ["\"2024-01-01\"", "\"1_000\"", "\"=\"", "\"<<\""] {
        assert!(text.contains(&format!(": {quoted}\n")), "{quoted} must be quoted for Python's reader");
    }
}

#[test]
fn json_with_tabs_is_read_as_intelmq_does() {
    let text = "{\n\t\"bot\": {\n\t\t\"module\":\t\"m\",\n\t\t\"parameters\": {\"a\": \"x\\ty\"}\n\t}\n}\n";
    let pipeline = pipeline(text);
    assert_eq!(pipeline.to_json(), json!({"bot": {"module": "m", "parameters": {"a": "x\ty"}}}));
    assert_eq!(pipeline.at(pipeline.bots()[0].span()).to_string(), "runtime.yaml:2:2");
}

#[test]
fn changes_are_merged() {
    let base = pipeline(
        "global: {a: 1}\nx:\n  module: m\n  parameters: {keep: 1, drop: 2, map: {a: 1}}\ny: {module: n}\n",
    );
    let change = json!({"x": {"parameters": {"drop": null, "map": {"b": 2}, "new": [1]}}, "y": null, "z": {"module": "o"}});
    let merged = base.merged(&change).expect("a pipeline");
    assert_eq!(
        merged.to_json(),
        json!({
            "global": {"a": 1},
            "x": {"module": "m", "parameters": {"keep": 1, "map": {"a": 1, "b": 2}, "new": [1]}},
            "z": {"module": "o", "parameters": {}},
        })
    );
}

const DIAMOND: &str = "\
out: {module: intelmq.bots.outputs.x.output, parameters: {source_queue: in}}
collector: {module: intelmq.bots.collectors.x.collector, parameters: {destination_queues: [left-queue, right-queue]}}
left: {module: intelmq.bots.experts.x.expert, parameters: {destination_queues: {odd: right-queue, even: [nowhere]}}}
right: {module: intelmq.bots.experts.x.expert, parameters: {destination_queues: in}}
";

#[test]
fn edges_and_layers() {
    let pipeline = pipeline(DIAMOND);
    let edges: Vec<String> = pipeline
        .edges()
        .into_iter()
        .map(|edge| format!("{} -{}/{}-> {}", edge.from, edge.path, edge.queue, edge.to.unwrap_or_default()))
        .collect();
    assert_eq!(
        edges,
        [
            "collector -_default/left-queue-> left",
            "collector -_default/right-queue-> right",
            "left -odd/right-queue-> right",
            "left -even/nowhere-> ",
            "right -_default/in-> out",
        ]
    );
    assert_eq!(pipeline.layers(), [vec!["collector"], vec!["left"], vec!["right"], vec!["out"]]);
}

#[test]
fn layers_of_a_cycle_end() {
    let text = "a: {parameters: {destination_queues: b-queue}}\nb: {parameters: {destination_queues: [a-queue, b-queue]}}\n";
    assert_eq!(pipeline(text).layers(), [vec!["a"], vec!["b"]]);
}
/// Each row: a bare scalar and what IntelMQ's own reader makes of it.
#[test]
fn scalars_are_read_as_intelmq_reads_them() {
    let rows = [
        ("yes", json!("yes")),
        ("off", json!("off")),
        ("y", json!("y")),
        ("True", json!(true)),
        ("FALSE", json!(false)),
        ("~", json!(null)),
        ("Null", json!(null)),
        ("", json!(null)),
        ("''", json!("")),
        ("010", json!(10)),
        ("-08", json!(-8)),
        ("00", json!(0)),
        ("0.10", json!(0.1)),
        ("1_000", json!(1000)),
        ("1__0", json!(10)),
        ("1_", json!(1)),
        ("_1", json!("_1")),
        ("1_000.5", json!(1000.5)),
        ("1_0e5", json!(1_000_000.0)),
        ("'1_000'", json!("1_000")),
        ("\"010\"", json!("010")),
        ("0o17", json!(15)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("+1", json!(1)),
        ("-.5", json!(-0.5)),
        ("1.", json!(1.0)),
        ("1e3", json!(1000.0)),
        ("12:30:45", json!("12:30:45")),
        ("192.0.2.1", json!("192.0.2.1")),
        ("!!str 5", json!("5")),
    ];
    for (scalar, expected) in rows {
        let pipeline = pipeline(&format!("bot: {{parameters: {{a: {scalar}}}}}\n"));
        assert_eq!(pipeline.to_json()["bot"]["parameters"]["a"], expected, "{scalar}");
    }
}
