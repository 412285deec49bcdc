//! A program of a lab that outlives the program that started it: how it is started, found again and ended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::{Identity, Process};
use super::{Site, TargetError};

/// One program of a lab. `NAME.json` in the lab's folder says who it is, `log/NAME.log` takes what it writes.
pub(super) struct Daemon<'a> {
    site: &'a Site,
    name: &'static str,
}

impl<'a> Daemon<'a> {
    pub(super) fn new(site: &'a Site, name: &'static str) -> Self {
        Daemon { site, name }
    }

    /// Finds the program, if it runs.
    pub(super) fn find(&self) -> Option<Process> {
        self.identity().and_then(Process::open)
    }

    /// Tells whether it is this program that asks.
    pub(super) fn is_this_process(&self) -> bool {
        let own = Identity::of(std::process::id());
        own.is_some_and(|own| {
            self.identity().is_some_and(|it| (it.pid, it.started) == (own.pid, own.started))
        })
    }

    fn identity(&self) -> Option<Identity> {
        let record = fs::read(self.record()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        // A program that was killed between starting this one and writing that down leaves no record.
        record.or_else(|| Identity::with_input(&self.input()))
    }

    /// Starts it, with the variables of IntelMQ left out of its environment.
    pub(super) fn start(&self, mut command: Command) -> Result<Process, TargetError> {
        remove(&self.record())?;
        let all = &mut OpenOptions::new();
        let input = open(&self.input(), all.read(true).write(true).create(true).truncate(true))?;
        let log = open(&self.log(), OpenOptions::new().append(true).create(true))?;
        let errors = log.try_clone().map_err(|cause| file_error(&self.log(), cause))?;
        command.current_dir(&self.site.folder);
        command.stdin(input).stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("INTELMQ_"))
        {
            command.env_remove(name);
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|cause| TargetError::Start { program, cause })?;
        let died = || TargetError::Died { lab: self.site.lab.clone(), what: self.name, log: self.tail() };
        let identity = Identity::of(child.id()).ok_or_else(died)?;
        let record =
            serde_json::to_vec(&identity).map_err(|error| file_error(&self.record(), error.into()))?;
        fs::write(self.record(), record).map_err(|cause| file_error(&self.record(), cause))?;
        Process::open(identity).ok_or_else(died)
    }

    /// Ends it if it runs, and forgets it.
    pub(super) fn end(&self, patience: Duration) -> Result<(), TargetError> {
        self.end_one(patience)?;
        remove(&self.record())?;
        remove(&self.input())
    }

    fn end_one(&self, patience: Duration) -> Result<(), TargetError> {
        if let Some(identity) = self.identity()
            && let Some(process) = Process::open(identity)
            && !process.end(patience)
        {
            return Err(TargetError::Undead { lab: self.site.lab.clone(), pid: identity.pid });
        }
        Ok(())
    }

    /// Ends it and all others that have its standard input, such as programs that it started.
    pub(super) fn end_all(&self, patience: Duration) -> Result<(), TargetError> {
        self.end_one(patience)?;
        while let Some(identity) = Identity::with_input(&self.input()) {
            if let Some(process) = Process::open(identity)
                && !process.end(patience)
            {
                return Err(TargetError::Undead { lab: self.site.lab.clone(), pid: identity.pid });
            }
        }
        remove(&self.record())?;
        remove(&self.input())
    }

    /// Waits until something holds, the program has ended, or it is too late.
    pub(super) fn wait(
        &self,
        process: &Process,
        limit: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> Result<(), TargetError> {
        let (lab, what) = (self.site.lab.clone(), self.name);
        let deadline = std::time::Instant::now() + limit;
        let mut rest = Duration::from_micros(500);
        while !holds() {
            if process.ends_within(rest) {
                return Err(TargetError::Died { lab, what, log: self.tail() });
            }
            if self.site.interrupted() {
                return Err(TargetError::Interrupted);
            }
            if std::time::Instant::now() > deadline {
                return Err(TargetError::NotReady { lab, what, seconds: limit.as_secs(), log: self.tail() });
            }
            rest = (rest * 2).min(LOOK);
        }
        Ok(())
    }

    /// Returns the last lines that it wrote.
    pub(super) fn logs(&self, most: usize) -> Result<Vec<String>, TargetError> {
        last_lines(&self.log(), most).map_err(|cause| file_error(&self.log(), cause))
    }

    fn tail(&self) -> Vec<String> {
        last_lines(&self.log(), 20).unwrap_or_default()
    }

    fn record(&self) -> PathBuf {
        self.site.folder.join(format!("{}.json", self.name))
    }

    /// Its standard input, an empty file by which it is found if the record was never written.
    fn input(&self) -> PathBuf {
        self.site.folder.join(format!("{}.input", self.name))
    }

    fn log(&self) -> PathBuf {
        self.site.folder.join(format!("log/{}.log", self.name))
    }
}

/// The longest rest between two looks at what starts.
const LOOK: Duration = Duration::from_millis(4);

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

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), TargetError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(file_error(path, cause)),
        _ => Ok(()),
    }
}

pub(super) fn file_error(path: &Path, cause: io::Error) -> TargetError {
    TargetError::File { path: path.display().to_string(), cause }
}
