//! What goes wrong with a feed: the log line and the retry that a user of IntelMQ expects, and every line of the feed in the end.
//!
//! The botnet is a process of its own on the embedded broker; the simulated services run in this one.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use intelmq_lab::runtime::control::{Client, Snapshot};
use intelmq_lab::service::{Entry, FILE, Fault, Manifest, Services, Trouble};
use serde_json::{Value as Json, json};

use crate::support::{program, until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A feed with something wrong, and what the log says of it each time.
type Case = (&'static Feed, Trouble, &'static str);

/// How often something goes wrong.
const TIMES: u32 = 2;

/// A simulated feed and the collector that follows it.
struct Feed {
    kind: &'static str,
    options: fn() -> Json,
    file: &'static str,
    module: &'static str,
    params: fn(&Place) -> Json,
    /// Whether the server sends again what was not acknowledged when the connection broke.
    again: bool,
}

/// Where a service is.
struct Place {
    url: String,
    host: String,
    port: u16,
    ca: String,
}

const REPORTS: Feed = Feed {
    kind: "shadowserver-api",
    options: || json!({"key": "k", "secret": "s", "today": "2026-01-15"}),
    file: "2026-01-15-scan_telnet-lab-geo.csv",
    module: "intelmq.bots.collectors.shadowserver.collector_reports_api",
    again: false,
    params: |at| {
        let (url, download) = (format!("{}/api2/", at.url), format!("{}/dl/", at.url));
        json!({"url": url, "download_url": download, "api_key": "k", "secret": "s"})
    },
};

/// A file of Shodan's banners, packed.
const BULK: Feed = Feed {
    kind: "shodan-stream",
    options: || json!({"key": "k", "tls": true}),
    file: "day.json",
    module: "intelmq.bots.collectors.http.collector_http",
    again: false,
    params: |at| {
        let url = format!("{}/files/day.json.gz", at.url);
        json!({"http_url": url, "extract_files": true, "http_timeout_max_tries": 1, "http_verify_cert": at.ca})
    },
};

const EVENTS: Feed = Feed {
    kind: "n6-api",
    options: || json!({"key": "k"}),
    file: "events.jsonl",
    module: "intelmq.bots.collectors.http.collector_http",
    again: false,
    params: |at| {
        let url = format!("{}/search/events.sjson?time.min=2026-01-01T00:00:00", at.url);
        json!({"http_url": url, "http_header": {"Authorization": "Bearer k"}, "http_timeout_sec": 1})
    },
};

const BANNERS: Feed = Feed {
    kind: "shodan-stream",
    options: || json!({"key": "k", "tls": true}),
    file: "banners.json",
    module: "intelmq.bots.collectors.shodan.collector_stream",
    again: false,
    params: |at| {
        let (key, ca) = ("k", &at.ca);
        json!({"url": at.url, "api_key": key, "countries": ["AT"], "http_timeout_max_tries": 1, "http_verify_cert": ca})
    },
};

const LINES: Feed = Feed {
    module: "intelmq.bots.collectors.http.collector_http_stream",
    params: |at| json!({"http_url": format!("{}/shodan/banners?key=k", at.url), "http_verify_cert": at.ca}),
    ..BANNERS
};

const STOMP: Feed = Feed {
    kind: "n6-stream",
    options: || json!({"login": "me@lab.example", "key": "k"}),
    file: "events.jsonl",
    module: "intelmq.bots.collectors.stomp.collector",
    again: true,
    params: |at| {
        json!({
            "server": at.host, "port": at.port, "exchange": "/exchange/lab.example/*.*.*.*", "ssl_ca_certificate": at.ca,
            "auth_by_ssl_client_certificate": false, "username": "me@lab.example", "password": "k",
        })
    },
};

/// Lines that every kind of feed takes: an event of n6 and a banner of Shodan.
fn lines(count: usize) -> Vec<String> {
    let line = |number: usize| {
        json!({
            "id": format!("{number:032x}"), "time": "2026-01-15T08:00:00Z", "source": "hidden.17", "category": "bots",
            "ip_str": "192.0.2.1", "location": {"country_code": "AT"}, "number": number,
        })
        .to_string()
    };
    (0..count).map(line).collect()
}

/// A service and a botnet that follows it: collector and output, in a folder.
struct Lab {
    folder: tempfile::TempDir,
    services: Services,
    process: Option<Child>,
}

impl Lab {
    /// Starts the service, and writes the botnet's file: the collector, with more parameters, and an output.
    fn new(feed: &Feed, lines: &[String], more: &Json) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for sub in ["services/feed", "etc", "out"] {
            std::fs::create_dir_all(path.join(sub)).unwrap();
        }
        let data = format!("services/feed/{}", feed.file);
        std::fs::write(path.join(&data), lines.join("\n") + "\n").unwrap();
        let options = (feed.options)().as_object().unwrap().clone();
        let entry = Entry { id: "feed".into(), kind: feed.kind.into(), port: 0, data: vec![data], options };
        let manifest = serde_json::to_string(&Manifest { services: vec![entry] }).unwrap();
        std::fs::write(path.join(FILE), manifest).unwrap();
        let services = Services::start(path).unwrap();
        // The botnet's process has no services of its own.
        std::fs::remove_file(path.join(FILE)).unwrap();
        let url = services.status()[0].url.clone();
        let (host, port) = url.rsplit('/').next().unwrap().split_once(':').unwrap();
        let ca = path.join("services/ca.pem").display().to_string();
        let place = Place { host: host.to_owned(), port: port.parse().unwrap(), ca, url: url.clone() };
        let mut params = (feed.params)(&place);
        let further =
            [json!({"rate_limit": 3600, "destination_queues": {"_default": ["next-queue"]}}), more.clone()];
        for further in further {
            params.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        }
        let output = json!({"file": path.join("out/lines").display().to_string(), "single_key": "raw"});
        let text = json!({
            "global": {"error_retry_delay": 0, "error_max_retries": 5},
            "collector": {"module": feed.module, "parameters": params},
            "next": {"module": "intelmq.bots.outputs.file.output", "parameters": output},
        });
        std::fs::write(path.join("etc/runtime.yaml"), text.to_string()).unwrap();
        Lab { folder, services, process: None }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn start(&mut self) {
        let (path, log) = (self.path(), std::fs::OpenOptions::new());
        let stderr = log.clone().create(true).append(true).open(path.join("stderr")).unwrap();
        let child = Command::new(program())
            .args(["botnet", "run"])
            .arg(path.join("etc/runtime.yaml"))
            .arg("--lab")
            .arg(path)
            .arg("--state")
            .arg(path.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        self.process = Some(child);
    }

    /// Ends the botnet's process as a power cut of it alone would.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Returns the lines of the output that are written whole.
    fn out(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path().join("out/lines")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    /// Returns what the collector's log says of trouble and of what follows it, without the time.
    fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path().join("state/log/collector.log")).unwrap_or_default();
        let said = text.lines().filter_map(|line| line.split_once(" - collector - "));
        let said = said.map(|(_, said)| said.to_owned());
        said.filter(|line| !line.starts_with("INFO") || line.contains("will continue")).collect()
    }

    /// Waits until the botnet has come to rest and this holds.
    fn wait(&self, what: &str, holds: impl Fn() -> bool) -> Snapshot {
        let mut last = None;
        until(PATIENCE, what, || {
            let snapshot =
                Client::new(&self.path().join("control.sock")).and_then(|client| client.snapshot());
            last = snapshot.ok();
            holds() && last.as_ref().is_some_and(|snapshot| snapshot.idle)
        });
        last.unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Lets something go wrong twice: the log says so each time, and each line of the feed comes out, and once unless the server repeats it.
fn play(feed: &Feed, trouble: &Trouble, said: &str, more: &Json) {
    let name = format!("{} of {}, {more}", trouble.name(), feed.module);
    let mut lines = lines(6);
    let mut lab = Lab::new(feed, &lines, more);
    let fault = Fault { trouble: trouble.clone(), times: Some(TIMES), path: None };
    lab.services.add_fault("feed", fault).unwrap();
    lab.start();
    lab.wait(&name, || lab.out().iter().collect::<HashSet<_>>().len() >= lines.len());
    let mut out = lab.out();
    out.sort();
    if feed.again {
        out.dedup();
    }
    lines.sort();
    assert!(out == lines, "{name}: the output is\n{}", out.join("\n"));
    let retried = more.get("error_max_retries").is_none();
    let retry = retried.then_some("INFO - Bot will continue in 0 seconds.");
    let problem = format!("ERROR - Bot has found a problem: {said}");
    let once: Vec<&str> = [problem.as_str()].into_iter().chain(retry).collect();
    let wanted = once.repeat(TIMES as usize);
    let same = |line: &String, wanted: &str| {
        wanted.split('…').try_fold(line.as_str(), |rest, part| Some(rest.split_once(part)?.1)).is_some()
    };
    let log = lab.log();
    let told = log.len() == wanted.len() && log.iter().zip(&wanted).all(|(line, wanted)| same(line, wanted));
    assert!(told, "{name}: the log says {log:#?}, and should {wanted:#?}");
    assert_eq!(lab.services.status()[0].faults, [], "{name}: every fault was met");
}

#[test]
fn what_fails_is_told_and_fetched_again_and_comes_out_once() {
    let busy = || Trouble::Status(429, Some(7));
    let table: [Case; 22] = [
        (
            &REPORTS,
            Trouble::WrongKey,
            "The Reports API answers: invalid API key or HMAC2. Check api_key and secret",
        ),
        (
            &REPORTS,
            busy(),
            "The Reports API answers: Too Many Requests. HTTP response status code was 429. …The server asks to wait: 7.",
        ),
        (&REPORTS, Trouble::CutBytes(99), "…: end of file before message length reached"),
        (&BULK, Trouble::Status(503, None), "HTTP response status code was 503."),
        (
            &BULK,
            Trouble::CutBytes(99),
            "https://127.0.0.1:…/files/day.json.gz: end of file before message length reached",
        ),
        (&BULK, Trouble::HalfFile, "Failed to uncompress the given file. (incomplete deflate stream)"),
        (
            &BULK,
            Trouble::ExpiredCertificate,
            "https://127.0.0.1:…invalid peer certificate: certificate expired, it was valid until 2021-01-01",
        ),
        (&BULK, Trouble::NoAnswer, "https://127.0.0.1:"),
        (&EVENTS, Trouble::WrongKey, "HTTP response status code was 401."),
        (&EVENTS, busy(), "HTTP response status code was 429. …The server asks to wait: 7."),
        (&EVENTS, Trouble::CutLines(3), "http://127.0.0.1:…: end of file before message length reached"),
        (&EVENTS, Trouble::Slow(2000), "http://127.0.0.1:…: operation timed out"),
        (&BANNERS, Trouble::WrongKey, "HTTP response status code was 401."),
        (&BANNERS, busy(), "HTTP response status code was 429. …The server asks to wait: 7."),
        (&BANNERS, Trouble::CutLines(2), "The stream broke: https://127.0.0.1:"),
        (&BANNERS, Trouble::CutBytes(300), "The stream broke: https://127.0.0.1:"),
        (
            &BANNERS,
            Trouble::ExpiredCertificate,
            "https://127.0.0.1:…invalid peer certificate: certificate expired",
        ),
        (&LINES, Trouble::CutBytes(300), "The stream broke: https://127.0.0.1:"),
        (&STOMP, Trouble::WrongKey, "127.0.0.1:…: the server says: Bad CONNECT Access refused for user"),
        (&STOMP, Trouble::CutLines(2), "127.0.0.1:…: the server closed the connection"),
        (&STOMP, Trouble::CutBytes(300), "127.0.0.1:…: the server closed the connection"),
        (&STOMP, Trouble::ExpiredCertificate, "127.0.0.1:…invalid peer certificate: certificate expired"),
    ];
    for (feed, trouble, said) in &table {
        play(feed, trouble, said, &json!({}));
    }
}

#[test]
fn what_fails_without_a_retry_is_fetched_in_the_next_round() {
    let table: [Case; 3] = [
        (&REPORTS, Trouble::WrongKey, "The Reports API answers: invalid API key or HMAC2."),
        (&BANNERS, Trouble::CutLines(2), "The stream broke: https://127.0.0.1:"),
        (&STOMP, Trouble::ExpiredCertificate, "127.0.0.1:…invalid peer certificate: certificate expired"),
    ];
    for (feed, trouble, said) in &table {
        play(feed, trouble, said, &json!({"error_max_retries": 0, "rate_limit": 0.1}));
    }
}

/// How often the botnet is killed, and how many lines come each time.
const KILLS: usize = 5;
const PORTION: usize = 2000;

/// Kills the botnet again and again while a stream comes; returns the numbers that are missing in the end, and those that came twice.
fn killed(feed: &Feed) -> (Vec<usize>, Vec<usize>) {
    let portion = |number: usize| -> Vec<String> {
        (number * PORTION..(number + 1) * PORTION)
            .map(|number| json!({ "number": number }).to_string())
            .collect()
    };
    let mut lab = Lab::new(feed, &portion(0), &json!({}));
    for kill in 1..=KILLS {
        let before = lab.out().len();
        lab.start();
        until(PATIENCE, "lines in the output", || lab.out().len() > before);
        lab.kill();
        lab.services.publish("feed", "more.json", portion(kill).join("\n").into_bytes()).unwrap();
    }
    lab.start();
    // It comes after everything else.
    lab.services.publish("feed", "last.json", b"{\"last\": 1}\n".to_vec()).unwrap();
    lab.wait("the last line", || lab.out().iter().any(|line| line.contains("last")));
    let mut times = vec![0; (KILLS + 1) * PORTION];
    for line in lab.out() {
        let line: Json = serde_json::from_str(&line).unwrap();
        if let Some(number) = line["number"].as_u64() {
            times[number as usize] += 1;
        }
    }
    let with = |fits: fn(&usize) -> bool| (0..times.len()).filter(|number| fits(&times[*number])).collect();
    (with(|times| *times == 0), with(|times| *times > 1))
}

/// Counts the runs of numbers without a gap.
fn runs(numbers: &[usize]) -> usize {
    numbers.iter().enumerate().filter(|(at, number)| *at == 0 || numbers[at - 1] + 1 != **number).count()
}

#[test]
fn a_stream_that_is_acknowledged_loses_nothing_when_the_botnet_is_killed() {
    let (missing, doubled) = killed(&STOMP);
    assert!(missing.is_empty(), "{missing:?}");
    // What was stored and not yet acknowledged comes again: one run for each kill.
    assert!(runs(&doubled) <= KILLS, "{doubled:?}");
}

#[test]
fn a_stream_without_acknowledgements_doubles_nothing_when_the_botnet_is_killed() {
    let (missing, doubled) = killed(&LINES);
    assert!(doubled.is_empty(), "{doubled:?}");
    // The server sends nothing twice: what was on its way at a kill is gone, as with the real feed.
    assert!(runs(&missing) <= KILLS, "{missing:?}");
}
