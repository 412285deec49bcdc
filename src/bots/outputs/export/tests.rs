//! What outputs hand to the world, against what IntelMQ 3.5.0 handed over (`tests/bots`, recorded by `record_outputs.py`).

use std::fs;

use serde_json::Value as Json;

use crate::bots::Failure;
use crate::bots::http::tests::Pki;
use crate::bots::stomp::peer;
use crate::bots::trial::Trial;
use crate::bots::trial::server::{Answer, Asked, Server};
use crate::message::{Idf, Message, MessageType};
use crate::stomp::Frame;

/// One event with the parameters that it met, and what came of it.
struct Row {
    told: Json,
}

impl Row {
    fn event(&self) -> Message {
        let text = self.told["message"].to_string();
        Message::from_wire(&Idf::builtin(), text.as_bytes(), Some(MessageType::Event)).unwrap()
    }

    /// Makes the bot with further parameters.
    fn trial(&self, module: &str, further: &Json) -> Trial {
        let mut params = self.told["params"].clone();
        params.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        Trial::new(module, &params, &Idf::builtin()).unwrap_or_else(|failure| panic!("{self}: {failure}"))
    }

    /// Wants what came of the event to be the same; what failed there and is better here is not compared.
    #[track_caller]
    fn compare(&self, what: &str, ours: &Json, failure: Option<&Failure>) {
        match (self.told.get("error"), failure) {
            (Some(_), Some(Failure::Other(_))) => {}
            (None, None) => assert_eq!(ours, &self.told[what], "{self}"),
            (theirs, ours) => panic!("{self}: ours {ours:?}, IntelMQ {theirs:?}"),
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.told["params"], self.told["message"])
    }
}

fn rows(text: &str) -> Vec<Row> {
    let rows: Vec<Row> = text.lines().map(|line| Row { told: serde_json::from_str(line).unwrap() }).collect();
    assert!(rows.len() > 15);
    rows
}

#[test]
fn files_has_in_its_files_what_intelmq_has() {
    for row in rows(include_str!("../../../../tests/bots/files.jsonl")) {
        let mut trial = row.trial("intelmq.bots.outputs.files.output", &serde_json::json!({}));
        let outcome = trial.feed(row.event());
        let files = fs::read_dir(trial.state().join("files-output/incoming")).unwrap().flatten();
        let texts: Vec<String> = files.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
        row.compare("written", &Json::from(texts), outcome.failure.as_ref());
    }
}

#[test]
fn restapi_asks_what_intelmq_asks() {
    for row in rows(include_str!("../../../../tests/bots/restapi.jsonl")) {
        let path = row.told["params"]["path"].as_str().unwrap().to_owned();
        let status = path.rsplit_once('/').and_then(|(_, status)| status.parse().ok()).unwrap();
        let server = Server::start(move |_| Answer::new(status, "")).unwrap();
        let mut trial =
            row.trial("intelmq.bots.outputs.restapi.output", &serde_json::json!({"host": server.url(&path)}));
        let failure = trial.feed(row.event()).failure;
        let asked: Vec<Json> = server.asked().into_iter().map(told).collect();
        let mut row = row;
        let form = row.told["params"]["use_json"] == false;
        row.told["asked"].as_array_mut().into_iter().flatten().for_each(|theirs| mend(theirs, form));
        row.compare("asked", &Json::from(asked), failure.as_ref());
    }
}

/// Tells a request as the rows have it; JSON as what it means.
fn told(asked: Asked) -> Json {
    let mut told = serde_json::json!({"method": asked.method, "path": asked.path});
    for name in ["content-type", "authorization", "x-key"] {
        if let Some(value) = asked.header(name) {
            told[name] = value.into();
        }
    }
    told["body"] = serde_json::from_str(&asked.body).unwrap_or_else(|_| asked.body.into());
    told
}

/// Mends what IntelMQ does wrong: it calls a form JSON, and of an object in it only the keys are left.
fn mend(theirs: &mut Json, form: bool) {
    let body = theirs["body"].as_str().unwrap().to_owned();
    if form {
        theirs["content-type"] = "application/x-www-form-urlencoded".into();
        let object = "extra.x=%7B%22k%22%3A+%5B1%2C+null%5D%2C+%22b%22%3A+%22%C3%BC%5Cn%22%7D";
        theirs["body"] = body.replace("extra.x=k&extra.x=b", object).into();
    } else {
        theirs["body"] = serde_json::from_str(&body).unwrap();
    }
}

#[test]
fn stomp_sends_what_intelmq_sends_and_what_it_fails_to_send() {
    let pki = Pki::new(false);
    for row in rows(include_str!("../../../../tests/bots/stomp.jsonl")) {
        let (port, frames) = peer::server(&pki, |_, frame| {
            let receipt =
                Frame::new("RECEIPT").with("receipt-id", frame.header("receipt").unwrap_or_default());
            peer::greet(frame).or_else(|| Some(vec![receipt]))
        });
        let params = serde_json::json!({
            "server": "127.0.0.1", "port": port, "auth_by_ssl_client_certificate": false,
            "ssl_ca_certificate": pki.authority(),
        });
        let mut trial = row.trial("intelmq.bots.outputs.stomp.output", &params);
        let failure = trial.feed(row.event()).failure;
        drop(trial);
        let sent = frames.try_iter().filter(|frame| frame.command == "SEND");
        let sent: Vec<String> = sent.map(|frame| String::from_utf8(frame.body).unwrap()).collect();
        // IntelMQ hands objects and numbers to a library that takes texts only.
        if row.told["error"].as_str().is_some_and(|error| error.starts_with("TypeError: message should be")) {
            assert_eq!((sent.len(), failure), (1, None), "{row}");
        } else {
            row.compare("sent", &Json::from(sent), failure.as_ref());
        }
    }
}
