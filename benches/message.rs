//! What an event of thirty-three fields and 2.4 KB costs: to build, read, write, hash and export.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use intelmq_lab::message::{Add, Export, Filter, Idf, Key, Message, MessageType, Value};

const FIELDS: &[(&str, &str)] = &[
    ("feed.name", "Example Open Portmapper"),
    ("feed.code", "example-portmapper"),
    ("feed.provider", "Example"),
    ("feed.url", "https://feeds.example.net/reports/open-portmapper"),
    ("feed.documentation", "https://docs.example.net/what-we-do/network-reporting/open-portmapper-report/"),
    ("time.observation", "2025-03-01T10:00:00+00:00"),
    ("time.source", "2025-03-01T03:10:07+00:00"),
    ("classification.taxonomy", "vulnerable"),
    ("classification.type", "vulnerable-system"),
    ("classification.identifier", "open-portmapper"),
    ("source.ip", "192.0.2.15"),
    ("source.port", "111"),
    ("source.asn", "64496"),
    ("source.as_name", "EXAMPLE-NET Example Networks Ltd."),
    ("source.geolocation.cc", "AT"),
    ("source.geolocation.region", "WIEN"),
    ("source.geolocation.city", "VIENNA"),
    ("source.reverse_dns", "host15.customers.example.net"),
    ("source.network", "192.0.2.0/24"),
    ("source.abuse_contact", "abuse@example.net"),
    ("source.url", "http://host15.customers.example.net:111/index.html"),
    ("protocol.transport", "udp"),
    ("protocol.application", "portmapper"),
    ("malware.name", "example-family"),
    ("extra.tag", "portmapper"),
    ("extra.naics", "517311"),
    ("extra.sector", "Communications, Service Provider, and Hosting Service"),
    ("extra.mountd_port", "20048"),
    ("extra.programs", "100000 4 111/udp; 100000 3 111/udp; 100000 2 111/udp; 100005 1 20048/udp;"),
    ("extra.exports", "None"),
    ("extra.hostname_source", "ptr"),
    ("extra.severity", "medium"),
];

fn build(idf: &std::sync::Arc<Idf>, raw: &[u8]) -> Message {
    let mut event = Message::event(idf);
    for (name, value) in FIELDS {
        event.add(name, *value).expect("the fields are valid");
    }
    event.add("raw", raw).expect("raw takes any bytes");
    event
}

fn messages(criterion: &mut Criterion) {
    let idf = Idf::builtin();
    let raw: Vec<u8> =
        b"\"timestamp\",\"ip\",\"port\",\"protocol\"\n".iter().copied().cycle().take(720).collect();
    let event = build(&idf, &raw);
    let wire = event.to_wire();
    let keys: Vec<(Key, &str)> = FIELDS
        .iter()
        .map(|(name, value)| (idf.key(MessageType::Event, name).expect("a field"), *value))
        .collect();
    let three = Filter::whitelist(["source.ip", "source.port", "classification.type"]);
    let mut out = Vec::with_capacity(8192);

    criterion
        .bench_function("read", |b| b.iter(|| Message::from_wire(&idf, black_box(wire.as_bytes()), None)));
    criterion.bench_function("write", |b| {
        b.iter(|| {
            out.clear();
            event.write_wire(&mut out);
        });
    });
    criterion.bench_function("export", |b| {
        b.iter(|| {
            out.clear();
            event.write_json(&mut out, &Export::default());
        });
    });
    criterion.bench_function("hash of three fields", |b| b.iter(|| event.hash(black_box(&three))));
    criterion.bench_function("hash of all fields", |b| b.iter(|| event.hash(black_box(&Filter::default()))));
    criterion.bench_function("identity", |b| b.iter(|| black_box(&event).identity()));
    criterion.bench_function("build by name", |b| b.iter(|| build(&idf, black_box(&raw))));
    criterion.bench_function("build by key, without raw", |b| {
        b.iter(|| {
            let mut event = Message::event(&idf);
            for (key, value) in &keys {
                event.add_key(key, Value::from(*value), Add::default()).expect("the fields are valid");
            }
            event
        });
    });
}

criterion_group!(benches, messages);
criterion_main!(benches);
