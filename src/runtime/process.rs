//! One process that runs a botnet until it is told to stop: `botnet run`, and the supervisor of a local lab.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::Notify;

use super::botnet::{Botnet, Surroundings};
use super::control::{Control, Listen, serve};
use super::error::BotnetError;
use super::format;
use super::journal::Journal;
use super::log::{Destination, Logger, SELF};
use crate::bots::Level;
use crate::broker::{Broker, BrokerError};
use crate::diagnostic::{Source, Style, render};
use crate::message::Idf;
use crate::pipeline::Environment;
use crate::service::{ServiceError, Services};
use crate::whole;

/// What to run, and where.
pub struct Run {
    /// The runtime file.
    pub file: PathBuf,
    /// The folder that IntelMQ calls the state path.
    pub state: PathBuf,
    /// Where log lines go; dumps stand in its folder, or in `state/log`.
    pub log: Destination,
    /// Where the queues are.
    pub broker: Arc<dyn Broker>,
    /// Variables that override parameters.
    pub environment: Environment,
    /// The lab's folder: it gets a control service and a journal.
    pub lab: Option<PathBuf>,
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
    let surroundings = Surroundings {
        broker: run.broker,
        idf: format::read(&run.file)?.unwrap_or_else(Idf::builtin),
        environment: run.environment,
        state: run.state,
        log,
        logger: Arc::new(Logger::new(run.log)),
        journal: run.lab.as_deref().map(|lab| Arc::new(Journal::new(&lab.join("log/journal.jsonl")))),
        file: run.file,
    };
    // Before the botnet, so that no collector finds a door closed, and after it is its end.
    let services = run.lab.as_deref().map(Services::start).transpose()?.map(Arc::new);
    if let Some(lab) = &run.lab {
        // Of a process that was killed: it would lead to a port that is somebody else's now.
        let _ = std::fs::remove_file(lab.join("api.json"));
    }
    let botnet = Botnet::start(&source, surroundings)?;
    let end = Arc::new(Notify::new());
    let inside = services.clone().unwrap_or_default();
    let control = run.lab.as_deref().map(|lab| control(&botnet, lab, inside, &end)).transpose()?;
    wait_for_end(&botnet, signals, end);
    botnet.surroundings().logger.log(SELF, Level::Info, "Stopping the botnet.");
    botnet.shut_down();
    if let Some(control) = control {
        control.stop();
    }
    Ok(())
}

/// Starts the control service of a lab and writes `api.json`, by which others find it.
fn control(
    botnet: &Arc<Botnet>,
    lab: &Path,
    services: Arc<Services>,
    end: &Arc<Notify>,
) -> Result<Control, RunError> {
    let token = random_token().map_err(system("random token"))?;
    let (root, socket) = (lab.to_owned(), lab.join("control.sock"));
    let listen = Listen { root, socket, token: token.clone(), services };
    let (control, port) = serve(botnet.clone(), listen, end.clone()).map_err(system("control service"))?;
    let api = serde_json::json!({ "url": format!("http://127.0.0.1:{port}"), "token": token });
    whole::replace(&lab.join("api.json"), format!("{api}\n").as_bytes(), 0o600)
        .map_err(system("api.json"))?;
    Ok(control)
}

fn wait_for_end(botnet: &Arc<Botnet>, mut signals: Signals, end: Arc<Notify>) {
    let handle = signals.handle();
    // Waits for a request that may never come; then the thread ends with the process.
    std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            runtime.block_on(end.notified());
            handle.close();
        }
    });
    for signal in signals.forever() {
        if signal != SIGHUP {
            break;
        }
        if let Err(error) = botnet.reload() {
            let mut text = format!("Reload refused, the old configuration goes on: {error}");
            if let BotnetError::Invalid(complaints) = &error {
                text.push('\n');
                text.push_str(&render(complaints, Style::Plain));
            }
            for line in text.lines().filter(|line| !line.is_empty()) {
                botnet.surroundings().logger.log(SELF, Level::Error, line);
            }
        }
    }
}

/// Makes a token that nobody can guess: 128 bits from the system, in hex.
pub fn random_token() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
