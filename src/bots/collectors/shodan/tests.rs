//! The collectors against a small server that plays the stream.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::bots::Failure;
use crate::bots::trial::Trial;
use crate::bots::trial::server::{Answer, Body, Server};
use crate::message::Idf;

const STREAM: &str = "intelmq.bots.collectors.shodan.collector_stream";
const ALERT: &str = "intelmq.bots.collectors.shodan.collector_alert";

fn trial(module: &str, params: &Json) -> Result<Trial, Failure> {
    Trial::new(module, params, &Idf::builtin())
}

/// Waits for the reports of a stream, or for its failure.
fn come(trial: &mut Trial) -> Result<Vec<String>, String> {
    loop {
        let outcome = trial.round();
        if let Some(failure) = outcome.failure {
            return Err(failure.to_string());
        }
        if !outcome.sent.is_empty() {
            let raw = |message: &crate::message::Message| String::from_utf8(message.raw().unwrap()).unwrap();
            return Ok(outcome.sent.iter().map(|(_, report)| raw(report)).collect());
        }
        assert!(trial.rings(Duration::from_secs(20)), "nothing came");
    }
}

#[test]
fn banners_come_from_the_stream_that_the_parameters_name() {
    let table = [
        (STREAM, json!({"countries": "DE, AT"}), "/shodan/countries/DE,AT?key=k", "{\"b\":\"ü\",\"a\":1}"),
        (STREAM, json!({"countries": ["DE"]}), "/shodan/countries/DE?key=k", "{\"b\":\"ü\",\"a\":1}"),
        (STREAM, json!({"alert": "A1"}), "/shodan/alert/A1?key=k", "{\"b\":\"ü\",\"a\":1}"),
        (ALERT, json!({}), "/shodan/alert?key=k", "{\"b\": \"\\u00fc\", \"a\": 1}"),
    ];
    for (module, mut params, path, raw) in table {
        let server = Server::start(|_| Answer::new(200, "\n{\"b\":\"ü\",\"a\":1}\n\n")).unwrap();
        params["api_key"] = json!("k");
        params["url"] = json!(server.url(""));
        let mut trial = trial(module, &params).unwrap();
        assert_eq!(come(&mut trial), Ok(vec![raw.to_owned()]), "{params}");
        assert_eq!(server.asked()[0].path, path);
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for params in [
        json!({"api_key": "k"}),
        json!({"api_key": "k", "countries": "DE", "alert": "A1"}),
        json!({"countries": "DE"}),
    ] {
        assert!(matches!(trial(STREAM, &params), Err(Failure::Configuration(_))), "{params}");
    }
}

#[test]
fn a_wrong_key_a_limit_and_a_cut_are_errors_and_the_stream_goes_on() {
    let mut answers = vec![
        Answer::new(200, "{\"a\":2}\n"),
        Answer { body: Body::Cut(b"{\"a\":1}\n{\"a\":".to_vec()), ..Answer::new(200, "") },
        Answer::new(429, ""),
        Answer::new(401, ""),
    ];
    let server = Server::start(move |_| answers.pop().unwrap_or_else(|| Answer::new(503, ""))).unwrap();
    let params = json!({"api_key": "k", "countries": "DE", "url": server.url("")});
    let mut trial = trial(STREAM, &params).unwrap();
    for status in ["401", "429"] {
        let failure = come(&mut trial).unwrap_err();
        assert!(failure.starts_with(&format!("HTTP response status code was {status}.")), "{failure}");
    }
    let mut sent = 0;
    let failure = loop {
        let outcome = trial.round();
        sent += outcome.sent.len();
        if let Some(failure) = outcome.failure {
            break failure.to_string();
        }
        assert!(trial.rings(Duration::from_secs(20)), "nothing came");
    };
    assert_eq!(sent, 1, "the banner before the cut came, half a banner did not");
    assert!(failure.starts_with("The stream broke: "), "{failure}");
    assert_eq!(come(&mut trial), Ok(vec!["{\"a\":2}".to_owned()]));
}
