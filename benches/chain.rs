//! How fast events are made and moved: the Shadowserver parser alone, and the chain parser → deduplicator → taxonomy → url →
//! file on the embedded broker, both on a generated report of 20,000 rows.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use intelmq_lab::bots::trial::Trial;
use intelmq_lab::broker::{Embedded, Options};
use intelmq_lab::diagnostic::Source;
use intelmq_lab::message::{Idf, Message};
use intelmq_lab::pipeline::Environment;
use intelmq_lab::runtime::{Botnet, Destination, Logger, Queues, Surroundings};

const ROWS: u64 = 20_000;
const FILE: &str = "2026-01-15-scan_http-lab.csv";

fn report() -> String {
    let mut text = String::from(
        "\"timestamp\",\"severity\",\"ip\",\"protocol\",\"port\",\"hostname\",\"tag\",\"asn\",\"geo\",\"region\",\"city\",\"naics\",\
         \"sector\",\"http\",\"http_code\",\"http_reason\",\"content_type\",\"server\",\"url\",\"detail\"\n",
    );
    for row in 0..ROWS {
        let _ = writeln!(
            text,
            "\"2026-01-15 {:02}:{:02}:{:02}\",\"medium\",\"192.0.2.{}\",\"tcp\",\"{}\",\"host-{row}.example.net\",\"http\",\"64496\",\"AT\",\
             \"WIEN\",\"Vienna\",\"0\",\"Communications\",\"HTTP/1.1\",\"200\",\"OK\",\"text/html; charset=utf-8\",\"nginx\",\
             \"/app/{row}/index.php\",\"sample application {row}\"",
            row % 24,
            row % 60,
            row % 59,
            row % 250,
            1024 + row % 60_000,
        );
    }
    text
}

fn parser(criterion: &mut Criterion) {
    let idf = Idf::builtin();
    let mut message = Message::report(&idf);
    message.add("raw", report()).expect("text is taken as raw");
    message.add("extra.file_name", FILE).expect("a file name is taken");
    let module = "intelmq.bots.parsers.shadowserver.parser";
    let mut trial = Trial::new(module, &serde_json::json!({}), &idf).expect("the parser needs no parameters");
    let mut group = criterion.benchmark_group("parser");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    group.bench_function("shadowserver, 20 columns", |bencher| bencher.iter(|| trial.feed(&message)));
    group.finish();
}

fn chain(criterion: &mut Criterion) {
    let text = report();
    let mut group = criterion.benchmark_group("chain");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function("embedded, five bots and a collector", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| run_chain(&text)).sum());
    });
    group.finish();
}

/// Runs the chain over one report in a fresh folder, and returns how long it took from the start to the last event.
fn run_chain(text: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    std::fs::create_dir(path.join("in")).expect("a folder");
    std::fs::write(path.join("in").join(FILE), text).expect("a file");
    let source = Source::new("runtime.yaml", runtime(path));
    let surroundings = Surroundings {
        queues: Queues::In(Arc::new(
            Embedded::open(&path.join("queues"), Options::default()).expect("an embedded broker"),
        )),
        only: None,
        apart: Arc::default(),
        idf: Idf::builtin(),
        environment: Environment::default(),
        state: path.to_owned(),
        log: path.join("log"),
        logger: Arc::new(Logger::new(Destination::default())),
        journal: None,
        file: path.join("runtime.yaml"),
    };
    let begin = Instant::now();
    let botnet = Botnet::start(&source, surroundings).expect("a botnet without faults");
    let waiting =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime to wait with");
    loop {
        let mut watch = botnet.activity().watch();
        let snapshot = botnet.snapshot().expect("the embedded broker tells its depths");
        if snapshot.idle && snapshot.bots.iter().any(|bot| bot.id == "output" && bot.received == ROWS) {
            break;
        }
        let _ = waiting
            .block_on(async { tokio::time::timeout(Duration::from_millis(100), watch.changed()).await });
    }
    let took = begin.elapsed();
    botnet.shut_down();
    took
}

fn runtime(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "
collector:
  module: intelmq.bots.collectors.file.collector_file
  parameters: {{path: {folder}/in/, postfix: .csv, delete_file: true, destination_queues: {{_default: [parser-queue]}}}}
parser:
  module: intelmq.bots.parsers.shadowserver.parser
  parameters: {{destination_queues: {{_default: [deduplicator-queue]}}}}
deduplicator:
  module: intelmq.bots.experts.deduplicator.expert
  parameters: {{filter_keys: 'raw,time.observation', destination_queues: {{_default: [taxonomy-queue]}}}}
taxonomy:
  module: intelmq.bots.experts.taxonomy.expert
  parameters: {{destination_queues: {{_default: [url-queue]}}}}
url:
  module: intelmq.bots.experts.url.expert
  parameters: {{destination_queues: {{_default: [output-queue]}}}}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {{file: {folder}/events.txt}}
"
    )
}

criterion_group!(benches, parser, chain);
criterion_main!(benches);
