//! The collectors against small servers.

use std::io::Write as _;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::bots::Failure;
use crate::bots::trial::server::{Answer, Body, Server};
use crate::bots::trial::{Outcome, Trial};
use crate::message::Idf;

const HTTP: &str = "intelmq.bots.collectors.http.collector_http";
const STREAM: &str = "intelmq.bots.collectors.http.collector_http_stream";

/// A bot that asks for an address, with further parameters.
fn trial(module: &str, url: &str, params: &Json) -> Result<Trial, Failure> {
    let mut all = json!({"http_url": url, "http_timeout_sec": 5});
    for (name, value) in params.as_object().unwrap() {
        all[name] = value.clone();
    }
    Trial::new(module, &all, &Idf::builtin())
}

/// The reports of an outcome as `name=text`, and its failure.
fn told(outcome: &Outcome) -> (Vec<String>, Option<String>) {
    let told = outcome.sent.iter().map(|(_, report)| {
        let raw = String::from_utf8(report.raw().unwrap()).unwrap();
        format!("{}={raw}", report.text("extra.file_name").unwrap_or_default())
    });
    (told.collect(), outcome.failure.as_ref().map(ToString::to_string))
}

/// One round against a server with this answer.
fn fetch(
    params: &Json,
    mut answer: impl FnMut() -> Answer + Send + 'static,
) -> (Vec<String>, Option<String>) {
    let server = Server::start(move |_| answer()).unwrap();
    told(&trial(HTTP, &server.url("/x"), params).unwrap().round())
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut out);
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        if name.ends_with('/') {
            zip.add_directory(*name, options).unwrap();
        } else {
            zip.start_file(*name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap();
    out.into_inner()
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// What IntelMQ 3.5.0 made of the same answers, but for empty files: those it refuses, and loses what comes after them.
#[test]
fn archives_are_unpacked_as_extract_files_says() {
    let files = &[("b.csv", "2"), ("a.csv", "1"), ("d/", ""), ("d/c.csv", "3")];
    let (zip, tar, cut) = (zip(files), tar(files), gz(b"one\n"));
    let all = vec!["b.csv=2", "a.csv=1", "d/c.csv=3"];
    let refused = "Failed to uncompress the given file.";
    let table = [
        (json!(false), zip.clone(), all.clone(), None),
        (json!(true), zip.clone(), all.clone(), None),
        (json!("a.csv,b.csv"), zip.clone(), vec!["b.csv=2", "a.csv=1"], None),
        (json!(["d/c.csv", "none.csv"]), zip.clone(), vec!["d/c.csv=3"], None),
        (json!(true), gz(&tar), all.clone(), None),
        (json!("a.csv"), gz(&tar), vec!["a.csv=1"], None),
        (json!(true), tar, all, None),
        (json!(true), gz(b"one\n"), vec!["=one\n"], None),
        (json!("a.csv"), [gz(b"one\n"), gz(b"two\n")].concat(), vec!["=one\ntwo\n"], None),
        (json!(false), b"one\n".to_vec(), vec!["=one\n"], None),
        (json!(false), b"\n\n".to_vec(), vec!["=\n\n"], None),
        (json!(false), b"\xef\xbb\xbfone\n".to_vec(), vec!["=one\n"], None),
        (json!(false), Vec::new(), vec![], None),
        (json!(true), b"one\n".to_vec(), vec![], Some(refused)),
        (json!(true), cut[..cut.len() - 6].to_vec(), vec![], Some(refused)),
        (json!(true), zip[..zip.len() - 10].to_vec(), vec![], Some(refused)),
    ];
    for (extract, body, reports, failure) in table {
        let params = json!({"extract_files": extract});
        let told = fetch(&params, move || Answer::new(200, body.clone()));
        assert_eq!(told.0, reports, "{params}");
        let same = match (&told.1, failure) {
            (Some(given), Some(wanted)) => given.starts_with(wanted),
            (given, wanted) => given.is_none() && wanted.is_none(),
        };
        assert!(same, "{params}: {told:?}");
    }
}

#[test]
fn an_answer_that_is_not_whole_or_not_ok_is_an_error_that_says_why() {
    type Make = fn() -> Answer;
    type Script = Box<dyn FnMut() -> Answer + Send>;
    let packed = |bytes: Vec<u8>| Answer {
        headers: vec![("content-encoding", "gzip".into())],
        ..Answer::new(200, bytes)
    };
    let cut: Make = || Answer { body: Body::Cut(b"half".to_vec()), ..Answer::new(200, "") };
    let busy: Make = || Answer { headers: vec![("retry-after", "60".into())], ..Answer::new(429, "") };
    let wanted: [(Script, &str); 5] = [
        (Box::new(|| Answer::new(404, "no")), "HTTP response status code was 404."),
        (Box::new(busy), "HTTP response status code was 429. "),
        (Box::new(|| Answer::new(301, "")), "HTTP response status code was 301."),
        (Box::new(cut), "http://127.0.0.1:"),
        (Box::new(move || packed(gz(b"one,two,three\n")[..20].to_vec())), "http://127.0.0.1:"),
    ];
    for (answer, failure) in wanted {
        let (reports, told) = fetch(&json!({}), answer);
        assert!(reports.is_empty(), "{failure}: {reports:?}");
        assert!(told.as_ref().is_some_and(|told| told.starts_with(failure)), "{failure}: {told:?}");
    }
    let whole = fetch(&json!({}), move || packed(gz(b"one\n")));
    assert_eq!(whole, (vec!["=one\n".to_owned()], None));
}

#[test]
fn the_address_holds_the_time() {
    let server = Server::start(|_| Answer::new(200, "one")).unwrap();
    let now = "2026-01-15T12:00:00Z".parse().unwrap();
    let table = [
        ("/x?d={time[%Y-%m-%d]}", json!(true), "/x?d=2026-01-15"),
        ("/x?d={time[%Y-%m-%d]}", json!({"days": -1}), "/x?d=2026-01-14"),
        ("/x?d={time[%Y]}{{}}", json!({"weeks": -4, "hours": 1.5}), "/x?d=2025{}"),
        ("/x?d={time[%25Y]}", json!(false), "/x?d={time[%25Y]}"),
    ];
    for (path, formatting, asked) in table {
        let params = json!({"http_url_formatting": formatting});
        let mut trial = trial(HTTP, &server.url(path), &params).unwrap().with_now(now);
        let outcome = trial.round();
        let url = outcome.sent[0].1.text("feed.url").unwrap().to_owned();
        assert_eq!(url, server.url(asked));
        let last = server.asked().pop().unwrap().path;
        assert_eq!(last.replace("%7B", "{").replace("%7D", "}"), asked);
    }
    for (path, formatting) in
        [("/{time}", json!(true)), ("/{other}", json!(true)), ("/{", json!(true)), ("/", json!({"moons": 1}))]
    {
        let params = json!({"http_url_formatting": formatting});
        assert!(matches!(trial(HTTP, &server.url(path), &params), Err(Failure::Configuration(_))), "{path}");
    }
}

#[test]
fn signatures_are_refused_rather_than_believed() {
    let made = trial(HTTP, "http://127.0.0.1:1/", &json!({"verify_pgp_signatures": true}));
    assert!(matches!(made, Err(Failure::Configuration(text)) if text.contains("verify_pgp_signatures")));
}

#[test]
fn a_stream_gives_a_report_a_line_as_it_comes_and_the_rest_after_a_cut() {
    let (lines, source) = channel();
    let (again, second) = channel();
    let mut sources = vec![second, source];
    let server = Server::start(move |_| match sources.pop() {
        Some(source) => Answer { body: Body::Stream(source), ..Answer::new(200, "") },
        None => Answer::new(503, ""),
    })
    .unwrap();
    let mut trial = trial(STREAM, &server.url("/s"), &json!({})).unwrap();
    // Nothing has come yet: the round is over at once.
    assert_eq!(told(&trial.round()), (vec![], None));
    lines.send(b" one \r\n\n\ntw".to_vec()).unwrap();
    assert!(trial.rings(Duration::from_secs(20)));
    assert_eq!(told(&trial.round()).0, ["=one"]);
    lines.send(b"o\nthree\n".to_vec()).unwrap();
    assert!(trial.rings(Duration::from_secs(20)));
    let mut seen = told(&trial.round()).0;
    lines.send(Vec::new()).unwrap();
    let failure = loop {
        assert!(trial.rings(Duration::from_secs(20)));
        let (reports, failure) = told(&trial.round());
        seen.extend(reports);
        if let Some(failure) = failure {
            break failure;
        }
    };
    assert_eq!(seen, ["=two", "=three"]);
    assert!(failure.starts_with("The stream broke: http://127.0.0.1:"), "{failure}");
    again.send(b"four\n".to_vec()).unwrap();
    drop(again);
    let mut seen = Vec::new();
    while seen.is_empty() {
        seen.extend(told(&trial.round()).0);
    }
    assert_eq!(seen, ["=four"]);
}
