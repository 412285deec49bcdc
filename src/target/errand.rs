//! Another process of this program that does one thing and goes on when this one ends.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Site, TargetError};

/// Where it writes, in the lab's folder.
const LOG: &str = "errand.log";

/// A command that another process runs.
#[derive(Debug)]
pub struct Errand {
    child: Child,
    log: PathBuf,
}

impl Errand {
    /// Starts a command of this program, in a group of its own, so that nobody ends both at once.
    pub fn start(site: &Site, arguments: &[OsString]) -> Result<Self, TargetError> {
        let log = site.folder.join(LOG);
        let failed = |cause| TargetError::File { path: log.display().to_string(), cause };
        // A pipe would end it together with who reads the pipe.
        let errors = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&log);
        let mut command = Command::new(&site.program);
        command.args(arguments).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors.map_err(failed)?);
        let program = site.program.display().to_string();
        let child = command.spawn().map_err(|cause| TargetError::Start { program, cause })?;
        Ok(Errand { child, log })
    }

    /// Waits until it is over; the error is what it wrote.
    pub fn wait(mut self) -> Result<(), String> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                let text = fs::read_to_string(&self.log).unwrap_or_default();
                Err(if text.trim().is_empty() { format!("it ended with {status}") } else { text })
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
