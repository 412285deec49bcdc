//! What lint says about services.

use std::fs;

use crate::playbook::{Catalog, Known, KnownService, lint};

const FEED: KnownService = KnownService {
    kind: "feed",
    options: &["key", "number"],
    faults: &["status", "slow"],
    publishes: true,
    writes: &[],
    check: |_, options| match options.get("key") {
        Some(key) if key == "secret-k" => Ok(()),
        _ => Err("the key is missing".to_owned()),
    },
};

const SINK: KnownService = KnownService {
    kind: "sink",
    options: &[],
    publishes: false,
    writes: &["ID.jsonl", "ID/"],
    check: |_, _| Ok(()),
    ..FEED
};

/// Returns what lint says about a playbook with a feed `a`, a sink `b`, and these options, action and expectation.
fn told(options: &str, action: &str, expectation: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join("monday").join(path);
    fs::create_dir_all(at("data")).unwrap();
    let services = format!(
        "services: [{{id: a, kind: feed, data: [data/x.csv], options: {options}}}, {{id: b, kind: sink}}]"
    );
    let text = format!(
        "format: 1\nid: monday\ntitle: T\nsummary: S.\nlevel: beginner\nminutes: 1\nbotnet: runtime.yaml.j2\nsecrets: [k]\n{services}\n\
         steps:\n  - {{id: one, title: T, say: One. Two. Three., notes: N, hint: [H], do: [{action}], expect: [{expectation}]}}\n"
    );
    fs::write(at("playbook.yaml"), text).unwrap();
    fs::write(
        at("runtime.yaml.j2"),
        "x:\n  module: a.b\n  group: Output\n  parameters: {file: \"{{ lab.out }}/o\"}\n",
    )
    .unwrap();
    fs::write(at("data/x.csv"), "ip\n").unwrap();
    let catalog = Catalog::only_folder(folder.path()).unwrap();
    let known = Known { services: &[FEED, SINK], modules: None, languages: &[] };
    let problems = lint(catalog.find("monday").unwrap(), known);
    problems
        .iter()
        .map(|problem| format!("{}: {} {} {:?}", problem.code, problem.title, problem.label, problem.help))
        .collect()
}

const RIGHT: &str = "{key: \"{{ secret.k }}\"}";
const EVENTS: &str = "{events: {file: o, count: 1}}";

#[test]
fn what_is_right_is_not_complained_about() {
    for (action, expectation) in [
        ("seed: {file: data/x.csv, service: a}", EVENTS),
        ("fault: {service: a, status: 503, retry_after: 5s, times: 2, path: x}", EVENTS),
        ("fault: {service: a, clear: true}", "{events: {file: b.jsonl, count: 1}}"),
        ("fault: {service: b, slow: 1s}", "{events: {file: b/0001.eml, count: 1}}"),
    ] {
        assert_eq!(told(RIGHT, action, expectation), Vec::<String>::new(), "{action}");
    }
}

const SEED: &str = "seed: {file: data/x.csv, service: a}";

/// Options, an action, an expectation, and how the complaint begins.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "{kez: \"{{ secret.k }}\"}",
        SEED,
        EVENTS,
        "service-option: a service of kind \"feed\" has no option \"kez\" did you mean `key`?",
    ),
    (
        "{number: \"{{ secret.k }}\"}",
        SEED,
        EVENTS,
        "service-option: the options of service \"a\" cannot be used",
    ),
    (
        RIGHT,
        "seed: {file: data/x.csv, service: aa}",
        EVENTS,
        "unknown-service: there is no service \"aa\" did you mean `a`?",
    ),
    (
        RIGHT,
        "seed: {file: data/x.csv, service: b}",
        EVENTS,
        "service-data: a service of kind \"sink\" publishes nothing",
    ),
    (RIGHT, "fault: {service: c, clear: true}", EVENTS, "unknown-service: there is no service \"c\""),
    (RIGHT, "fault: {service: a}", EVENTS, "fault: the fault does not say what goes wrong"),
    (
        RIGHT,
        "fault: {service: a, status: 503, slow: 1s}",
        EVENTS,
        "fault: the fault says status and slow at once",
    ),
    (
        RIGHT,
        "fault: {service: a, half_file: true}",
        EVENTS,
        "fault: a service of kind \"feed\" cannot have the fault \"half_file\"",
    ),
    (RIGHT, "fault: {service: a, status: 200}", EVENTS, "fault: the status is no error"),
    (
        RIGHT,
        "fault: {service: a, slow: 1s, retry_after: 1s}",
        EVENTS,
        "fault: `retry_after` goes with a status",
    ),
    (RIGHT, "fault: {service: a, slow: 1s, times: 0}", EVENTS, "fault: the fault happens 0 times"),
    (
        RIGHT,
        "fault: {service: a, clear: true, times: 1}",
        EVENTS,
        "fault: what is cleared is cleared for good",
    ),
    (
        RIGHT,
        SEED,
        "{events: {file: c.jsonl, count: 1}}",
        "unknown-output: there is no output that writes \"c.jsonl\"",
    ),
];

#[test]
fn each_mistake_is_told() {
    for (options, action, expectation, complaint) in MISTAKES {
        let told = told(options, action, expectation);
        assert!(told.len() == 1 && told[0].starts_with(complaint), "{action} {options}: {told:#?}");
    }
}
