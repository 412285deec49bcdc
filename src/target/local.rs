//! Runs the botnet in one process on this machine, which outlives the program that started it, and the broker beside it.

mod server;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::daemon::{Daemon, file_error, remove};
use super::process::Process;
use super::{Needs, Site, Target, TargetError};
use crate::plan::{Choice, Plan, PlanFile};
use crate::runtime::control::{Client, ControlError, SocketAddress};

/// How long the supervisor may take until its control service answers.
const READY: Duration = Duration::from_secs(30);
/// How long it may take to finish the messages in hand when it is ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one that does not answer any more may take until it is gone.
const DYING: Duration = Duration::from_secs(2);

const SOCKET: &str = "control.sock";
/// The process that runs the botnet.
const SUPERVISOR: &str = "supervisor";

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
    let url = folder.join(server::URL);
    if url.exists() {
        // It stands in a file, so that its password stands on no command line.
        let mut at = std::ffi::OsString::from("@");
        at.push(url);
        arguments.extend(["--broker-url".into(), at]);
    }
    arguments
}

impl Target for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn render(&self, plan: &Plan) -> Result<Vec<PlanFile>, TargetError> {
        let mut files = plan.files.clone();
        files.extend(server::render(plan));
        Ok(files)
    }

    fn needs(&self, choice: &Choice) -> Result<Needs, TargetError> {
        server::needs(choice)
    }

    fn up(&self, site: &Site) -> Result<Client, TargetError> {
        server::up(site)?;
        if let Some(process) = Daemon::new(site, SUPERVISOR).find() {
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
        server::reach(site)?;
        let process = start(site)?;
        wait_until_ready(site, &process)?;
        self.client(site)
    }

    fn down(&self, site: &Site) -> Result<(), TargetError> {
        let supervisor = Daemon::new(site, SUPERVISOR);
        if supervisor.is_this_process() {
            return Err(TargetError::Itself { lab: site.lab.clone() });
        }
        supervisor.end(PATIENCE)?;
        remove(&site.folder.join(SOCKET))?;
        server::down(site)
    }

    fn runs(&self, site: &Site) -> Result<bool, TargetError> {
        Ok(Daemon::new(site, SUPERVISOR).find().is_some() && server::runs(site)?)
    }

    fn client(&self, site: &Site) -> Result<Client, TargetError> {
        Ok(Client::new(&site.folder.join(SOCKET))?)
    }

    fn logs(&self, site: &Site, most: usize) -> Result<Vec<String>, TargetError> {
        Daemon::new(site, SUPERVISOR).logs(most)
    }
}

fn start(site: &Site) -> Result<Process, TargetError> {
    remove(&site.folder.join(SOCKET))?;
    let mut command = Command::new(&site.program);
    command.args(arguments(&site.folder));
    Daemon::new(site, SUPERVISOR).start(command)
}

/// Waits until the control service answers, the supervisor has ended, or it is too late.
fn wait_until_ready(site: &Site, process: &Process) -> Result<(), TargetError> {
    let socket = site.folder.join(SOCKET);
    let address = SocketAddress::new(&socket).map_err(|cause| file_error(&socket, cause))?;
    Daemon::new(site, SUPERVISOR).wait(process, READY, || UnixStream::connect(address.path()).is_ok())
}
