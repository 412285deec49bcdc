//! Logs, checks, versions, places and files.

use std::collections::VecDeque;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::{Answer, control};
use super::super::reach::Api;
use super::Of;
use super::botnet::unknown_bot;
use super::fault::{Asked, Told};
use crate::bots::Level;
use crate::runtime::control::{Client, ControlError, LogLine, blocking};

/// The version of intelmq-api whose answers these are, and of the IntelMQ that it speaks of.
const VERSIONS: (&str, &str) = ("3.5.0", "3.2.0");
/// How many lines of a log are asked for at once.
const PAGE: usize = 20_000;
/// The longest file that is shown at once, in bytes.
const SHORT: usize = 2000;

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    id: String,
    lines: i64,
    level: Option<Level>,
}

/// The last lines of a bot's log that are at least as important, oldest first; -1 is all.
pub(super) async fn log(State(api): State<Api>, Of(lab): Of, Asked(asked): Asked<Log>) -> Told<Json<Value>> {
    let told = api.with(lab, move |_, _, client| {
        if !client.snapshot().map_err(control)?.bots.iter().any(|bot| bot.id == asked.id) {
            return Err(unknown_bot(&asked.id));
        }
        let most = usize::try_from(asked.lines).unwrap_or(usize::MAX);
        let told = last(client, &asked.id, asked.level.unwrap_or(Level::Debug), most)?.into_iter().map(|line| {
            // As Python's isoformat has it.
            let date = line.at.trim_end_matches('Z');
            json!({
                "date": date, "bot_id": line.bot, "thread_id": null, "log_level": line.level, "message": line.message,
            })
        });
        Ok(Value::Array(told.collect()))
    });
    Ok(Json(told.await?))
}

fn last(client: &Client, bot: &str, level: Level, most: usize) -> Answer<VecDeque<LogLine>> {
    let (mut lines, mut after) = (VecDeque::new(), 0);
    loop {
        let page = client.log(Some(bot), after, PAGE).map_err(control)?;
        if page.lines.is_empty() {
            return Ok(lines);
        }
        after = page.next;
        lines.extend(page.lines.into_iter().filter(|line| line.level() >= level));
        lines.drain(..lines.len().saturating_sub(most));
    }
}

/// What is wrong with the configuration in use.
pub(super) async fn check(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    let told = api.with(lab, |_, _, client| {
        let text = client.configuration().map_err(control)?.text;
        let (status, complaints) = match client.validate(&text) {
            Ok(warnings) => ("success", warnings),
            Err(ControlError::Refused(problem)) => ("error", problem.problems),
            Err(error) => return Err(control(error)),
        };
        let mut lines = vec![json!(["info", "Checking runtime and pipeline configuration."])];
        lines.extend(complaints.iter().map(|complaint| {
            let place = complaint.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let severity = if complaint.severity == "warning" { "warning" } else { "error" };
            json!([severity, format!("{place}{} {}", complaint.title, complaint.help)])
        }));
        Ok(json!({ "status": status, "lines": lines }))
    });
    Ok(Json(told.await?))
}

/// The versions.
pub(super) async fn version() -> Json<Value> {
    let own = env!("CARGO_PKG_VERSION");
    Json(json!({ "intelmq": VERSIONS.0, "intelmq-api": VERSIONS.1, "intelmq-lab": own }))
}

/// Where the lab has its files.
pub(super) async fn debug(State(api): State<Api>, Of(lab): Of) -> Told<Json<Value>> {
    let folder = blocking(move || api.lab(&lab)).await?.folder;
    let path = |below: &str| folder.join(below).display().to_string();
    Ok(Json(json!({
        "paths": {
            "CONFIG_DIR": path("etc"),
            "RUNTIME_CONF_FILE": path("etc/runtime.yaml"),
            "HARMONIZATION_CONF_FILE": path("etc/harmonization.conf"),
            "DEFAULT_LOGGING_PATH": path("log"),
            "ROOT_DIR": folder.display().to_string(),
        },
        "environment_variables": {},
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct File {
    file: String,
    #[serde(default)]
    fetch: bool,
}

/// A file of the lab that a parameter names: whole, or what is to be seen of it.
pub(super) async fn file(State(api): State<Api>, Of(lab): Of, Asked(asked): Asked<File>) -> Told<Response> {
    let fetch = asked.fetch;
    let found = api.with(lab, move |_, lab, client| {
        let folder = lab.folder.display().to_string();
        let below = asked.file.strip_prefix(&folder).and_then(|below| below.strip_prefix('/'));
        let Some(below) = below else { return Ok(None) };
        match client.get_file(below) {
            Ok(bytes) => Ok(bytes.map(|bytes| (asked.file, bytes))),
            // It is not one of those that the lab shows.
            Err(ControlError::Refused(_)) => Ok(None),
            Err(error) => Err(control(error)),
        }
    });
    let Some((path, bytes)) = found.await? else {
        return Ok(Json(json!(["Unknown resource"])).into_response());
    };
    if fetch {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response());
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let shown = if bytes.len() < SHORT {
        json!({ "contents": String::from_utf8_lossy(&bytes) })
    } else {
        json!({ "size": bytes.len(), "path": path })
    };
    Ok(Json(json!({ "files": { name: shown } })).into_response())
}
