use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

use super::KNOWN;
use crate::check::{Count, Expectation, Observation, Places, events_of, judge};
use crate::diagnostic::yaml;
use crate::diagnostic::{Located, Source, Style, render, summary};
use crate::playbook::action::{Action, Replace};
use crate::playbook::document::{self, Document, Service, StepDocument};
use crate::playbook::text::{Part, Show, StepText};
use crate::playbook::{Catalog, CatalogError, lint, new_playbook};
use crate::service::{KINDS, Kind};

const PAGE: &str = include_str!("../../../docs/playbook-format.md");

/// Returns the fenced blocks of the format's page that have this info string, with their line.
fn blocks(info: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = PAGE.lines().collect();
    let fence: String = info.chars().take_while(|character| *character == '`').collect();
    let starts = (0..lines.len()).filter(|index| lines[*index] == info);
    let block = |start: usize| {
        let body: Vec<&str> = lines[start + 1..].iter().take_while(|line| **line != fence).copied().collect();
        (start + 2, body.join("\n") + "\n")
    };
    starts.map(block).collect()
}

fn parse<T: DeserializeOwned>(line: usize, text: &str) -> T {
    let source = Source::new(format!("docs/playbook-format.md, line {line}"), text);
    match yaml::read(&source) {
        Ok(value) => value,
        Err(problem) => panic!("{}", render(&[problem], Style::Plain)),
    }
}

/// Writes a new playbook into a folder, with other texts in some of its files, and returns what lint says of it.
fn made(id: &str, others: &[(&str, &str)]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(id);
    for (path, content) in new_playbook(id).unwrap() {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    for (path, text) in others {
        std::fs::write(folder.join(path), text).unwrap();
    }
    let catalog = Catalog::only_folder(&folder).unwrap();
    lint(catalog.find(id).unwrap(), KNOWN)
        .iter()
        .map(|problem| render(std::slice::from_ref(problem), Style::Plain))
        .collect()
}

#[test]
fn whole_playbooks_of_the_formats_page_and_new_ones_have_no_problem() {
    let text = blocks("````markdown");
    let [(_, text)] = text.as_slice() else { panic!("{text:?}") };
    let playbooks = blocks("```yaml playbook");
    assert!(!playbooks.is_empty());
    for (line, playbook) in playbooks {
        let problems = made("monday", &[("playbook.yaml", &playbook), ("steps/01-one-row.md", text)]);
        assert!(problems.is_empty(), "docs/playbook-format.md, line {line}:\n{}", problems.join("\n"));
    }
    assert_eq!(made("my-own-2", &[]), [""; 0]);
    for id in ["", "Monday", "a_b", "2a", "../x"] {
        assert!(new_playbook(id).is_err(), "{id}");
    }
}

#[test]
fn every_example_of_the_formats_page_is_read() {
    let mut verbs = Vec::new();
    for (line, text) in blocks("```yaml do") {
        verbs.extend(parse::<Vec<Action>>(line, &text).iter().map(Action::verb));
    }
    for (line, text) in blocks("```yaml expect") {
        verbs.extend(
            parse::<Vec<Located<Expectation>>>(line, &text).iter().map(|expectation| expectation.verb()),
        );
    }
    verbs.sort_unstable();
    verbs.dedup();
    let all = [
        "configure",
        "dump",
        "events",
        "fault",
        "file",
        "http",
        "inject",
        "log",
        "queue",
        "reload",
        "request",
        "requeue",
        "seed",
        "start",
        "status",
        "stop",
        "table",
    ];
    assert_eq!(verbs, all);
    let documents: Vec<Document> =
        blocks("```yaml playbook").iter().map(|(line, text)| parse(*line, text)).collect();
    assert_eq!(documents.len(), 1);
    let services: Vec<Vec<Service>> =
        blocks("```yaml services").iter().map(|(line, text)| parse(*line, text)).collect();
    let mut kinds: Vec<&str> = services.iter().flatten().map(|service| service.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(kinds, known, "the page has an example of each kind");
    for service in services.iter().flatten() {
        Kind::find(&service.kind).unwrap().check(&service.options).unwrap();
    }
}

#[test]
fn the_text_of_the_formats_page_is_cut_into_its_parts() {
    let (line, text) = blocks("````markdown").remove(0);
    let (text, problems) = StepText::read(&Source::new(format!("line {line}"), text));
    assert_eq!(problems, []);
    assert_eq!(text.title, "One row becomes one event");
    assert_eq!(text.hints.len(), 3);
    assert!(text.notes.starts_with("4 minutes."));
    assert!(matches!(text.before.as_slice(), [Part::Text(_), Part::Show(_), Part::Text(_)]));
    let [Part::Text(_), Part::Show(block)] = text.seen.as_slice() else { panic!("{:?}", text.seen) };
    let Show::Events(events) = &block.show else { panic!("{:?}", block.show) };
    assert_eq!(events.only, ["source.ip", "source.port", "protocol.application"]);
}

#[test]
fn the_blocks_that_the_page_lists_are_read() {
    let rows = PAGE.lines().skip_while(|line| !line.starts_with("| block | shows")).skip(2);
    let mut count = 0;
    for row in rows.take_while(|line| line.starts_with('|')) {
        let block = row.split('`').nth(1).unwrap();
        let _: Show = parse(0, block);
        count += 1;
    }
    assert_eq!(count, 6);
}

fn mini_course(folder: &str) -> Catalog {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mini-course").join(folder);
    Catalog::only_folder(&path).unwrap()
}

/// Returns everything that lint says about a playbook, as a reader sees it.
fn complaints(catalog: &Catalog, id: &str) -> String {
    let problems = lint(catalog.find(id).unwrap(), KNOWN);
    let folder = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    format!("{}\n{}\n", render(&problems, Style::Plain).replace(&folder, ""), summary(&problems))
}

#[test]
fn the_mini_course_is_told_as_it_is() {
    let catalog = mini_course("playbooks");
    for id in ["passes", "fails"] {
        assert_eq!(complaints(&catalog, id), "\nno problems\n");
        assert!(catalog.find(id).unwrap().load().is_ok());
    }
    insta::assert_snapshot!(complaints(&catalog, "invalid"));
}

#[test]
fn a_failed_check_shows_its_line_and_the_difference() {
    let playbook = mini_course("playbooks").find("fails").unwrap().load().unwrap();
    let expectation = &playbook.steps[0].expect[0];
    let mut seen = Observation { idle: true, ..Observation::default() };
    let event = |ip: &str| {
        format!(r#"{{"source.ip": "{ip}", "source.port": 23, "protocol.application": "telnet", "raw": ""}}"#)
    };
    let text = format!("{}\n{}\n", event("192.0.2.16"), event("192.0.2.15"));
    seen.outputs.insert("events.jsonl".into(), events_of(&text, &Places::default()));
    let show = |seen: &Observation| {
        let problem = judge(expectation, seen).diagnostic(playbook.at(expectation));
        render(&[problem], Style::Plain).replace(concat!(env!("CARGO_MANIFEST_DIR"), "/"), "")
    };
    let idle = show(&seen);
    seen.idle = false;
    seen.outputs.clear();
    insta::assert_snapshot!(format!("{idle}\n{}", show(&seen)));
}

#[test]
fn each_fault_is_one_complaint() {
    let catalog = mini_course("broken");
    let mut all = Vec::new();
    for entry in catalog.entries() {
        let text = complaints(&catalog, &entry.id);
        assert!(text.ends_with("\n1 error\n"), "{}: {text}", entry.id);
        all.push(format!("===== {}\n{text}", entry.id));
    }
    assert_eq!(catalog.entries().count(), 15);
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn each_step_tells_its_own_fault() {
    let good = "  - id: a\n    say: x\n    expect:\n      - queue: {name: q, depth: 1}\n";
    let head = "format: 1\nid: x\ntitle: x\nsummary: x\nlevel: beginner\nminutes: 5\nbotnet: r\n";
    let faults = |text: String| -> Vec<String> {
        let problems = document::read(&Source::new("p", text)).err().unwrap_or_default();
        problems.iter().map(|problem| format!("{} {problem}", problem.code)).collect()
    };
    assert_eq!(faults(format!("{head}steps:\n{good}")), [""; 0]);
    let (one, two) =
        (good.replace("say: x", "sya: ä"), good.replace("id: a", "id: ü").replace("queue:", "queues:"));
    assert_eq!(
        faults(format!("{head}lvl: 1\nsteps:\n{one}{good}{two}{one}")),
        [
            "unknown-key p:8:1: unknown key \"lvl\"",
            "unknown-key p:11:5: unknown key \"sya\"",
            "unknown-word p:21:9: unknown word \"queues\"",
            "unknown-key p:23:5: unknown key \"sya\"",
        ]
    );
    assert_eq!(faults(format!("{head}steps: [{{id: a}}, {{di: b}}]\n")).len(), 1);
    assert_eq!(faults(format!("{head}steps:\n{good}  - id: [\n{one}")).len(), 1);
}

#[test]
fn a_wrong_id_is_answered_with_the_nearest() {
    let CatalogError::Unknown { near, known, .. } = mini_course("playbooks").find("pases").unwrap_err()
    else {
        panic!("an id that does not exist was found")
    };
    assert_eq!(near.as_deref(), Some("passes"));
    assert_eq!(known, ["fails", "invalid", "passes"]);
}

const SCHEMA: &str = include_str!("../../../docs/playbook.schema.json");

/// Returns the keys or words that a type takes, as its own complaint about a wrong one lists them.
fn taken<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> BTreeSet<String> {
    let problem = yaml::read::<T>(&Source::new("probe", text)).unwrap_err();
    let list = problem.help.iter().find_map(|help| help.strip_prefix("possible here: ")).unwrap();
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_for_editors_has_the_same_keys_as_the_types() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let action = |verb: &str| taken::<Action>(&format!("{verb}: {{nothing: 1}}"));
    let expectation = |verb: &str| taken::<Expectation>(&format!("{verb}: {{nothing: 1}}"));
    let wanted = [
        ("", taken::<Document>("nothing: 1")),
        ("/$defs/step", taken::<StepDocument>("nothing: 1")),
        ("/$defs/service", taken::<Service>("nothing: 1")),
        ("/$defs/action", taken::<Action>("nothing: 1")),
        ("/$defs/expectation", taken::<Expectation>("nothing: 1")),
        ("/$defs/seed", action("seed")),
        ("/$defs/inject", action("inject")),
        ("/$defs/requeue", action("requeue")),
        ("/$defs/replace", taken::<Replace>("nothing: 1")),
        ("/$defs/request", action("request")),
        ("/$defs/fault", action("fault")),
        ("/$defs/events", expectation("events")),
        ("/$defs/queue", expectation("queue")),
        ("/$defs/dump", expectation("dump")),
        ("/$defs/log", expectation("log")),
        ("/$defs/status", expectation("status")),
        ("/$defs/outfile", expectation("file")),
        ("/$defs/http", expectation("http")),
        ("/$defs/table", expectation("table")),
        ("/$defs/count/oneOf/1", taken::<Count>("{nothing: 1}")),
    ];
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(schema["$defs"]["service"]["properties"]["kind"]["enum"], serde_json::json!(known));
    for (pointer, keys) in wanted {
        let object = schema.pointer(pointer).unwrap();
        let properties = object["properties"].as_object().unwrap();
        assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), keys, "{pointer}");
        assert_eq!(object["additionalProperties"], false, "{pointer}");
        for required in object["required"].as_array().into_iter().flatten() {
            assert!(properties.contains_key(required.as_str().unwrap()), "{pointer}: {required}");
        }
    }
}

#[test]
fn every_code_that_lint_uses_is_explained() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let used = regex::Regex::new(r#"(?:Diagnostic::(?:error|warning)|unknown)\(\s*"([a-z0-9-]+)""#).unwrap();
    let mut codes = BTreeSet::new();
    for part in ["playbook", "playbook/lint", "template"] {
        for file in std::fs::read_dir(folder.join(part)).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap_or_default();
            codes.extend(used.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
    assert!(codes.len() > 20, "{codes:?}");
    let page = include_str!("../../../docs/lint.md");
    let missing: Vec<&String> =
        codes.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
    assert!(missing.is_empty(), "docs/lint.md does not explain {missing:?}");
}
