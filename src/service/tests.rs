//! Each kind against a real client, faults included.

mod shadowserver;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::Response;
use serde_json::json;

use super::*;
use crate::stomp::{Decoder, Frame, Item, Version};

/// One service that runs, in a lab's folder of its own.
struct Trial {
    folder: tempfile::TempDir,
    services: Services,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Trial {
    /// Starts a service with the id `it`, which publishes some files from the start.
    fn start(kind: &str, options: &Json, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("services/it")).unwrap();
        let data = files.iter().map(|(name, content)| {
            let path = format!("services/it/{name}");
            std::fs::write(folder.path().join(&path), content).unwrap();
            path
        });
        let entry = Entry {
            id: "it".to_owned(),
            kind: kind.to_owned(),
            port: 0,
            data: data.collect(),
            options: options.as_object().unwrap().clone(),
        };
        let services =
            Services::run(folder.path(), Manifest { services: vec![entry] }, &Place::default()).unwrap();
        Trial { folder, services }
    }

    fn url(&self) -> String {
        self.services.status()[0].url.clone()
    }

    fn connect(&self) -> TcpStream {
        let url = self.url();
        let stream = TcpStream::connect(url.rsplit('/').next().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn fault(&self, trouble: Trouble, times: Option<u32>) {
        self.services.add_fault("it", Fault { trouble, times, path: None }).unwrap();
    }

    fn out(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("out").join(name)).unwrap_or_default()
    }
}

fn client() -> reqwest::blocking::Client {
    crate::tls::install();
    let none = reqwest::redirect::Policy::none();
    reqwest::blocking::Client::builder().no_proxy().timeout(PATIENCE).redirect(none).build().unwrap()
}

fn get(url: &str) -> Response {
    client().get(url).send().unwrap()
}

/// Reads the lines of an answer that has no end, heartbeats as empty ones.
fn lines(response: Response) -> impl Iterator<Item = String> {
    BufReader::new(response).lines().map_while(Result::ok)
}

const BANNERS: &str = "{\"ip_str\":\"192.0.2.1\",\"port\":22,\"asn\":\"AS64496\",\"location\":{\"country_code\":\"AT\"}}\n\
                       {\"ip_str\":\"198.51.100.1\",\"port\":80,\"location\":{\"country_code\":\"DE\"}}\n\
                       {\"ip_str\":\"192.0.2.3\",\"port\":443,\"location\":{\"country_code\":\"AT\"}}\n";

fn shodan(files: &[(&str, &str)]) -> Trial {
    let alerts = json!({"HOSPITAL": ["192.0.2.0/31", "198.51.100.0/24"]});
    Trial::start("shodan-stream", &json!({"key": "k", "heartbeat_ms": 20, "alerts": alerts}), files)
}

fn hosts(trial: &Trial, path: &str, most: usize) -> Vec<String> {
    let lines = lines(get(&format!("{}/shodan/{path}?key=k", trial.url())));
    let banners = lines.filter(|line| !line.is_empty()).take(most);
    banners
        .map(|line| serde_json::from_str::<Json>(&line).unwrap()["ip_str"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_stream_has_what_is_asked_for_and_says_that_it_is_alive() {
    let trial = shodan(&[("a.json", BANNERS)]);
    for (path, expected) in [
        ("banners", &["192.0.2.1", "198.51.100.1", "192.0.2.3"][..]),
        ("countries/at,fr", &["192.0.2.1", "192.0.2.3"]),
        ("asn/64496", &["192.0.2.1"]),
        ("ports/80,443", &["198.51.100.1", "192.0.2.3"]),
        ("alert/HOSPITAL", &["192.0.2.1", "198.51.100.1"]),
        ("alert", &["192.0.2.1", "198.51.100.1"]),
    ] {
        assert_eq!(hosts(&trial, path, expected.len()), expected, "{path}");
    }
    let mut again = lines(get(&format!("{}/shodan/banners?key=k", trial.url())));
    assert_eq!(again.next().unwrap(), "", "each banner is given once, then come heartbeats");
    trial.services.publish("it", "b.json", b"{\"ip_str\":\"203.0.113.1\"}\n".to_vec()).unwrap();
    assert!(again.find(|line| !line.is_empty()).unwrap().contains("203.0.113.1"));
}

#[test]
fn a_stream_refuses_wrong_keys_and_unknown_alerts() {
    let trial = shodan(&[]);
    for (path, status) in
        [("banners?key=x", 401), ("banners", 401), ("alert/NONE?key=k", 404), ("nothing?key=k", 404)]
    {
        assert_eq!(get(&format!("{}/shodan/{path}", trial.url())).status(), status, "{path}");
    }
}

#[test]
fn a_stream_that_is_cut_goes_on_with_the_next_connection() {
    for (trouble, first) in [
        (Trouble::CutLines(2), &["192.0.2.1", "198.51.100.1"][..]),
        (Trouble::CutBytes(BANNERS.find('\n').unwrap() as u64 + 10), &["192.0.2.1"]),
    ] {
        let trial = shodan(&[("a.json", BANNERS)]);
        trial.fault(trouble.clone(), Some(1));
        let cut: Vec<String> = lines(get(&format!("{}/shodan/banners?key=k", trial.url()))).collect();
        let whole = cut.iter().filter(|line| serde_json::from_str::<Json>(line).is_ok());
        assert_eq!(whole.count(), first.len(), "{trouble:?} {cut:?}");
        let rest = hosts(&trial, "banners", 3 - first.len());
        assert_eq!(rest.last().unwrap(), "192.0.2.3", "{trouble:?}");
    }
}

#[test]
fn a_client_that_is_gone_takes_nothing_from_the_next() {
    let trial = shodan(&[("a.json", BANNERS)]);
    trial.fault(Trouble::Slow(200), None);
    let first = trial.connect();
    (&first).write_all(b"GET /shodan/banners?key=k HTTP/1.1\r\n\r\n").unwrap();
    let mut lines = BufReader::new(first).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("192.0.2.1")), "it goes while the next banner is on its way");
    drop(lines);
    assert_eq!(hosts(&trial, "banners", 1), ["198.51.100.1"]);
}

#[test]
fn what_is_cleared_does_not_cut_a_stream_any_more_and_what_is_published_is_sent_at_once() {
    let trial = shodan(&[]);
    let mut stream = lines(get(&format!("{}/shodan/banners?key=k", trial.url())));
    trial.fault(Trouble::CutLines(1), None);
    assert_eq!(stream.next().unwrap(), "", "the stream has met the fault by its next heartbeat");
    trial.services.clear_faults("it").unwrap();
    trial.services.publish("it", "a.json", BANNERS.as_bytes().to_vec()).unwrap();
    let sent: Vec<String> = stream.by_ref().filter(|line| !line.is_empty()).take(3).collect();
    assert_eq!(sent, BANNERS.lines().collect::<Vec<_>>());
    assert!(trial.services.publish("it", "../x", Vec::new()).is_err());
}

#[test]
fn a_service_with_tls_is_trusted_by_who_knows_the_authority() {
    let trial = Trial::start("shodan-stream", &json!({"key": "k", "tls": true}), &[("a.json", "{}\n")]);
    assert!(trial.url().starts_with("https://127.0.0.1:"));
    let ask = || {
        let mut stream = stomp::secure(&trial);
        stream.write_all(b"GET /files/a.json HTTP/1.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    assert!(ask().unwrap().ends_with("\r\n\r\n{}\n"));
    trial.fault(Trouble::ExpiredCertificate, Some(1));
    assert!(ask().unwrap_err().to_string().to_lowercase().contains("expired"));
    ask().unwrap();
}

#[test]
fn a_port_that_is_taken_is_told_with_the_way_out() {
    let trial = shodan(&[]);
    let port = trial.url().rsplit(':').next().unwrap().parse().unwrap();
    let options = json!({"key": "k"}).as_object().unwrap().clone();
    let entry = Entry { id: "b".into(), kind: "shodan-stream".into(), port, data: Vec::new(), options };
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Services::run(folder.path(), Manifest { services: vec![entry] }, &Place::default())
    else {
        panic!("it started")
    };
    assert!(error.to_string().contains("service b cannot listen on port"), "{error}");
}

#[test]
fn services_that_end_leave_no_door_open() {
    let trial = shodan(&[]);
    let mut stream = trial.connect();
    let url = trial.url();
    drop(trial);
    assert_eq!(stream.read(&mut [0; 10]).unwrap_or(0), 0);
    assert!(client().get(url).send().is_err());
}

#[test]
fn bulk_files_are_packed_and_half_of_one_cannot_be_opened() {
    let trial = shodan(&[("a.json", BANNERS)]);
    let url = format!("{}/files/a.json.gz", trial.url());
    let unpacked = |bytes: &[u8]| {
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).map(|_| text)
    };
    trial.fault(Trouble::HalfFile, Some(1));
    let half = get(&url).bytes().unwrap();
    assert!(unpacked(&half).is_err());
    let whole = get(&url).bytes().unwrap();
    assert_eq!(unpacked(&whole).unwrap(), BANNERS);
    assert_eq!(half[..], whole[..whole.len() / 2]);
    assert_eq!(get(&format!("{}/files/b.json", trial.url())).status(), 404);
}

#[test]
fn http_faults_come_as_often_as_they_shall() {
    let trial = shodan(&[("a.json", BANNERS)]);
    let url = format!("{}/files/a.json", trial.url());
    trial.fault(Trouble::Status(429, Some(30)), Some(2));
    for _ in 0..2 {
        let response = get(&url);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "30");
    }
    assert_eq!(get(&url).status(), 200);
    trial.fault(Trouble::NoAnswer, None);
    assert!(client().get(&url).send().is_err() && client().get(&url).send().is_err());
    trial.services.clear_faults("it").unwrap();
    assert_eq!(get(&url).text().unwrap(), BANNERS);
    trial.fault(Trouble::CutBytes(10), Some(1));
    assert!(get(&url).bytes().is_err(), "fewer bytes come than were announced");
    trial.fault(Trouble::Slow(100), Some(1));
    let before = std::time::Instant::now();
    assert_eq!(get(&url).status(), 200);
    assert!(before.elapsed() >= Duration::from_millis(100));
    trial.fault(Trouble::WrongKey, Some(1));
    assert_eq!(get(&format!("{}/shodan/banners?key=k", trial.url())).status(), 401);
}

#[test]
fn a_fault_may_be_for_some_paths_only_and_must_be_possible() {
    let trial = shodan(&[("a.json", "{}\n"), ("b.json", "{}\n")]);
    let fault = Fault { trouble: Trouble::Status(503, None), times: None, path: Some("a.js".to_owned()) };
    trial.services.add_fault("it", fault.clone()).unwrap();
    assert_eq!(get(&format!("{}/files/b.json", trial.url())).status(), 200);
    assert_eq!(get(&format!("{}/files/a.json", trial.url())).status(), 503);
    assert_eq!(trial.services.status()[0].faults, std::slice::from_ref(&fault));
    assert!(matches!(trial.services.add_fault("at", fault.clone()), Err(ServiceError::Unknown(..))));
    let mailbox = Trial::start("mailbox", &json!({}), &[]);
    let cut = Fault { trouble: Trouble::HalfFile, ..fault };
    assert!(matches!(mailbox.services.add_fault("it", cut), Err(ServiceError::NotPossible(..))));
    assert!(mailbox.services.publish("it", "a", Vec::new()).is_err());
}

const EVENTS: &str = "{\"id\":\"a1\",\"source\":\"hidden.1\",\"category\":\"bots\",\"time\":\"2026-01-15T10:00:00Z\",\"name\":\"x\\\"y\",\"address\":[{\"ip\":\"192.0.2.1\",\"asn\":64496,\"cc\":\"AT\"},{\"ip\":\"198.51.100.2\"}],\"proto\":\"tcp\",\"sport\":4711,\"dip\":\"203.0.113.9\",\"dport\":22}\n\
                      {\"id\":\"b2\",\"source\":\"hidden.2\",\"category\":\"phish\",\"time\":\"2026-01-16T10:00:00Z\",\"url\":\"http://a.example/\"}\n";

fn n6(more: &Json) -> Trial {
    let mut options = json!({"key": "k"});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Trial::start("n6-api", &options, &[("events.jsonl", EVENTS)])
}

fn ask(trial: &Trial, path: &str) -> Response {
    client().get(format!("{}/{path}", trial.url())).bearer_auth("k").send().unwrap()
}

#[test]
fn n6_gives_events_in_three_forms_newest_first() {
    let trial = n6(&json!({}));
    let array: Vec<Json> = ask(&trial, "search/events.json?time.min=2026-01-01").json().unwrap();
    assert_eq!((array[0]["id"].as_str(), array[1]["id"].as_str()), (Some("b2"), Some("a1")));
    let lines = ask(&trial, "report/inside.sjson?time.min=2026-01-01T00:00:00").text().unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>(), EVENTS.lines().rev().collect::<Vec<_>>());
    let table = ask(&trial, "report/threats.csv?time.min=2026-01-01&category=bots").text().unwrap();
    assert_eq!(
        table,
        "\"time\",\"id\",\"source\",\"category\",\"name\",\"md5\",\"ip\",\"url\",\"fqdn\",\"asn\",\"cc\",\"details\"\r\n\
         \"2026-01-15T10:00:00Z\",\"a1\",\"hidden.1\",\"bots\",\"x\"\"y\",\"\",\"192.0.2.1 198.51.100.2\",\"\",\"\",\
         \"64496 \",\"AT \",\"tcp from port 4711 to 203.0.113.9:22\"\r\n"
    );
}

#[test]
fn n6_filters_and_refuses() {
    let trial = n6(&json!({"resources": ["search/events"]}));
    let min = "time.min=2026-01-01T00:00:00";
    for (query, ids) in [
        ("category=bots,phish", &["b2", "a1"][..]),
        ("category=bots&category=phish&opt.limit=1", &["b2"]),
        ("ip=192.0.2.1", &["a1"]),
        ("ip.net=198.51.100.0/24", &["a1"]),
        ("asn=64496&cc=AT", &["a1"]),
        ("url.sub=a.example", &["b2"]),
        ("time.max=2026-01-15T10:00:00Z", &["a1"]),
        ("time.until=2026-01-15T10:00:00Z", &[]),
    ] {
        let found: Vec<Json> = ask(&trial, &format!("search/events.json?{min}&{query}")).json().unwrap();
        assert_eq!(found.iter().map(|event| &event["id"]).collect::<Vec<_>>(), ids, "{query}");
    }
    for (path, status) in [
        ("report/inside.json?time.min=2026-01-01", 403),
        ("search/events.iodef?time.min=2026-01-01", 404),
        ("nothing", 404),
        ("search/events.json?time.min=yesterday", 400),
        ("search/events.json?time.min=2026-01-01&colour=red", 400),
    ] {
        assert_eq!(ask(&trial, path).status(), status, "{path}");
    }
    let url = format!("{}/search/events.json?{min}", trial.url());
    assert_eq!(get(&url).status(), 401);
    assert_eq!(client().get(&url).bearer_auth("x").send().unwrap().status(), 401);
    assert_eq!(client().post(&url).bearer_auth("k").send().unwrap().status(), 405);
    let sent = ask(&trial, "search/events.json?category=bots");
    let to = sent.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(sent.status(), 307);
    assert!(to.starts_with("/search/events.json?category=bots&time.min=20"), "{to}");
    assert_eq!(ask(&trial, &to[1..]).status(), 200);
}

mod mail;
mod stomp;
