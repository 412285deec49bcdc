//! Scripted exchanges over HTTP: a case tells what is asked and what is answered, and at what time.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::super::Failure;
use super::Trial;
use super::oracle::Made;
use super::server::{Answer, Asked, Server};
use crate::message::Idf;

/// The display name of the bot that the cases were recorded with; it stands beside its parameters, so they do not tell it.
const DISPLAY_NAME: &str = "Shadowserver";

/// Plays one round of a collector; what it asks and what it keeps is compared with what the case tells.
pub(super) fn play(module: &str, told: &Json, idf: &Arc<Idf>) -> Result<Made, Failure> {
    let script = told.clone();
    let server = Server::start(move |asked| answer(&script, asked))?;
    let mut params = told["parameters"].clone();
    params["url"] = Json::from(server.url("/api2/"));
    params["download_url"] = Json::from(server.url("/"));
    if params["name"].is_null() {
        params["name"] = Json::from(DISPLAY_NAME);
    }
    let clock: Timestamp = text(&told["clock"]).parse().map_err(Failure::other)?;
    let mut trial = Trial::new(module, &params, idf)?.with_now(clock);
    for name in strings(&told["cache_before"]) {
        trial.remember(name, *b"1");
    }
    let mut made = Made::from(trial.round());
    for line in &mut made.events {
        *line = without_time(line);
    }
    let wanted: Vec<Asked> = told["http"].as_array().into_iter().flatten().map(question).collect();
    let asked: Vec<Asked> = server.asked().iter().map(essence).collect();
    differ(&mut made, "requests", &wanted, &asked);
    let kept: Vec<String> =
        trial.remembered().iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    differ(&mut made, "what is remembered", &strings(&told["cache_after"]), &kept);
    Ok(made)
}

fn differ<T: PartialEq + std::fmt::Debug>(made: &mut Made, what: &str, wanted: &T, given: &T) {
    if wanted != given {
        made.unlike.push(format!("{what}:\n    expected {wanted:?}\n    got      {given:?}"));
    }
}

/// Answers the list of reports, or the file of an id.
fn answer(told: &Json, asked: &Asked) -> Answer {
    let id = asked.path.trim_start_matches('/');
    if asked.method == "POST" {
        return Answer::new(200, told["list_response"].to_string());
    }
    let status = told["status_codes"][id].as_u64().and_then(|status| u16::try_from(status).ok());
    match (status, told["download_bodies"][id].as_str()) {
        (None | Some(200), Some(body)) => Answer::new(200, body),
        (status, _) => Answer::new(status.unwrap_or(404), ""),
    }
}

/// Reads a request of a case; its server is played by ours.
fn question(told: &Json) -> Asked {
    let url = text(&told["url"]);
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let headers = told["headers"].as_object().into_iter().flatten();
    Asked {
        method: text(&told["method"]),
        path: format!("/{path}"),
        headers: headers.map(|(name, value)| (name.to_lowercase(), text(value))).collect(),
        body: text(&told["body"]),
    }
}

/// Leaves out the header lines that every client writes in its own way.
fn essence(asked: &Asked) -> Asked {
    let headers = asked.headers.iter().filter(|(name, _)| name == "hmac2").cloned().collect();
    Asked { headers, ..asked.clone() }
}

/// Takes the time of observation out, which cases of collectors leave out.
fn without_time(line: &str) -> String {
    let mut fields: Json = serde_json::from_str(line).unwrap_or_default();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("time.observation");
    }
    fields.to_string()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(list: &Json) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}
