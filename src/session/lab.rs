//! A lab on disk: its folder, what is known of it, and who may change it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::SessionError;
use super::ports;
use crate::observe::Baseline;
use crate::plan::{Given, TARGETS, variables};
use crate::playbook::Playbook;
use crate::runtime::control::Api;
use crate::runtime::random_token;
use crate::template::Variables;
use crate::whole;

const RECORD: &str = "lab.json";
const SECRETS: &str = "secrets.json";
const API: &str = "api.json";
const PORTS: &str = "ports.json";
const LOCK: &str = "lab.lock";
const NEXT: &str = "next.json";
const KEPT: &str = "kept";
const SHOWN: &str = "shown.json";
const POSITIONS: &str = "positions.json";
const TOLD: &str = "told.jsonl";

/// How long a lock may be held by somebody who is about to let it go: a child that was being started by a program that was killed.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is known of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of this form.
    pub format: u32,
    /// The lab's name.
    pub name: String,
    /// The playbook's id.
    pub playbook: String,
    /// The folder with playbooks that was given, if one was.
    pub playbooks: Option<PathBuf>,
    /// The target.
    pub target: String,
    /// The broker.
    pub broker: String,
    /// Where the broker runs, if the target does not bring it.
    #[serde(default)]
    pub broker_url: Option<String>,
    /// How bots are spread, where the target leaves a choice.
    #[serde(default)]
    pub layout: Option<String>,
    /// Where containers log, if that was said.
    #[serde(default)]
    pub log_to: Option<String>,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// Whether it is a lab of `check`, which removes it in the end.
    pub temporary: bool,
    /// The ids of the steps that passed.
    pub passed: Vec<String>,
    /// The id of the step that was begun and did not pass.
    pub begun: Option<String>,
    /// Whether something was changed by hand since the last step.
    #[serde(default)]
    pub touched: bool,
}

/// What was there when a step that is still to come could begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Next {
    /// The id of the step.
    pub(super) step: String,
    /// What was there.
    pub(super) baseline: Baseline,
}

/// One lab on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lab {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// What is known of it.
    pub record: Record,
}

impl Lab {
    /// Reads a lab; `None` if there is none, or its making was cut short.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, SessionError> {
        let record = read_json(&folder.join(RECORD))?;
        Ok(record.map(|record| Lab { folder: folder.to_owned(), record }))
    }

    /// Writes down what is known of it.
    pub(super) fn save(&self) -> Result<(), SessionError> {
        write_json(&self.folder.join(RECORD), &self.record)
    }

    /// Returns where its REST API is, if it runs one.
    pub fn api(&self) -> Result<Option<Api>, SessionError> {
        read_json(&self.folder.join(API))
    }

    /// Returns where its own page is; a lab in containers has none but that of `serve`.
    pub fn page(&self) -> Result<Option<Api>, SessionError> {
        let facts = TARGETS.iter().find(|target| target.name == self.record.target);
        Ok(self.api()?.filter(|_| facts.is_none_or(|target| target.inside.is_none())))
    }

    /// Returns its secrets by name.
    pub fn secrets(&self) -> Result<BTreeMap<String, String>, SessionError> {
        Ok(read_json(&self.folder.join(SECRETS))?.unwrap_or_default())
    }

    /// Makes secrets for the names that have none yet, and returns all of them.
    pub(super) fn make_secrets(&self, names: &[String]) -> Result<BTreeMap<String, String>, SessionError> {
        let mut secrets = self.secrets()?;
        for name in names {
            if !secrets.contains_key(name) {
                secrets.insert(name.clone(), random_token().map_err(|cause| file("/dev/urandom", cause))?);
            }
        }
        write_json(&self.folder.join(SECRETS), &secrets)?;
        Ok(secrets)
    }

    /// Reserves ports for the names that have none yet, and returns all of them.
    ///
    /// With `check`, ports that somebody else has taken meanwhile are changed; for that nothing of the lab may run.
    pub(super) fn make_ports(
        &self,
        names: &[String],
        check: bool,
    ) -> Result<BTreeMap<String, u16>, SessionError> {
        let path = self.folder.join(PORTS);
        let known: BTreeMap<String, u16> = read_json(&path)?.unwrap_or_default();
        let mut ports = BTreeMap::new();
        for name in names {
            let port = known.get(name).copied().filter(|port| !check || ports::is_free(*port));
            let port = match port {
                Some(port) => port,
                None => ports::free(|port| ports.values().any(|taken| *taken == port))
                    .map_err(|cause| file(&path, cause))?,
            };
            ports.insert(name.clone(), port);
        }
        if ports != known {
            write_json(&path, &ports)?;
        }
        Ok(ports)
    }

    /// Writes a file of the lab, whole or not at all; only its owner may read it.
    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<(), SessionError> {
        write(&self.folder.join(path), content)
    }

    /// Makes a folder of the lab, if it is not there.
    pub(super) fn make_folder(&self, path: &str) -> Result<(), SessionError> {
        make_folder(&self.folder.join(path))
    }

    /// Remembers what is there before a step that may be done by hand.
    pub(super) fn keep_next(&self, next: &Next) -> Result<(), SessionError> {
        write_json(&self.folder.join(NEXT), next)
    }

    /// Returns what was there before a step that may have been done by hand; what cannot be read is as good as nothing.
    pub(super) fn next(&self) -> Option<Next> {
        read_json(&self.folder.join(NEXT)).ok().flatten()
    }

    /// Counts the steps of a playbook that passed, as far as they are its first ones.
    pub fn passed(&self, playbook: &Playbook) -> usize {
        let steps = playbook.steps.iter().map(|step| &step.id.value);
        steps.zip(&self.record.passed).take_while(|(step, passed)| step == passed).count()
    }

    /// Returns what templates and texts of its playbook may name; what is not known yet is as in an example.
    pub(super) fn variables(&self, playbook: &Playbook) -> Result<Variables, SessionError> {
        let secrets = self.secrets()?;
        let ports = read_json(&self.folder.join(PORTS))?.unwrap_or_default();
        Ok(variables(playbook, &Given { folder: self.folder.clone(), secrets, ports, ..Given::default() })?)
    }

    /// Keeps what the text of a step shows, block by block.
    pub(super) fn keep_shown(&self, step: &str, shown: Vec<String>) -> Result<(), SessionError> {
        let mut all = self.all_shown();
        all.insert(step.to_owned(), shown);
        write_json(&self.folder.join(SHOWN), &all)
    }

    /// Returns what the text of a step that passed shows, block by block; nothing if that is not known.
    pub(super) fn shown(&self, step: &str) -> Vec<String> {
        self.all_shown().remove(step).unwrap_or_default()
    }

    fn all_shown(&self) -> BTreeMap<String, Vec<String>> {
        read_json(&self.folder.join(SHOWN)).ok().flatten().unwrap_or_default()
    }

    /// Returns where IntelMQ Manager shall draw the bots, as it told it.
    pub fn positions(&self) -> Result<Json, SessionError> {
        Ok(read_json(&self.folder.join(POSITIONS))?.unwrap_or_else(|| Json::Object(Map::new())))
    }

    /// Keeps where IntelMQ Manager shall draw the bots.
    pub fn keep_positions(&self, positions: &Map<String, Json>) -> Result<(), SessionError> {
        write_json(&self.folder.join(POSITIONS), positions)
    }

    /// Keeps the runtime file as it is for whoever changed it by hand, and returns where; `None` if there is none.
    pub(super) fn keep_runtime(&self) -> Result<Option<PathBuf>, SessionError> {
        let path = self.folder.join("etc/runtime.yaml");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|cause| file(&path, cause))?,
        };
        self.make_folder(KEPT)?;
        let free = |path: &PathBuf| fs::read(path).map_or(true, |kept| kept == text);
        let mut paths = (1..).map(|number| self.folder.join(format!("{KEPT}/runtime-{number}.yaml")));
        let Some(kept) = paths.find(free) else { return Ok(None) };
        write(&kept, &text)?;
        Ok(Some(kept))
    }

    /// Opens the file for what a session tells, which takes the place of what the last one told.
    pub(super) fn tell(&self) -> Result<File, SessionError> {
        let path = self.folder.join(TOLD);
        let file_of = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        file_of.map_err(|cause| file(&path, cause))
    }

    /// Returns what the last session told, whoever ran it; a line that is being written is left out.
    pub fn told(&self) -> Vec<Json> {
        let text = fs::read_to_string(self.folder.join(TOLD)).unwrap_or_default();
        text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Tells whether somebody is changing the lab.
    pub fn is_busy(&self) -> bool {
        let file = File::open(self.folder.join(LOCK));
        file.is_ok_and(|file| {
            flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
        })
    }

    /// Removes everything that a botnet left; the lab itself stays, and what is known of it.
    pub(super) fn empty(&self) -> Result<(), SessionError> {
        for entry in fs::read_dir(&self.folder).map_err(|cause| file(&self.folder, cause))?.flatten() {
            let name = entry.file_name();
            if [RECORD, SECRETS, API, PORTS, LOCK, POSITIONS, KEPT, TOLD].iter().any(|kept| name == *kept) {
                continue;
            }
            remove(&entry.path())?;
        }
        Ok(())
    }
}

/// The right to change a lab; it ends when this is dropped, or the program dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child that another thread is just starting shares the file, so closing it here would not be enough.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Takes the lock of a lab's folder, which must exist.
    ///
    /// `None` if the folder is gone: then its last owner removed it.
    pub(super) fn take(folder: &Path, lab: &str) -> Result<Option<Self>, SessionError> {
        let path = folder.join(LOCK);
        loop {
            let options = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path);
            let mut held = match options {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(|cause| file(&path, cause))?,
            };
            match flock(&held, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if locked_within(&held, PATIENCE) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    let mut owner = String::new();
                    let _ = held.read_to_string(&mut owner);
                    return Err(SessionError::Busy { lab: lab.to_owned(), owner: owner.trim().parse().ok() });
                }
                Err(error) => return Err(file(&path, error.into())),
            }
            // Its owner may have removed the lab between the opening and the locking.
            let same = |there: fs::Metadata, held: fs::Metadata| {
                there.ino() == held.ino() && there.dev() == held.dev()
            };
            let still = fs::metadata(&path).and_then(|there| Ok(same(there, held.metadata()?)));
            if still.unwrap_or(false) {
                let _ = held.set_len(0).and_then(|()| write!(held, "{}", std::process::id()));
                return Ok(Some(Lock { file: held }));
            }
        }
    }
}

/// Waits for the lock of a file, at most so long.
fn locked_within(file: &File, limit: Duration) -> bool {
    let Ok(same) = file.try_clone() else { return false };
    let (locked, wait) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more if it took too long. The lock is that of the file, not of the thread.
        if flock(&same, FlockOperation::LockExclusive).is_ok() && locked.send(()).is_err() {
            let _ = flock(&same, FlockOperation::Unlock);
        }
    });
    wait.recv_timeout(limit).is_ok()
}

/// Makes a folder and those above it, for its owner only.
pub(super) fn make_folder(path: &Path) -> Result<(), SessionError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| file(path, cause))
}

/// Removes a file or a folder with all that is in it.
pub(super) fn remove(path: &Path) -> Result<(), SessionError> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(file(path, cause)),
        _ => Ok(()),
    }
}

pub(super) fn file(path: impl AsRef<Path>, cause: io::Error) -> SessionError {
    SessionError::File { path: path.as_ref().display().to_string(), cause }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SessionError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(file(path, cause)),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| file(path, error.into())),
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), SessionError> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| file(path, error.into()))?;
    write(path, &text)
}

fn write(path: &Path, content: &[u8]) -> Result<(), SessionError> {
    whole::replace(path, content, 0o600).map_err(|cause| file(path, cause))
}
