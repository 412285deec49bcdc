//! A control service for tests: a botnet of one row in, one event out, that works as fast or as badly as a test wants.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path as Segment, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};

use crate::runtime::control::{
    BotState, BotStatus, Changed, Client, Configuration, DumpEntry, LogLine, LogPage, Problem, QueueStatus,
    Requeue, Snapshot,
};

/// How a fake botnet behaves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habits {
    /// How long each row takes.
    pub(super) row: Duration,
    /// It never comes to rest.
    pub(super) restless: bool,
    /// Once they were looked at and its work is done, the events vanish again.
    pub(super) forgets: bool,
}

#[derive(Debug, Default)]
struct Inside {
    habits: Habits,
    files: BTreeMap<String, Vec<u8>>,
    pending: VecDeque<String>,
    ready: Option<Instant>,
    dump: Vec<DumpEntry>,
    activity: u64,
    received: u64,
    stopped: bool,
    /// Whether somebody has looked at the events.
    seen: bool,
    configuration: String,
    /// What was asked for, in order, without questions.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<Inside>>;

/// A fake botnet that runs.
pub(super) struct Fake {
    inside: Shared,
    folder: tempfile::TempDir,
}

impl Fake {
    pub(super) fn start(habits: Habits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inside = Shared::default();
        inside.lock().unwrap().habits = habits;
        inside.lock().unwrap().configuration = "reader:\n  module: a\n  group: Collector\n".to_owned();
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("control.sock")).unwrap();
        socket.set_nonblocking(true).unwrap();
        let routes = routes(inside.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let socket = tokio::net::UnixListener::from_std(socket).unwrap();
                axum::serve(socket, routes).await.unwrap();
            });
        });
        Fake { inside, folder }
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&self.folder.path().join("control.sock")).unwrap()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.inside.lock().unwrap().asked.clone()
    }
}

fn routes(inside: Shared) -> Router {
    Router::new()
        .route("/v1/botnet", get(snapshot))
        .route("/v1/botnet/run", post(run))
        .route("/v1/bots/{bot}/dump", get(dump))
        .route("/v1/bots/{bot}/dump/requeue", post(requeue))
        .route("/v1/bots/{bot}/{action}", post(act))
        .route("/v1/log", get(log))
        .route("/v1/configuration", get(configuration).put(configure))
        .route("/v1/files/{*path}", put(put_file).get(get_file))
        .with_state(inside)
}

impl Inside {
    /// Does the rows whose time has come.
    fn work(&mut self) {
        let now = Instant::now();
        while !self.stopped
            && let Some(ready) = self.ready
            && ready <= now
            && let Some(row) = self.pending.pop_front()
        {
            self.activity += 1;
            self.received += 1;
            self.ready = (!self.pending.is_empty()).then(|| ready + self.habits.row);
            if row.starts_with("bad") {
                self.dump.push(DumpEntry {
                    id: format!("{:03}", self.activity),
                    bot: "parser".to_owned(),
                    source_queue: None,
                    traceback: "no address".to_owned(),
                    message: row,
                    unreadable: false,
                    base64: None,
                });
                continue;
            }
            let event = serde_json::json!({"source.ip": row, "time.observation": self.activity.to_string()});
            let out = self.files.entry("out/events.jsonl".to_owned()).or_default();
            out.extend(format!("{event}\n").into_bytes());
        }
        if self.habits.forgets && self.seen && self.pending.is_empty() {
            self.files.remove("out/events.jsonl");
        }
    }

    fn idle(&self) -> bool {
        !self.habits.restless && (self.stopped || self.pending.is_empty())
    }

    fn add(&mut self, row: &str) {
        self.pending.push_back(row.to_owned());
        self.ready.get_or_insert(Instant::now() + self.habits.row);
    }

    fn snapshot(&mut self) -> Snapshot {
        self.work();
        self.activity += u64::from(self.habits.restless);
        let parser = BotStatus {
            id: "parser".to_owned(),
            module: "intelmq.bots.parsers.fake".to_owned(),
            group: "Parser".to_owned(),
            state: if self.stopped { BotState::Stopped } else { BotState::Running },
            busy: !self.idle(),
            retrying: false,
            instances: 1,
            received: self.received,
            sent: BTreeMap::from([("_default".to_owned(), self.received - self.dump.len() as u64)]),
            dropped: 0,
            failed: self.dump.len() as u64,
            rounds: 0,
            last_error: None,
        };
        let queue = QueueStatus {
            name: "parser-queue".to_owned(),
            reader: Some("parser".to_owned()),
            waiting: self.pending.len() as u64,
            in_flight: 0,
            limit: 100,
        };
        Snapshot {
            activity: self.activity,
            idle: self.idle(),
            revision: 0,
            bots: vec![parser],
            queues: vec![queue],
        }
    }
}

async fn snapshot(
    State(inside): State<Shared>,
    Query(query): Query<BTreeMap<String, u64>>,
) -> Json<Snapshot> {
    let deadline = Instant::now() + Duration::from_millis(query.get("wait_ms").copied().unwrap_or(0));
    loop {
        let now = inside.lock().unwrap().snapshot();
        if Instant::now() >= deadline || query.get("after").is_none_or(|after| now.activity > *after) {
            return Json(now);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn run(State(inside): State<Shared>) -> Json<Snapshot> {
    let mut inside = inside.lock().unwrap();
    inside.asked.push("run".to_owned());
    let feeds: Vec<String> = inside.files.keys().filter(|name| name.starts_with("in/")).cloned().collect();
    for name in feeds {
        let text = String::from_utf8(inside.files.remove(&name).unwrap()).unwrap();
        text.lines().skip(1).for_each(|row| inside.add(row));
    }
    Json(inside.snapshot())
}

async fn act(
    State(inside): State<Shared>,
    Segment((bot, action)): Segment<(String, String)>,
) -> Result<Json<Snapshot>, (StatusCode, Json<Problem>)> {
    let mut inside = inside.lock().unwrap();
    inside.asked.push(format!("{action} {bot}"));
    if bot != "parser" {
        return Err(unknown_bot(&bot));
    }
    inside.stopped = action == "stop";
    Ok(Json(inside.snapshot()))
}

async fn dump(
    State(inside): State<Shared>,
    Segment(bot): Segment<String>,
) -> Result<Json<Vec<DumpEntry>>, (StatusCode, Json<Problem>)> {
    if bot == "parser" { Ok(Json(inside.lock().unwrap().dump.clone())) } else { Err(unknown_bot(&bot)) }
}

async fn requeue(State(inside): State<Shared>, Json(what): Json<Requeue>) -> Json<Changed> {
    let mut inside = inside.lock().unwrap();
    inside.asked.push(format!("requeue {}", what.ids.join(" ")));
    let (back, kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut inside.dump).into_iter().partition(|entry| what.ids.contains(&entry.id));
    inside.dump = kept;
    for entry in &back {
        let repaired =
            what.replace.iter().fold(entry.message.clone(), |row, (old, new)| row.replace(old.as_str(), new));
        inside.add(&repaired);
    }
    Json(Changed { count: back.len() as u64 })
}

async fn log(State(inside): State<Shared>, Query(query): Query<BTreeMap<String, u64>>) -> Json<LogPage> {
    let received = inside.lock().unwrap().received;
    let after = query["after"];
    let line = |number| LogLine {
        at: String::new(),
        bot: "parser".to_owned(),
        level: "INFO".to_owned(),
        message: format!("row {number}"),
    };
    Json(LogPage { lines: (after + 1..=received).map(line).collect(), next: received })
}

async fn configuration(State(inside): State<Shared>) -> Json<Configuration> {
    Json(Configuration { text: inside.lock().unwrap().configuration.clone(), revision: 0 })
}

async fn configure(
    State(inside): State<Shared>,
    body: String,
) -> Result<Json<Configuration>, (StatusCode, Json<Problem>)> {
    if body.contains("nonsense") {
        let (code, title) = ("invalid".to_owned(), "the configuration is invalid".to_owned());
        let detail = Some("error: there is no module nonsense".to_owned());
        return Err((
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(Problem { code, title, status: 422, detail, problems: Vec::new() }),
        ));
    }
    let mut inside = inside.lock().unwrap();
    inside.asked.push("configure".to_owned());
    inside.configuration.clone_from(&body);
    Ok(Json(Configuration { text: body, revision: 1 }))
}

async fn put_file(State(inside): State<Shared>, Segment(path): Segment<String>, body: Bytes) -> StatusCode {
    let mut inside = inside.lock().unwrap();
    inside.asked.push(format!("put {path}"));
    inside.files.insert(path, body.to_vec());
    StatusCode::NO_CONTENT
}

async fn get_file(
    State(inside): State<Shared>,
    Segment(path): Segment<String>,
) -> Result<Vec<u8>, (StatusCode, Json<Problem>)> {
    let mut inside = inside.lock().unwrap();
    inside.work();
    let (code, title) = ("unknown-file".to_owned(), "no such file".to_owned());
    let missing = || {
        (
            StatusCode::NOT_FOUND,
            Json(Problem { code, title, status: 404, detail: None, problems: Vec::new() }),
        )
    };
    let file = inside.files.get(&path).cloned();
    inside.seen |= file.is_some() && path == "out/events.jsonl";
    file.ok_or_else(missing)
}

fn unknown_bot(bot: &str) -> (StatusCode, Json<Problem>) {
    let title = format!("there is no bot `{bot}`");
    (
        StatusCode::NOT_FOUND,
        Json(Problem {
            code: "unknown-bot".to_owned(),
            title,
            status: 404,
            detail: None,
            problems: Vec::new(),
        }),
    )
}
