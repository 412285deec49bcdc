//! The control service: its routes, and what each does with the botnet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::Notify;
use utoipa::{IntoParams, OpenApi};

use super::bots;
use super::configuration;
use super::description::completed;
use super::dumps;
use super::files;
use super::problem::{self, Refusal};
use super::queues;
use super::rows;
use super::services;
use super::types::{
    BotAction, BotDetails, BotState, BotStatus, BotnetAction, Changed, Complaint, Configuration, DumpEntry,
    Edited, JournalEntry, JournalOut, JournalPage, LogLine, LogPage, ParameterDetails, Problem, QueueStatus,
    Requeue, Rows, Snapshot,
};
use crate::runtime::Botnet;
use crate::service::{Fault, ServiceStatus, Services, Trouble};

/// The longest that a request waits for something to happen.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long bots in other processes are left alone between two questions: at first, and after a while.
const ASK_AGAIN: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(250)];

/// What the routes share.
#[derive(Clone)]
pub(in crate::runtime) struct Service {
    /// The botnet.
    pub(in crate::runtime) botnet: Arc<Botnet>,
    /// The lab's folder; files are put in and taken out below it.
    pub(in crate::runtime) root: PathBuf,
    /// Notified when somebody asks for the end of the botnet.
    pub(in crate::runtime) end: Arc<Notify>,
    /// What runs beside the botnet.
    pub(in crate::runtime) services: Arc<Services>,
}

pub(super) type Answer<T> = Result<Json<T>, Refusal>;

/// The description of the service, for `/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    info(title = "intelmq-lab control service", description = "One running botnet."),
    paths(
        snapshot,
        run_collectors,
        shut_down,
        act,
        queues::peek,
        queues::inject,
        queues::clear,
        dump,
        requeue,
        delete_dump,
        log,
        journal,
        bots::details,
        bots::enable,
        bots::disable,
        bots::all,
        bots::edit_dump,
        rows::rows,
        configuration::configuration,
        configuration::configure,
        configuration::validate,
        configuration::one,
        configuration::configure_one,
        files::put_file,
        files::get_file,
        services::list,
        services::publish,
        services::add_fault,
        services::clear_faults,
    ),
    components(schemas(
        Snapshot,
        BotState,
        BotStatus,
        QueueStatus,
        BotAction,
        DumpEntry,
        Requeue,
        Changed,
        LogLine,
        LogPage,
        JournalEntry,
        JournalOut,
        JournalPage,
        Rows,
        Configuration,
        ServiceStatus,
        Fault,
        Trouble,
        Problem,
        Complaint,
        BotDetails,
        ParameterDetails,
        Edited,
        BotnetAction,
    ))
)]
pub struct Description;

/// Makes the routes of one botnet.
pub(in crate::runtime) fn router(service: Service) -> Router {
    Router::new()
        .route("/v1/botnet", get(snapshot))
        .route("/v1/botnet/run", post(run_collectors))
        .route("/v1/botnet/shutdown", post(shut_down))
        .route("/v1/botnet/{action}", post(bots::all))
        .route("/v1/bots/{bot}", get(bots::details))
        .route("/v1/bots/{bot}/enable", post(bots::enable))
        .route("/v1/bots/{bot}/disable", post(bots::disable))
        .route("/v1/bots/{bot}/dump/{entry}", put(bots::edit_dump))
        .route("/v1/bots/{bot}/dump", get(dump))
        .route("/v1/bots/{bot}/rows", get(rows::rows))
        .route("/v1/bots/{bot}/dump/requeue", post(requeue))
        .route("/v1/bots/{bot}/dump/delete", post(delete_dump))
        .route("/v1/bots/{bot}/{action}", post(act))
        .route("/v1/queues/{queue}/messages", get(queues::peek).post(queues::inject))
        .route("/v1/queues/{queue}/messages", delete(queues::clear))
        .route("/v1/log", get(log))
        .route("/v1/journal", get(journal))
        .merge(configuration::routes())
        .route("/v1/files/{*path}", put(files::put_file).get(files::get_file))
        .route("/v1/services", get(services::list))
        .route("/v1/services/{service}/files/{name}", put(services::publish))
        .route("/v1/services/{service}/faults", post(services::add_fault).delete(services::clear_faults))
        .layer(axum::extract::DefaultBodyLimit::max(256 * 1024 * 1024))
        .layer(axum::middleware::map_response(problem::always))
        .with_state(service)
}

/// Makes the routes of a service that stands alone: they describe themselves, and refuse others.
pub(in crate::runtime) fn alone(service: Service) -> Router {
    let description = || completed(serde_json::to_value(Description::openapi()).unwrap_or_default());
    router(service).route("/openapi.json", get(async move || Json(description()))).fallback(|| async {
        Refusal::not_found("unknown-route", "there is no such route; see /openapi.json")
    })
}

/// Does something that may wait on a thread of its own, so that other requests go on.
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Refusal>
where
    T: Send + 'static,
    E: Into<Refusal> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(Refusal::internal(&error)),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Since {
    /// Answer only once more than this has happened, or the wait is over.
    after: Option<u64>,
    /// How long to wait, in milliseconds; 30 seconds at most.
    wait_ms: Option<u64>,
}

/// Everything that is to be seen of the botnet.
#[utoipa::path(get, path = "/v1/botnet", params(Since), responses((status = 200, body = Snapshot)))]
async fn snapshot(State(service): State<Service>, Query(since): Query<Since>) -> Answer<Snapshot> {
    if let Some(after) = since.after {
        let wait = Duration::from_millis(since.wait_ms.unwrap_or(0)).min(LONGEST_WAIT);
        return later_snapshot(service.botnet, after, wait).await.map(Json);
    }
    blocking(move || service.botnet.snapshot()).await.map(Json)
}

/// Waits until something happened, or the time is over: that is an answer too.
async fn later_snapshot(botnet: Arc<Botnet>, after: u64, wait: Duration) -> Result<Snapshot, Refusal> {
    if botnet.surroundings().apart.is_empty() {
        let mut watch = botnet.activity().watch();
        let _ = tokio::time::timeout(wait, watch.wait_for(|count| *count > after)).await;
        return blocking(move || botnet.snapshot()).await;
    }
    // What happens in other processes is not heard of here, so they are asked again and again.
    let deadline = Instant::now() + wait;
    let [mut rest, longest] = ASK_AGAIN;
    loop {
        let (own, asked) = (botnet.activity().count(), Arc::clone(&botnet));
        let snapshot = blocking(move || asked.snapshot()).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if snapshot.activity > after || left.is_zero() {
            return Ok(snapshot);
        }
        let mut watch = botnet.activity().watch();
        let _ = tokio::time::timeout(left.min(rest), watch.wait_for(|count| *count > own)).await;
        rest = (rest * 2).min(longest);
    }
}

/// Makes every resting collector begin its next round now.
#[utoipa::path(post, path = "/v1/botnet/run", responses((status = 200, body = Snapshot)))]
async fn run_collectors(State(service): State<Service>) -> Answer<Snapshot> {
    blocking(move || {
        service.botnet.run_collectors();
        service.botnet.snapshot()
    })
    .await
    .map(Json)
}

/// Ends the botnet after the messages in hand.
#[utoipa::path(post, path = "/v1/botnet/shutdown", responses((status = 200, body = Changed)))]
async fn shut_down(State(service): State<Service>) -> Json<Changed> {
    service.end.notify_one();
    Json(Changed { count: 1 })
}

/// Does something to one bot and returns once it is done.
#[utoipa::path(
    post, path = "/v1/bots/{bot}/{action}",
    params(("bot" = String, Path, description = "the bot's id"), ("action" = BotAction, Path, description = "what to do")),
    responses((status = 200, body = Snapshot))
)]
async fn act(
    State(service): State<Service>,
    Path((bot, action)): Path<(String, BotAction)>,
) -> Answer<Snapshot> {
    blocking(move || service.botnet.act(&bot, action).and_then(|()| service.botnet.snapshot()))
        .await
        .map(Json)
}

/// The dumped messages of a bot, oldest first.
#[utoipa::path(
    get, path = "/v1/bots/{bot}/dump", params(("bot" = String, Path, description = "the bot's id")),
    responses((status = 200, body = Vec<DumpEntry>))
)]
async fn dump(State(service): State<Service>, Path(bot): Path<String>) -> Answer<Vec<DumpEntry>> {
    blocking(move || dumps::list(&service.botnet, &bot)).await.map(Json)
}

/// Puts dumped messages back into a queue, repaired if asked, and removes them from the dump.
#[utoipa::path(
    post, path = "/v1/bots/{bot}/dump/requeue", params(("bot" = String, Path, description = "the bot's id")),
    request_body = Requeue, responses((status = 200, body = Changed))
)]
async fn requeue(
    State(service): State<Service>,
    Path(bot): Path<String>,
    Json(what): Json<Requeue>,
) -> Answer<Changed> {
    blocking(move || dumps::requeue(&service.botnet, &bot, &what)).await.map(Json)
}

/// Removes dumped messages; an empty list means all.
#[utoipa::path(
    post, path = "/v1/bots/{bot}/dump/delete", params(("bot" = String, Path, description = "the bot's id")),
    request_body = Vec<String>, responses((status = 200, body = Changed))
)]
async fn delete_dump(
    State(service): State<Service>,
    Path(bot): Path<String>,
    Json(ids): Json<Vec<String>>,
) -> Answer<Changed> {
    blocking(move || dumps::delete(&service.botnet, &bot, &ids)).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    /// Only lines of this bot.
    bot: Option<String>,
    /// Lines after this position; 0 is the start.
    after: Option<u64>,
    /// How many to return, at most.
    max: Option<usize>,
}

/// Log lines, oldest first.
#[utoipa::path(get, path = "/v1/log", params(LogQuery), responses((status = 200, body = LogPage)))]
async fn log(State(service): State<Service>, Query(query): Query<LogQuery>) -> Answer<LogPage> {
    let range = (query.after.unwrap_or(0), query.max.unwrap_or(1000).min(20_000));
    blocking(move || service.botnet.log(query.bot.as_deref(), range)).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct JournalQuery {
    /// Entries after this position; 0 is the start.
    after: Option<u64>,
    /// How many to return, at most.
    max: Option<usize>,
}

/// What bots did with messages, in the order it was committed.
#[utoipa::path(get, path = "/v1/journal", params(JournalQuery), responses((status = 200, body = JournalPage)))]
async fn journal(State(service): State<Service>, Query(query): Query<JournalQuery>) -> Answer<JournalPage> {
    let range = (query.after.unwrap_or(0), query.max.unwrap_or(1000).min(10_000));
    blocking(move || service.botnet.journal(range)).await.map(Json)
}
