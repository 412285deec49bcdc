//! Runs the botnet in one process on this machine, which outlives the program that started it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::{Identity, Process};
use super::{Site, Target, TargetError};
use crate::plan::{Plan, PlanFile};
use crate::runtime::control::{Client, ControlError, SocketAddress};

/// How long the supervisor may take until its control service answers.
const READY: Duration = Duration::from_secs(30);
/// How long it may take to finish the messages in hand when it is ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one that does not answer any more may take until it is gone.
const DYING: Duration = Duration::from_secs(2);

/// The longest rest between two looks at the control service while it starts.
const LOOK: Duration = Duration::from_millis(4);

const SOCKET: &str = "control.sock";
const LOG: &str = "log/supervisor.log";
/// Who the supervisor is.
const RECORD: &str = "supervisor.json";
/// The supervisor's standard input: an empty file by which it is found if the record was never written.
const INPUT: &str = "supervisor.input";

/// The target `local`.
#[derive(Debug)]
pub struct Local;

/// Returns what the binary is called with to run a lab's botnet.
///
/// The supervisor makes a session of its own at its start: it cannot be a group leader for that, so its parent does not make it one.
fn arguments(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut arguments = vec!["botnet".into(), "run".into(), folder.join("etc/runtime.yaml").into()];
    for (option, value) in [("--state", folder.join("state")), ("--lab", folder.to_owned())] {
        arguments.extend([option.into(), value.into()]);
    }
    arguments
}

impl Target for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn render(&self, plan: &Plan) -> Result<Vec<PlanFile>, TargetError> {
        Ok(plan.files.clone())
    }

    fn up(&self, site: &Site) -> Result<Client, TargetError> {
        if let Some(process) = supervisor(site) {
            let ready = wait_until_ready(site, &process).and_then(|()| self.client(site));
            let answer = ready.and_then(|client| Ok(client.snapshot().map(|_| client)?));
            match answer {
                // One that was killed this moment still looks alive.
                Err(TargetError::Died { .. }) => {}
                Err(TargetError::Control(ControlError::Unreachable { .. })) if process.ends_within(DYING) => {
                }
                answer => return answer,
            }
        }
        let process = start(site)?;
        wait_until_ready(site, &process)?;
        self.client(site)
    }

    fn down(&self, site: &Site) -> Result<(), TargetError> {
        if let Some(identity) = identity(site)
            && let Some(process) = Process::open(identity)
            && !process.end(PATIENCE)
        {
            return Err(TargetError::Undead { lab: site.lab.clone(), pid: identity.pid });
        }
        for name in [RECORD, INPUT, SOCKET] {
            remove(&site.folder.join(name))?;
        }
        Ok(())
    }

    fn runs(&self, site: &Site) -> Result<bool, TargetError> {
        Ok(supervisor(site).is_some())
    }

    fn client(&self, site: &Site) -> Result<Client, TargetError> {
        Ok(Client::new(&site.folder.join(SOCKET))?)
    }

    fn logs(&self, site: &Site, most: usize) -> Result<Vec<String>, TargetError> {
        let path = site.folder.join(LOG);
        last_lines(&path, most).map_err(|cause| file_error(&path, cause))
    }
}

/// Finds the lab's supervisor, if it runs.
fn supervisor(site: &Site) -> Option<Process> {
    identity(site).and_then(Process::open)
}

fn identity(site: &Site) -> Option<Identity> {
    let record =
        fs::read(site.folder.join(RECORD)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // A program that was killed between starting the supervisor and writing this down leaves no record.
    record.or_else(|| Identity::with_input(&site.folder.join(INPUT)))
}

fn start(site: &Site) -> Result<Process, TargetError> {
    let at = |name: &str| site.folder.join(name);
    remove(&at(RECORD))?;
    remove(&at(SOCKET))?;
    let input = open(&at(INPUT), OpenOptions::new().read(true).write(true).create(true).truncate(true))?;
    let log = open(&at(LOG), OpenOptions::new().append(true).create(true))?;
    let errors = log.try_clone().map_err(|cause| file_error(&at(LOG), cause))?;
    let mut command = Command::new(&site.program);
    command.args(arguments(&site.folder)).current_dir(&site.folder);
    command.stdin(input).stdout(Stdio::from(log)).stderr(Stdio::from(errors));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("INTELMQ_")) {
        command.env_remove(name);
    }
    let child = command
        .spawn()
        .map_err(|cause| TargetError::Start { program: site.program.display().to_string(), cause })?;
    let died = || TargetError::Died { lab: site.lab.clone(), log: tail(site) };
    let identity = Identity::of(child.id()).ok_or_else(died)?;
    let record = serde_json::to_vec(&identity).map_err(|error| file_error(&at(RECORD), error.into()))?;
    fs::write(at(RECORD), record).map_err(|cause| file_error(&at(RECORD), cause))?;
    Process::open(identity).ok_or_else(died)
}

/// Waits until the control service answers, the supervisor has ended, or it is too late.
fn wait_until_ready(site: &Site, process: &Process) -> Result<(), TargetError> {
    let socket = site.folder.join(SOCKET);
    let address = SocketAddress::new(&socket).map_err(|cause| file_error(&socket, cause))?;
    let deadline = Instant::now() + READY;
    let mut rest = Duration::from_micros(500);
    while UnixStream::connect(address.path()).is_err() {
        if process.ends_within(rest) {
            return Err(TargetError::Died { lab: site.lab.clone(), log: tail(site) });
        }
        if site.interrupted() {
            return Err(TargetError::Interrupted);
        }
        if Instant::now() > deadline {
            return Err(TargetError::NotReady {
                lab: site.lab.clone(),
                seconds: READY.as_secs(),
                log: tail(site),
            });
        }
        rest = (rest * 2).min(LOOK);
    }
    Ok(())
}

fn tail(site: &Site) -> Vec<String> {
    last_lines(&site.folder.join(LOG), 20).unwrap_or_default()
}

/// Returns the last lines of a file, of which it reads no more than it needs to.
fn last_lines(path: &Path, most: usize) -> io::Result<Vec<String>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most as u64 * 1000)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(most)..].iter().map(ToString::to_string).collect())
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<File, TargetError> {
    options.mode(0o600).open(path).map_err(|cause| file_error(path, cause))
}

fn remove(path: &Path) -> Result<(), TargetError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(file_error(path, cause)),
        _ => Ok(()),
    }
}

fn file_error(path: &Path, cause: io::Error) -> TargetError {
    TargetError::File { path: path.display().to_string(), cause }
}
