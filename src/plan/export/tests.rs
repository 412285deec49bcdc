use serde_json::json;

use super::*;
use crate::diagnostic::Source;
use crate::pipeline::Pipeline;
use crate::playbook::Catalog;

/// Exports a playbook with a template, and steps that do these actions.
fn exported(template: &str, actions: &[&str], steps: usize) -> Export {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("monday");
    std::fs::create_dir(&root).unwrap();
    let head = "format: 1\nid: monday\ntitle: Monday\nsummary: A test.\nlevel: beginner\nminutes: 1\nbotnet: b.j2\n\
                services: [{id: reports, kind: http-files}]\nsecrets: [key]\nsteps:\n";
    let expect = "expect: [{queue: {name: q, depth: 1}}]";
    let step = |(index, action): (usize, &&str)| {
        format!("  - {{id: s{index}, title: T, say: S, hint: [H], do: [{action}], {expect}}}\n")
    };
    let text = head.to_owned() + &actions.iter().enumerate().map(step).collect::<String>();
    std::fs::write(root.join("playbook.yaml"), text).unwrap();
    std::fs::write(root.join("b.j2"), template).unwrap();
    std::fs::write(root.join("ipasn.dat"), "192.0.2.0/24\t64496\n").unwrap();
    std::fs::write(root.join("rows.csv"), "timestamp,ip,port\n").unwrap();
    let playbook = Catalog::only_folder(folder.path()).unwrap().find("monday").unwrap().load().unwrap();
    export(&playbook, steps, "/srv/state/", &|file| playbook.bytes(file)).unwrap()
}

fn runtime(export: &Export) -> Json {
    let text = String::from_utf8(export.files[RUNTIME].clone()).unwrap();
    Pipeline::parse(Source::new("runtime.yaml", text)).unwrap().to_json()
}

const READER: &str = "reader:\n  module: intelmq.bots.collectors.file.collector_file\n  parameters:\n    path: \"{{ lab.in }}/\"\n";

#[test]
fn bots_get_what_intelmqctl_wants_and_lose_what_intelmq_does_not_know() {
    let template = format!(
        "global: {{source_queue_limit: 5, source_pipeline_broker: embedded, destination_pipeline_broker: amqp}}\n{READER}\
         \x20   destination_queues: {{other: [urls-queue]}}\n\
         urls:\n  module: intelmq.bots.experts.url.expert\n  name: Links\n  enabled: false\n  parameters: {{ignore_invalid_port: true}}\n"
    );
    let export = exported(&template, &["stop: reader"], 1);
    let expected = json!({
        "global": {"destination_pipeline_broker": "amqp"},
        "reader": {
            "name": "reader",
            "description": "Reads files of a folder and sends their content as reports.",
            "module": "intelmq.bots.collectors.file.collector_file",
            "group": "Collector",
            "enabled": true,
            "run_mode": "continuous",
            "parameters": {
                "path": "/srv/state/lab/in/",
                "destination_queues": {"other": ["urls-queue"], "_default": []},
                "name": null,
            },
        },
        "urls": {
            "name": "Links",
            "description": crate::bots::find("intelmq.bots.experts.url.expert").unwrap().spec.summary,
            "module": "intelmq.bots.experts.url.expert",
            "group": "Expert",
            "enabled": false,
            "run_mode": "continuous",
            "parameters": {},
        },
    });
    let mut runtime = runtime(&export);
    runtime["reader"]["description"] = expected["reader"]["description"].clone();
    assert_eq!(runtime, expected);
    assert_eq!(
        export.notes,
        [
            "global: source_queue_limit is left out, IntelMQ has no such parameter",
            "global: source_pipeline_broker is left out, IntelMQ has no broker embedded",
            "urls: ignore_invalid_port is left out, IntelMQ has no such parameter",
        ]
    );
}

#[test]
fn the_botnet_is_that_of_the_step_and_comes_with_the_files_it_names() {
    let template = format!("{READER}    provider: \"{{{{ secret.key }}}} {{{{ service.reports.url }}}}\"\n");
    let lookup = "configure: {asn: {module: intelmq.bots.experts.asn_lookup.expert, \
                  parameters: {database: '{{ lab.in }}/asn/ipasn.dat'}}}";
    let parser = "configure: {parser: {module: intelmq.bots.parsers.shadowserver.parser}}";
    let actions = [
        "seed: {file: ipasn.dat, as: asn/ipasn.dat}",
        "seed: {file: rows.csv, as: 2026-01-15-scan_telnet-lab.csv}",
        lookup,
        parser,
    ];
    let paths = |steps| exported(&template, &actions, steps).files.into_keys().collect::<Vec<_>>();
    let (harmonization, data) = ("etc/harmonization.conf", "var/lib/bots/lab/in/asn/ipasn.dat");
    assert_eq!(paths(2), [harmonization, RUNTIME]);
    for (step, head) in [(0, "before the first step:"), (2, "at the end of step 2, s1:")] {
        let text = String::from_utf8(exported(&template, &actions, step).files[RUNTIME].clone()).unwrap();
        assert!(text.lines().next().unwrap().contains(head), "{text}");
    }
    assert_eq!(paths(3), [harmonization, RUNTIME, data]);
    let all = exported(&template, &actions, 4);
    let schema: Json = serde_json::from_slice(&all.files["var/lib/bots/shadowserver-schema.json"]).unwrap();
    assert_eq!(schema.as_object().unwrap().keys().collect::<Vec<_>>(), ["_meta", "scan_telnet"]);
    assert_eq!(runtime(&all)["reader"]["parameters"]["provider"], "SECRET-key https://reports.example");
    assert_eq!(runtime(&all)["asn"]["parameters"]["database"], "/srv/state/lab/in/asn/ipasn.dat");
    assert_eq!(all.notes.len(), 3, "{:?}", all.notes);
}

#[test]
fn a_file_is_named_whole() {
    let names = |text: &str| names_file(&json!([{"a": text}]), "/in/a.dat");
    for (text, wanted) in
        [("/in/a.dat", true), ("x /in/a.dat;", true), ("/in/a.dat.gz", false), ("/in/", false)]
    {
        assert_eq!(names(text), wanted, "{text}");
    }
}
