//! The collector against a small STOMP server over TLS.

use std::time::Duration;

use serde_json::json;

use crate::bots::Failure;
use crate::bots::http::tests::Pki;
use crate::bots::stomp::peer::{greet, server};
use crate::bots::trial::Trial;
use crate::message::Idf;
use crate::stomp::Frame;

fn trial(pki: &Pki, port: u16, further: &[(&str, &str)]) -> Result<Trial, Failure> {
    let mut params = json!({
        "server": "127.0.0.1", "port": port, "exchange": "/exchange/org/*.*.*.*", "username": "me@example.com",
        "password": "key", "auth_by_ssl_client_certificate": false, "ssl_ca_certificate": pki.authority(),
    });
    for (name, value) in further {
        params[*name] = json!(value);
    }
    Trial::new("intelmq.bots.collectors.stomp.collector", &params, &Idf::builtin())
}

/// Waits for the reports of the stream, or for its failure.
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

fn message(body: &str) -> Frame {
    Frame::new("MESSAGE")
        .with("message-id", body)
        .with("ack", format!("ack-{body}"))
        .with_body(format!("{body} \n"))
}

#[test]
fn messages_are_reports_and_are_acknowledged_once_they_are_stored() {
    let pki = Pki::new(false);
    let (port, frames) = server(&pki, |_, frame| match &*frame.command {
        "SUBSCRIBE" => Some(vec![message("one")]),
        _ => Some(greet(frame).unwrap_or_default()),
    });
    let mut trial = trial(&pki, port, &[]).unwrap();
    assert_eq!(come(&mut trial), Ok(vec!["one".to_owned()]));
    let next = || frames.recv_timeout(Duration::from_secs(20)).unwrap();
    let connect = next();
    let login = ["login", "passcode", "heart-beat"].map(|name| connect.header(name).unwrap_or_default());
    assert_eq!(login, ["me@example.com", "key", "6000,6000"]);
    let subscribe = next();
    assert_eq!(subscribe.header("destination"), Some("/exchange/org/*.*.*.*"));
    assert_eq!((subscribe.header("id"), subscribe.header("ack")), (Some("1"), Some("client")));
    let ack = next();
    assert_eq!((&*ack.command, ack.header("id")), ("ACK", Some("ack-one")));
}

#[test]
fn after_a_cut_the_collector_connects_again() {
    let pki = Pki::new(false);
    let (port, _frames) = server(&pki, |number, frame| match (&*frame.command, number) {
        ("SUBSCRIBE", 0) => None,
        ("SUBSCRIBE", _) => Some(vec![message("two")]),
        _ => Some(greet(frame).unwrap_or_default()),
    });
    let mut trial = trial(&pki, port, &[("ack", "auto")]).unwrap();
    assert!(come(&mut trial).unwrap_err().starts_with(&format!("127.0.0.1:{port}: ")));
    assert_eq!(come(&mut trial), Ok(vec!["two".to_owned()]));
}

#[test]
fn a_refusal_and_a_certificate_that_is_not_good_are_said() {
    let refuse = |_: usize, _: &Frame| {
        Some(vec![Frame::new("ERROR").with("message", "Bad CONNECT").with_body("Access refused for user")])
    };
    let (good, expired) = (Pki::new(false), Pki::new(true));
    let table = [
        (&good, "the server says: Bad CONNECT Access refused"),
        (&expired, "certificate expired, it was valid until"),
    ];
    for (pki, wanted) in table {
        let (port, _frames) = server(pki, refuse);
        let failure = come(&mut trial(pki, port, &[]).unwrap()).unwrap_err();
        assert!(failure.contains(wanted), "{failure}");
    }
}

#[test]
fn files_that_are_missing_are_refused() {
    let pki = Pki::new(false);
    let made = trial(&pki, 1, &[("ssl_ca_certificate", "none.pem")]);
    assert!(matches!(made, Err(Failure::Configuration(text)) if text.contains("none.pem")));
    let made = trial(&pki, 1, &[("auth_by_ssl_client_certificate", "no")]);
    assert!(matches!(made, Err(Failure::Configuration(text)) if text.contains("must be true or false")));
}
