//! Endless streams of what happens in a lab, as server-sent events; they stand outside the description.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{iter, unfold};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{Answer, control, refused};
use super::reach::Api;
use crate::runtime::control::{Client, ControlError, Refusal, blocking};
use crate::session::Lab;

/// The shortest time between two snapshots.
const BEAT: Duration = Duration::from_millis(200);
/// How long one look waits for something to happen.
const LOOK: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// Where to begin; now unless it is said.
    after: Option<u64>,
    /// Only lines of this bot.
    bot: Option<String>,
}

/// One of the streams `botnet`, `session`, `log` and `events`.
pub(super) async fn stream(
    State(api): State<Api>,
    Path((lab, what)): Path<(String, String)>,
    Query(from): Query<From>,
) -> Answer<Response> {
    let name = lab.clone();
    let client = api.with(lab, |api, lab, _| api.world().client(lab).map_err(refused)).await?;
    match what.as_str() {
        "botnet" => Ok(answer(looks(client, None, botnet))),
        "log" => {
            let after = match from.after {
                Some(after) => after,
                None => end_of_log(&client).await?,
            };
            let bot = from.bot;
            Ok(answer(looks(client, Some(after), move |client, after| log(client, bot.as_deref(), after))))
        }
        "events" => Ok(answer(looks(client, None, counts))),
        "session" => {
            let lab = blocking(move || api.lab(&name)).await?;
            Ok(answer(told(client, lab)))
        }
        _ => {
            let title = format!("there is no stream {what:?}; there are botnet, session, log and events");
            Err(Refusal::not_found("unknown-stream", title))
        }
    }
}

fn answer(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

fn event(value: &Value) -> Event {
    Event::default().data(value.to_string())
}

/// What one look found: something to tell, perhaps, and where to go on.
type Look = Result<(Option<Value>, u64), ControlError>;

/// Looks again and again, on threads that may wait, until the botnet does not answer or nobody listens.
fn looks(
    client: Client,
    from: Option<u64>,
    look: impl Fn(&Client, Option<u64>) -> Look + Clone + Send + Sync + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    unfold((client, from), move |(client, mut from)| {
        let look = look.clone();
        async move {
            loop {
                let (asked, looked) = (client.clone(), look.clone());
                let found = tokio::task::spawn_blocking(move || looked(&asked, from)).await;
                let (value, next) = found.ok()?.ok()?;
                from = Some(next);
                if let Some(value) = value {
                    return Some((Ok(event(&value)), (client, from)));
                }
            }
        }
    })
}

/// The snapshot, whenever something happened.
fn botnet(client: &Client, after: Option<u64>) -> Look {
    let Some(after) = after else {
        let first = client.snapshot()?;
        return Ok((Some(json!(first)), first.activity));
    };
    // Not every commit is worth a look: what comes within a beat is seen together.
    client.snapshot_after(u64::MAX, BEAT)?;
    let next = client.snapshot_after(after, LOOK)?;
    Ok(((next.activity != after).then(|| json!(next)), next.activity))
}

/// How many messages outputs have taken, whenever it changed.
fn counts(client: &Client, after: Option<u64>) -> Look {
    let (told, activity) = match after {
        None => (true, client.snapshot()?),
        Some(after) => {
            client.snapshot_after(u64::MAX, BEAT)?;
            let next = client.snapshot_after(after, LOOK)?;
            (next.activity != after, next)
        }
    };
    let outputs = activity.bots.iter().filter(|bot| bot.group == "Output");
    let count: u64 = outputs.map(|bot| bot.received).sum();
    Ok((told.then(|| json!({ "delivered": count })), activity.activity))
}

/// Lines of a log after a position.
fn log(client: &Client, bot: Option<&str>, after: Option<u64>) -> Look {
    let after = after.unwrap_or(0);
    let page = client.log(bot, after, 1000)?;
    if page.lines.is_empty() {
        client.snapshot_after(u64::MAX, BEAT)?;
        return Ok((None, page.next));
    }
    Ok((Some(json!(page.lines)), page.next))
}

async fn end_of_log(client: &Client) -> Answer<u64> {
    let client = client.clone();
    blocking(move || {
        let mut after = 0;
        loop {
            let page = client.log(None, after, 20_000).map_err(control)?;
            if page.lines.is_empty() {
                return Ok::<_, Refusal>(page.next);
            }
            after = page.next;
        }
    })
    .await
}

/// How far somebody has read what the sessions of a lab tell: each begins anew.
#[derive(Clone, PartialEq)]
struct Place {
    /// The first line of the session, which tells when it began.
    first: Option<Value>,
    /// How many lines of it were read.
    lines: usize,
}

/// What sessions tell from now on that do something in the lab, whoever runs them.
fn told(client: Client, lab: Lab) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let now = lab.told();
    let place = Place { first: now.first().cloned(), lines: now.len() };
    let news = unfold((client, lab, place), |(client, lab, place)| async move {
        let look = move || {
            let (lines, place) = news(&client, &lab, &place)?;
            Ok::<_, ControlError>((lines, (client, lab, place)))
        };
        tokio::task::spawn_blocking(look).await.ok()?.ok()
    });
    news.flat_map(|lines| iter(lines).map(|line| Ok(event(&line))))
}

/// Waits for a beat, and returns what was told since.
fn news(client: &Client, lab: &Lab, place: &Place) -> Result<(Vec<Value>, Place), ControlError> {
    client.snapshot_after(u64::MAX, BEAT)?;
    let mut lines = lab.told();
    let next = Place { first: lines.first().cloned(), lines: lines.len() };
    let read = if next.first == place.first { place.lines.min(lines.len()) } else { 0 };
    Ok((lines.split_off(read), next))
}
