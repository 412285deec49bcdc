//! What single bots cost for one event of ordinary size: each over the same message, beside the blackhole that shows what the
//! harness itself costs.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use intelmq_lab::bots::trial::Trial;
use intelmq_lab::message::{Idf, Message};
use serde_json::json;

/// An event such as the Shadowserver parser makes, with thirty fields and a raw line of 300 bytes.
fn event() -> Message {
    let idf = Idf::builtin();
    let mut event = Message::event(&idf);
    let fields = [
        ("feed.name", "Vulnerable-HTTP"),
        ("feed.provider", "Shadowserver"),
        ("feed.accuracy", "100.0"),
        ("feed.url", "file://localhost/srv/feeds/scan_http.csv"),
        ("time.observation", "2026-01-15T04:00:00+00:00"),
        ("time.source", "2026-01-15T03:10:12+00:00"),
        ("source.ip", "192.0.2.15"),
        ("source.port", "8080"),
        ("source.asn", "64496"),
        ("source.geolocation.cc", "AT"),
        ("source.geolocation.region", "WIEN"),
        ("source.geolocation.city", "VIENNA"),
        ("source.reverse_dns", "host-15.example.net"),
        ("protocol.application", "http"),
        ("protocol.transport", "tcp"),
        ("classification.type", "vulnerable-system"),
        ("classification.identifier", "accessible-http"),
        ("destination.url", "http://user@www.example.org:8080/app/index.php?id=1"),
        ("malware.name", "none-known"),
        ("severity", "medium"),
        ("extra.http", "HTTP/1.1"),
        ("extra.http_reason", "OK"),
        ("extra.content_type", "text/html; charset=utf-8"),
        ("extra.server", "nginx"),
        ("extra.sector", "Communications"),
        ("extra.tag", "http"),
        ("extra.detail", "sample application"),
    ];
    for (name, value) in fields {
        event.add(name, value).expect("the field is known and the value fits");
    }
    event.add("extra.http_code", 200).expect("any number fits");
    event.add("raw", "x,".repeat(150)).expect("any text fits");
    event
}

fn bots(criterion: &mut Criterion) {
    let idf = Idf::builtin();
    let event = event();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, text: String| {
        std::fs::write(folder.path().join(name), text).expect("a temporary file can be written");
    };
    let networks = (0..200_000u32)
        .map(|n| format!("{}.{}.{}.0/24\t{}\n", n >> 16 & 255, n >> 8 & 255, n & 255, n % 60_000 + 1));
    write("ipasn.dat", networks.collect::<String>() + "192.0.2.0/24\t64496\n");
    let rule = json!([{
        "rulename": "web", "if": {"source.reverse_dns": r"^host-(\d+)\.example\.net$", "protocol.application": "^http"},
        "then": {"comment": "machine {matches[source.reverse_dns][1]} at {msg[source.ip]}"},
    }]);
    write("modify.conf", rule.to_string());
    let table = [
        ("outputs.blackhole.output", json!({})),
        ("experts.taxonomy.expert", json!({})),
        ("experts.url.expert", json!({})),
        ("experts.deduplicator.expert", json!({"bypass": false})),
        (
            "experts.filter.expert",
            json!({"filter_key": "source.ip", "filter_value": "^192\\.", "filter_regex": true, "filter_action": "keep"}),
        ),
        ("experts.modify.expert", json!({"configuration_path": "modify.conf"})),
        ("experts.field_reducer.expert", json!({"type": "blacklist", "keys": "raw,extra"})),
        ("experts.asn_lookup.expert", json!({"database": "ipasn.dat"})),
        ("experts.rfc1918.expert", json!({"fields": "source.asn", "policy": "drop"})),
        ("outputs.file.output", json!({"file": "events.txt"})),
    ];
    let mut group = criterion.benchmark_group("bots");
    for (name, params) in table {
        let module = format!("intelmq.bots.{name}");
        let trial = Trial::within(&module, &params, &Arc::clone(&idf), folder.path());
        let mut trial = trial.expect("the parameters can be used");
        group.bench_function(name, |bencher| bencher.iter(|| trial.feed(event.clone())));
    }
    group.finish();
}

criterion_group!(benches, bots);
criterion_main!(benches);
