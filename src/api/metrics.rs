//! What a monitoring system asks for: counts in Prometheus' text form, and whether the service is well.

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::error::Answer;
use super::reach::Api;
use crate::runtime::control::{BotStatus, Refusal, Snapshot, blocking};

/// Whether the service answers.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Object)))]
pub(super) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// Counts of every bot and queue of every lab (Prometheus' text format 0.0.4).
#[utoipa::path(
    get, path = "/metrics", responses((status = 200, content_type = "text/plain", body = String))
)]
pub(super) async fn metrics(State(api): State<Api>) -> Answer<impl IntoResponse> {
    let text = blocking(move || {
        let mut labs = Vec::new();
        for lab in api.labs()? {
            let client = api.world().client(&lab).ok();
            labs.push((lab.record.name.clone(), client.and_then(|client| client.snapshot().ok())));
        }
        Ok::<_, Refusal>(text(&labs))
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

/// One of a bot's counts.
type Count = fn(&BotStatus) -> u64;

fn text(labs: &[(String, Option<Snapshot>)]) -> String {
    let mut out = String::new();
    metric(&mut out, ("lab_up", "gauge", "Whether the botnet of a lab answers."), |add| {
        for (lab, snapshot) in labs {
            add(&[("lab", lab)], u64::from(snapshot.is_some()));
        }
    });
    let up = || labs.iter().filter_map(|(lab, snapshot)| Some((lab, snapshot.as_ref()?)));
    metric(&mut out, ("bot_state", "gauge", "The state of a bot: 1 for the one it is in."), |add| {
        for (lab, bot) in up().flat_map(|(lab, snapshot)| snapshot.bots.iter().map(move |bot| (lab, bot))) {
            let state = format!("{:?}", bot.state).to_lowercase();
            add(&[("lab", lab), ("bot", &bot.id), ("state", &state)], 1);
        }
    });
    let counts: [(&str, &str, Count); 3] = [
        ("bot_received_total", "Messages that a bot received and finished.", |bot| bot.received),
        ("bot_dropped_total", "Messages that a bot dropped on purpose.", |bot| bot.dropped),
        ("bot_failed_total", "Messages and rows that a bot gave up.", |bot| bot.failed),
    ];
    for (name, help, count) in counts {
        metric(&mut out, (name, "counter", help), |add| {
            for (lab, bot) in up().flat_map(|(lab, snapshot)| snapshot.bots.iter().map(move |bot| (lab, bot)))
            {
                add(&[("lab", lab), ("bot", &bot.id)], count(bot));
            }
        });
    }
    metric(&mut out, ("bot_sent_total", "counter", "Messages that a bot sent on a path."), |add| {
        for (lab, bot) in up().flat_map(|(lab, snapshot)| snapshot.bots.iter().map(move |bot| (lab, bot))) {
            for (path, sent) in &bot.sent {
                add(&[("lab", lab), ("bot", &bot.id), ("path", path)], *sent);
            }
        }
    });
    metric(&mut out, ("queue_messages", "gauge", "Messages in a queue, those in work among them."), |add| {
        for (lab, queue) in
            up().flat_map(|(lab, snapshot)| snapshot.queues.iter().map(move |queue| (lab, queue)))
        {
            add(&[("lab", lab), ("queue", &queue.name)], queue.waiting + queue.in_flight);
        }
    });
    out
}

/// Writes one metric with its help, and its values.
fn metric(
    out: &mut String,
    (name, kind, help): (&str, &str, &str),
    values: impl FnOnce(&mut dyn FnMut(&[(&str, &str)], u64)),
) {
    let _ = writeln!(out, "# HELP intelmq_lab_{name} {help}\n# TYPE intelmq_lab_{name} {kind}");
    values(&mut |labels, value| {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(out, "intelmq_lab_{name}{{{}}} {value}", labels.join(","));
    });
}
