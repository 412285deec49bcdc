//! What the recorded exchanges of the oracle do not show: refusals, retries, and files that come later.

use serde_json::{Value as Json, json};

use crate::bots::trial::Trial;
use crate::bots::trial::server::{Answer, Body, Server};
use crate::message::Idf;

const LIST: &str = r#"[{"id": "one", "file": "one.csv", "type": "scan_telnet"},
    {"id": "two", "file": "two.csv", "type": "scan_smb"}, {"id": "three", "file": "three.csv", "type": "scan_smb"}]"#;

fn trial(server: &Server, params: &Json) -> Trial {
    let mut all =
        json!({"api_key": "k", "secret": "s", "url": server.url("/api2"), "download_url": server.url("")});
    for (name, value) in params.as_object().unwrap() {
        all[name] = value.clone();
    }
    Trial::new("intelmq.bots.collectors.shadowserver.collector_reports_api", &all, &Idf::builtin()).unwrap()
}

/// The names of the reports of one round, and its failure.
fn round(trial: &mut Trial) -> (Vec<String>, Option<String>) {
    let outcome = trial.round();
    let names = outcome.sent.iter().map(|(_, report)| report.text("extra.file_name").unwrap().to_owned());
    (names.collect(), outcome.failure.map(|failure| failure.to_string()))
}

#[test]
fn what_the_api_refuses_is_said() {
    let table = [
        (200, r#"{"error": "invalid key"}"#, "The Reports API answers: invalid key."),
        (403, r#"{"error": "no such key"}"#, "The Reports API answers: no such key."),
        (401, "", "HTTP response status code was 401."),
        (429, "slow down", "HTTP response status code was 429."),
        (200, "[{}]", "The Reports API's list of reports cannot be read: "),
        (200, "<html>", "The Reports API's list of reports cannot be read: "),
    ];
    for (status, body, wanted) in table {
        let server = Server::start(move |_| Answer::new(status, body)).unwrap();
        let (reports, failure) = round(&mut trial(&server, &json!({})));
        assert!(reports.is_empty());
        assert!(failure.as_ref().is_some_and(|failure| failure.starts_with(wanted)), "{wanted}: {failure:?}");
    }
}

#[test]
fn a_file_that_is_cut_is_fetched_again_and_no_file_comes_twice() {
    let mut tries = 0;
    let server = Server::start(move |asked| match &*asked.path {
        "/two" if tries == 0 => {
            tries += 1;
            Answer { body: Body::Cut(b"half".to_vec()), ..Answer::new(200, "") }
        }
        "/api2/reports/list" => Answer::new(200, LIST),
        path => Answer::new(200, path),
    })
    .unwrap();
    let mut trial = trial(&server, &json!({}));
    let (reports, failure) = round(&mut trial);
    assert_eq!(reports, ["one.csv"]);
    assert!(failure.is_some_and(|failure| failure.starts_with("two.csv: ")));
    assert_eq!(round(&mut trial), (vec!["two.csv".to_owned(), "three.csv".to_owned()], None));
    assert_eq!(round(&mut trial), (vec![], None));
}

#[test]
fn types_are_filtered_without_trimming() {
    let server = Server::start(|asked| match &*asked.method {
        "POST" => Answer::new(200, LIST),
        _ => Answer::new(200, "x"),
    })
    .unwrap();
    for (types, wanted) in [
        (json!("scan_smb"), vec!["two.csv", "three.csv"]),
        (json!(["scan_telnet"]), vec!["one.csv"]),
        (json!("scan_telnet, scan_smb"), vec!["one.csv"]),
        (json!(" "), vec!["one.csv", "two.csv", "three.csv"]),
    ] {
        assert_eq!(round(&mut trial(&server, &json!({"types": types}))).0, wanted, "{types}");
    }
}

#[test]
fn the_country_is_one_more_of_the_reports() {
    let server = Server::start(|_| Answer::new(200, "[]")).unwrap();
    let outcome = trial(&server, &json!({"reports": "a", "country": "de"})).round();
    assert!(outcome.log.iter().any(|(_, line)| line.contains("deprecated")));
    assert!(server.asked()[0].body.ends_with(",\"reports\": [\"a\", \"de\"]}"), "{:?}", server.asked());
}
