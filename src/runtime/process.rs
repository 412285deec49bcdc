//! One process that runs a botnet until it is told to stop: `botnet run`, and the supervisor of a local lab.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::Router;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::Notify;

use super::apart;
use super::apart::Apart;
use super::botnet::Botnet;
use super::control::{Api, Control, Door, Listen, serve};
use super::error::BotnetError;
use super::format;
use super::journal::Journal;
use super::log::{Destination, Logger, SELF};
use super::reporter::Reporter;
use super::surroundings::{Queues, Surroundings};
use crate::bots::Level;
use crate::broker::BrokerError;
use crate::diagnostic::{Source, Style, render};
use crate::message::Idf;
use crate::pipeline::Environment;
use crate::service::{Place, ServiceError, Services};
use crate::whole;

/// How long a process with a single bot waits before it looks whether its runtime file has changed.
const LOOK: Duration = Duration::from_secs(1);

/// Says in a lab's folder where its control service is.
const API: &str = "api.json";

/// What to run, and where.
pub struct Run {
    /// The runtime file.
    pub file: PathBuf,
    /// The folder that IntelMQ calls the state path.
    pub state: PathBuf,
    /// Where log lines go; dumps stand in its folder, or in `state/log`.
    pub log: Destination,
    /// Where the queues are.
    pub queues: Queues,
    /// The only bot that runs in this process; it reloads when the runtime file changes. Outside labs the process ends with it.
    pub only: Option<String>,
    /// The bots of a lab that run in processes of their own.
    pub apart: BTreeSet<String>,
    /// Variables that override parameters.
    pub environment: Environment,
    /// The lab's folder: it gets a control service and a journal.
    pub lab: Option<PathBuf>,
    /// Where the control service and the services of the lab listen.
    pub place: Place,
    /// The control service's port; 0 is that of the lab's process before this one, or any.
    pub port: u16,
    /// More routes for the control service's port.
    pub beside: Option<Router>,
}

/// Why a botnet could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration or the broker.
    #[error(transparent)]
    Botnet(#[from] BotnetError),
    /// The broker could not be opened.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A service of the lab.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// A file or the system.
    #[error("{what}: {error}")]
    System {
        /// Which file or step.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

fn system(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> RunError {
    move |error| RunError::System { what: what.to_string(), error }
}

/// Runs a botnet until SIGTERM, SIGINT or a request ends it; SIGHUP reloads the runtime file.
pub fn run(run: Run) -> Result<(), RunError> {
    // Taken before anything starts, so that a signal during the start is not lost.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(system("signals"))?;
    let text = std::fs::read_to_string(&run.file).map_err(system(run.file.display()))?;
    let source = Source::new(run.file.display().to_string(), text);
    let log = run.log.folder.clone().unwrap_or_else(|| run.state.join("log"));
    let own_journal = |lab: &Path| match &run.only {
        Some(bot) => apart::journal(&log, bot),
        None => lab.join("log/journal.jsonl"),
    };
    let journal = run.lab.as_deref().map(|lab| Arc::new(Journal::new(&own_journal(lab))));
    // A bot that runs for itself leaves what is the lab's to the lab's agent.
    let agents = run.lab.as_deref().filter(|_| run.only.is_none());
    let surroundings = Surroundings {
        queues: run.queues,
        only: run.only.clone(),
        apart: Arc::new(Apart::new(run.apart, &run.state, &log)),
        idf: format::read(&run.file)?.unwrap_or_else(Idf::builtin),
        environment: run.environment,
        state: run.state,
        log,
        logger: Arc::new(Logger::new(run.log)),
        journal,
        file: run.file,
    };
    // Before the botnet, so that no collector finds a door closed, and after it is its end.
    let services = agents.map(|lab| Services::start_at(lab, &run.place)).transpose()?.map(Arc::new);
    let before = agents.and_then(address_before);
    if let Some(lab) = agents {
        // Until this process listens it would lead to a port that is somebody else's.
        let _ = std::fs::remove_file(lab.join(API));
    }
    let botnet = Botnet::start(&source, surroundings)?;
    let end = Arc::new(Notify::new());
    let inside = services.clone().unwrap_or_default();
    let door = Door { address: run.place.address, port: run.port, token: String::new(), beside: run.beside };
    let control = match (&run.lab, agents) {
        (_, Some(lab)) => Some(control(&botnet, lab, (inside, door), before, &end)?),
        (Some(lab), None) => Some(control_of_one(&botnet, lab, &end)?),
        (None, None) => None,
    };
    let reporter = Reporter::start(&botnet);
    let ended = wait_for_end(&botnet, signals, end);
    botnet.surroundings().logger.log(SELF, Level::Info, "Stopping the botnet.");
    botnet.shut_down();
    reporter.stop();
    if let Some(control) = control {
        control.stop();
    }
    ended.map_err(RunError::Botnet)
}

/// Reads where the lab's process before this one listened, and its token: then a page that is open goes on.
fn address_before(lab: &Path) -> Option<(u16, String)> {
    let Api { url, token } = serde_json::from_slice(&std::fs::read(lab.join(API)).ok()?).ok()?;
    let port = url.rsplit_once(':')?.1.parse().ok()?;
    let is_token = token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then_some((port, token))
}

/// Starts the control service of a lab and writes `api.json`, by which others find it.
fn control(
    botnet: &Arc<Botnet>,
    lab: &Path,
    (services, door): (Arc<Services>, Door),
    before: Option<(u16, String)>,
    end: &Arc<Notify>,
) -> Result<Control, RunError> {
    let (port, token) = match before {
        Some(before) => before,
        None => (0, random_token().map_err(system("random token"))?),
    };
    let port = if door.port == 0 { port } else { door.port };
    let door = Some(Door { port, token: token.clone(), ..door });
    let (root, socket) = (lab.to_owned(), lab.join("control.sock"));
    let listen = Listen { root, socket, services, door };
    let (control, port) = serve(botnet.clone(), listen, end.clone()).map_err(system("control service"))?;
    let api = Api { url: format!("http://127.0.0.1:{}", port.unwrap_or_default()), token };
    let text = serde_json::to_string(&api).map_err(std::io::Error::from);
    text.and_then(|text| whole::replace(&lab.join(API), format!("{text}\n").as_bytes(), 0o600))
        .map_err(system(API))?;
    Ok(control)
}

/// Starts the control service of a bot that runs for itself, on a socket where the lab's agent finds it.
fn control_of_one(botnet: &Arc<Botnet>, lab: &Path, end: &Arc<Notify>) -> Result<Control, RunError> {
    let Surroundings { state, only, .. } = botnet.surroundings();
    let socket = apart::socket(state, only.as_deref().unwrap_or_default());
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder).map_err(system(folder.display()))?;
    }
    let listen = Listen { root: lab.to_owned(), socket, services: Arc::default(), door: None };
    let served = serve(botnet.clone(), listen, end.clone()).map_err(system("control service"));
    served.map(|(control, _)| control)
}

/// Why a process looks up from waiting.
enum Call {
    Reload,
    End,
}

/// Waits until a signal or a request ends the botnet, or its only bot has ended.
fn wait_for_end(botnet: &Arc<Botnet>, mut signals: Signals, end: Arc<Notify>) -> Result<(), BotnetError> {
    let (calls, called) = mpsc::channel();
    // Both threads wait for what may never come; then they end with the process.
    let sender = calls.clone();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let _ = sender.send(if signal == SIGHUP { Call::Reload } else { Call::End });
        }
    });
    let watched = botnet.clone();
    let Surroundings { only, journal, .. } = botnet.surroundings();
    let only = only.is_some();
    // In a lab it waits to be started again.
    let ends = only && journal.is_none();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
        runtime.block_on(async {
            let mut activity = watched.activity().watch();
            while !ends || watched.ended().is_none() {
                tokio::select! {
                    () = end.notified() => break,
                    changed = activity.changed(), if ends => if changed.is_err() { break },
                }
            }
        });
        let _ = calls.send(Call::End);
    });
    let file = &botnet.surroundings().file;
    let mut seen = version(file);
    loop {
        let call = if only { called.recv_timeout(LOOK) } else { called.recv().map_err(Into::into) };
        match call {
            Ok(Call::End) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if version(file) == seen => continue,
            Err(RecvTimeoutError::Timeout) if is_in_use(botnet, file) => {}
            Ok(Call::Reload) | Err(RecvTimeoutError::Timeout) => reload(botnet),
        }
        seen = version(file);
    }
    if ends { botnet.ended().unwrap_or(Ok(())) } else { Ok(()) }
}

/// Returns what changes whenever somebody writes a file.
fn version(file: &Path) -> Option<(u64, u64, i64, i64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

/// Tells whether a runtime file says what is in use; one that is missing at the moment says nothing else.
fn is_in_use(botnet: &Botnet, file: &Path) -> bool {
    std::fs::read_to_string(file).map_or(true, |text| text == botnet.configuration().text)
}

fn reload(botnet: &Botnet) {
    let Err(error) = botnet.reload() else { return };
    let mut text = format!("Reload refused, the old configuration goes on: {error}");
    if let BotnetError::Invalid(complaints) = &error {
        text.push('\n');
        text.push_str(&render(complaints, Style::Plain));
    }
    for line in text.lines().filter(|line| !line.is_empty()) {
        botnet.surroundings().logger.log(SELF, Level::Error, line);
    }
}

/// Makes a token that nobody can guess: 128 bits from the system, in hex.
pub fn random_token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
