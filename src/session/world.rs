//! What every session needs of the world around it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::SessionError;
use super::lab::Lab;
use super::labs::Labs;
use crate::playbook::{Catalog, CatalogError, Playbook};
use crate::runtime::control::Client;
use crate::target;
use crate::target::{Site, Target};

/// What every session needs of the world around it.
#[derive(Debug, Clone)]
pub struct World {
    /// The user's labs.
    pub labs: Labs,
    /// The program that runs botnets: the running binary itself, unless a test says otherwise.
    pub program: PathBuf,
    /// Set, by a signal handler for instance, when the user wants to stop.
    pub interrupt: Arc<AtomicBool>,
}

impl World {
    /// Takes the user's labs and the running binary.
    pub fn of_user(interrupt: Arc<AtomicBool>) -> Result<Self, SessionError> {
        let program = std::env::current_exe().ok().filter(|path| path.exists());
        // A binary that was replaced since it was started is still there for the process itself.
        let program = program.unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        Ok(World { labs: Labs::of_user()?, program, interrupt })
    }

    /// Ends with [`SessionError::Interrupted`] if the user wants to stop.
    pub(super) fn go_on(&self) -> Result<(), SessionError> {
        if self.interrupt.load(Ordering::Relaxed) { Err(SessionError::Interrupted) } else { Ok(()) }
    }

    /// Makes a client of a lab's control service; nothing is sent yet.
    pub fn client(&self, lab: &Lab) -> Result<Client, SessionError> {
        Ok(target(lab)?.client(&self.site(&lab.record.name))?)
    }

    /// Returns the last lines that a lab's processes themselves wrote, oldest first.
    pub fn process_log(&self, lab: &Lab, most: usize) -> Result<Vec<String>, SessionError> {
        Ok(target(lab)?.logs(&self.site(&lab.record.name), most)?)
    }

    pub(super) fn site(&self, name: &str) -> Site {
        Site {
            lab: name.to_owned(),
            folder: self.labs.folder(name),
            program: self.program.clone(),
            interrupt: Arc::clone(&self.interrupt),
        }
    }
}

/// Reads the playbook of a lab, from the folder that is given or from the one that the lab was made with.
pub fn playbook_of(lab: &Lab, playbooks: Option<&Path>) -> Result<Playbook, SessionError> {
    let usage = |error: CatalogError| SessionError::usage("unknown-playbook", error.to_string(), "");
    let catalog = match playbooks.or(lab.record.playbooks.as_deref()) {
        Some(folder) => Catalog::with_folder(folder).map_err(usage)?,
        None => Catalog::built_in(),
    };
    catalog.find(&lab.record.playbook).map_err(usage)?.load().map_err(SessionError::Invalid)
}

/// Finds the target of a lab.
pub(super) fn target(lab: &Lab) -> Result<&'static dyn Target, SessionError> {
    let name = &lab.record.target;
    target::find(name).ok_or_else(|| {
        let title = format!("lab `{}` runs on `{name}`, which this version does not have", lab.record.name);
        SessionError::usage("unknown-target", title, "use the version of intelmq-lab that made it")
    })
}
