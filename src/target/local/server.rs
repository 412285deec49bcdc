//! The servers of brokers that a lab on this machine can bring along: one file each, and its line in [`SERVERS`].
//!
//! A server is a child on loopback ports of its own, with its data in the lab's folder and a password that only the lab
//! knows. It is ended with the lab.

#[cfg(feature = "kafka")]
mod kafka_server;
#[cfg(feature = "rabbitmq")]
mod rabbitmq_server;
mod redis_server;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::daemon::{Daemon, file_error};
use super::super::machine::{Machine, this_machine};
use super::super::process::Process;
use super::super::{Missing, Needs, Site, TargetError};
use crate::broker::{BrokerError, BrokerKind, Member, PREFIX, Settings, SyncMode, Url};
use crate::plan::{Choice, Plan, PlanFile};

/// Every server that can be started here.
const SERVERS: &[&dyn Server] = &[
    &redis_server::Redis,
    #[cfg(feature = "rabbitmq")]
    &rabbitmq_server::RabbitMq,
    #[cfg(feature = "kafka")]
    &kafka_server::Kafka,
];

/// The server's own files stand here, below the lab's folder.
const FOLDER: &str = "broker";
/// What the server is given, so that it can be started again.
const SEAT: &str = "broker/seat.json";
/// The address of the broker, for those who use it.
pub(super) const URL: &str = "broker/url";

/// A server that is started beside the botnet.
trait Server: Sync {
    /// The broker's name.
    fn broker(&self) -> &'static str;

    /// The ports that it listens on, with what stands for each in an example; the broker's own comes first.
    fn ports(&self) -> &'static [(&'static str, u16)];

    /// Returns the address by which bots reach it. Pure.
    fn url(&self, seat: &Seat) -> Url;

    /// Returns the files that it reads, below the lab's folder. Pure.
    fn files(&self, seat: &Seat) -> Vec<PlanFile>;

    /// Finds its program on this machine.
    fn find(&self, seat: &Seat, machine: &Machine<'_>) -> Result<Command, Missing>;

    /// How long it may take until it answers.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How long it may take until it has ended; then it is ended by force.
    fn farewell(&self) -> Duration {
        self.patience()
    }
}

/// What a server is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seat {
    /// The broker's name.
    broker: String,
    /// The lab's folder.
    folder: PathBuf,
    /// Where it listens on 127.0.0.1, by the names of its ports.
    ports: BTreeMap<String, u16>,
    /// What lets one in.
    password: String,
}

impl Seat {
    fn port(&self, name: &str) -> u16 {
        self.ports.get(name).copied().unwrap_or_default()
    }

    /// Returns the path of a file of the server's.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(FOLDER).join(name)
    }
}

fn server(broker: &str) -> Option<&'static dyn Server> {
    SERVERS.iter().copied().find(|server| server.broker() == broker)
}

/// Says what has to be reserved for a choice, or what this machine lacks for it.
pub(super) fn needs(choice: &Choice) -> Result<Needs, TargetError> {
    if choice.url.is_some() || !choice.broker.is_networked() {
        return Ok(Needs::default());
    }
    let broker = choice.broker.name;
    let server = server(broker).ok_or_else(|| {
        let problem = format!("this version cannot start {broker} on this machine");
        TargetError::NoServer(Missing { broker, problem, ways: Vec::new() })
    })?;
    let seat = seat(server, Path::new("/"), &crate::plan::ServerGiven::default());
    server.find(&seat, &this_machine()).map_err(TargetError::NoServer)?;
    Ok(Needs { ports: server.ports().iter().map(|(name, _)| (*name).to_owned()).collect(), password: true })
}

fn seat(server: &dyn Server, folder: &Path, given: &crate::plan::ServerGiven) -> Seat {
    let port = |(name, example): &(&str, u16)| {
        ((*name).to_owned(), given.ports.get(*name).copied().unwrap_or(*example))
    };
    Seat {
        broker: server.broker().to_owned(),
        folder: folder.to_owned(),
        ports: server.ports().iter().map(port).collect(),
        password: given.password.clone().unwrap_or_else(|| "SECRET-broker".to_owned()),
    }
}

/// Returns the files of a plan's broker. Pure.
pub(super) fn render(plan: &Plan) -> Vec<PlanFile> {
    let text = |path: &str, url: &Url| PlanFile {
        path: path.to_owned(),
        content: format!("{}\n", url.to_secret()).into_bytes(),
    };
    if let Some(url) = &plan.choice.url {
        return vec![text(URL, &shared(url, &plan.lab))];
    }
    let Some(server) = server(plan.choice.broker.name) else { return Vec::new() };
    let seat = seat(server, &plan.folder, &plan.server);
    let mut files = server.files(&seat);
    files.push(text(URL, &server.url(&seat)));
    let content = serde_json::to_vec_pretty(&seat).unwrap_or_default();
    files.push(PlanFile { path: SEAT.to_owned(), content });
    files
}

/// Returns the address of a server that others use, too: there all names of the lab begin with its own.
fn shared(url: &Url, lab: &str) -> Url {
    let mut url = url.clone();
    url.options.entry(PREFIX.to_owned()).or_insert_with(|| format!("{lab}."));
    url
}

/// Brings the lab's server up, if it has one; returns once it answers.
pub(super) fn up(site: &Site) -> Result<(), TargetError> {
    let Some((server, seat)) = planned(site)? else { return Ok(()) };
    let kind = BrokerKind::named(server.broker());
    let url = server.url(&seat);
    let daemon = Daemon::new(site, FOLDER);
    let wait = |process: &Process| {
        daemon.wait(process, server.patience(), || {
            kind.as_ref().is_ok_and(|kind| ask(kind, &url, site).is_ok())
        })
    };
    if let Some(process) = daemon.find() {
        match wait(&process) {
            // One that was killed this moment still looks alive.
            Err(TargetError::Died { .. }) => {}
            waited => return waited,
        }
    }
    let mut command = server.find(&seat, &this_machine()).map_err(TargetError::NoServer)?;
    // Ctrl-C in the terminal ends what stands in front of it, and not what the lab goes on with.
    command.process_group(0);
    wait(&daemon.start(command)?)
}

/// Asks a broker something that only its server knows: which queues there are some know by themselves.
fn ask(kind: &BrokerKind, url: &Url, site: &Site) -> Result<(), BrokerError> {
    let broker = kind.opened(&Settings {
        url: url.clone(),
        folder: site.folder.join(FOLDER).join("probe"),
        sync: SyncMode::Never,
        process: Member::alone("probe"),
    })?;
    broker.queues().and_then(|_| broker.depth("probe")).map(drop)
}

/// Makes sure that a broker answers that runs already, if the lab has one.
pub(super) fn reach(site: &Site) -> Result<(), TargetError> {
    let Some((kind, url)) = shared_broker(site)? else { return Ok(()) };
    ask(kind, &url, site).map_err(|error| {
        let (BrokerError::Unavailable { problem, .. } | BrokerError::Refused { problem, .. }) = error;
        let mut shown = url.clone();
        shown.options.remove(PREFIX);
        TargetError::NoBroker { url: shown.to_string(), problem }
    })
}

/// Returns the broker of a lab that is not its own, and its address there.
fn shared_broker(site: &Site) -> Result<Option<(&'static BrokerKind, Url)>, TargetError> {
    if planned(site)?.is_some() {
        return Ok(None);
    }
    let Ok(text) = fs::read_to_string(site.folder.join(URL)) else { return Ok(None) };
    let url = Url::parse(text.trim()).ok();
    Ok(url.and_then(|url| Some((BrokerKind::of_url(&url).ok()?, url))))
}

/// Ends the lab's server, if one runs.
pub(super) fn down(site: &Site) -> Result<(), TargetError> {
    erase(site)?;
    let farewell =
        planned(site).ok().flatten().map_or(Duration::from_secs(10), |(server, _)| server.farewell());
    Daemon::new(site, FOLDER).end(farewell)
}

/// Removes what the lab has left on a server that is not its own, unless that is gone.
///
/// Without a prefix nobody could tell what is the lab's, and all of it stays.
fn erase(site: &Site) -> Result<(), TargetError> {
    let Ok(Some((kind, url))) = shared_broker(site) else { return Ok(()) };
    if url.option(PREFIX).is_none_or(str::is_empty) {
        return Ok(());
    }
    let settings = Settings {
        url,
        folder: site.folder.join("state"),
        sync: SyncMode::Never,
        process: Member::alone(&site.lab),
    };
    match kind.opened(&settings).and_then(|broker| broker.erase("")) {
        Err(BrokerError::Refused { broker, problem }) => {
            let path = site.folder.join(URL);
            Err(file_error(&path, std::io::Error::other(format!("{broker}: {problem}"))))
        }
        Ok(()) | Err(BrokerError::Unavailable { .. }) => Ok(()),
    }
}

/// Tells whether the lab's server runs, or it has none.
pub(super) fn runs(site: &Site) -> Result<bool, TargetError> {
    Ok(planned(site)?.is_none() || Daemon::new(site, FOLDER).find().is_some())
}

/// Returns the server that was planned for a lab, if one was.
fn planned(site: &Site) -> Result<Option<(&'static dyn Server, Seat)>, TargetError> {
    let path = site.folder.join(SEAT);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|cause| file_error(&path, cause))?,
    };
    let seat: Seat = serde_json::from_slice(&bytes).map_err(|error| file_error(&path, error.into()))?;
    Ok(server(&seat.broker).map(|server| (server, seat)))
}

/// Makes the error about a program that is not here.
fn missing(broker: &'static str, problem: &str) -> Missing {
    let ways = vec![
        format!("install it: `scripts/brokers {broker}` does so on Debian"),
        "or name one that runs already with --broker-url URL".to_owned(),
    ];
    Missing { broker, problem: problem.to_owned(), ways }
}
