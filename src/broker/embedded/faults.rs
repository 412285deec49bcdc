//! Lets tests make the disk of one store fail.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Read,
    Write,
    Sync,
}

/// What fails, after how many times, and how often.
#[derive(Debug)]
struct Fault {
    work: Work,
    after: usize,
    times: usize,
}

/// The faults of one file, kept while it is closed and opened again.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Arc<Mutex<Option<Fault>>>);

static ALL: LazyLock<Mutex<HashMap<PathBuf, Faults>>> = LazyLock::new(Mutex::default);

impl Faults {
    /// Returns the faults of a file.
    pub(super) fn of(path: &Path) -> Faults {
        ALL.lock().unwrap().entry(path.to_path_buf()).or_default().clone()
    }

    /// Makes one kind of work fail so many times, after it has worked so many times.
    pub(super) fn fail(&self, work: Work, after: usize, times: usize) {
        *self.0.lock().unwrap() = Some(Fault { work, after, times });
    }

    /// Ends the trouble.
    pub(super) fn heal(&self) {
        *self.0.lock().unwrap() = None;
    }

    /// Fails if this work shall fail now.
    pub(super) fn check(&self, work: Work) -> io::Result<()> {
        match &mut *self.0.lock().unwrap() {
            Some(fault) if fault.work == work => match fault {
                Fault { after: 1.., .. } => fault.after -= 1,
                Fault { times: 1.., .. } => {
                    fault.times -= 1;
                    return Err(io::ErrorKind::StorageFull.into());
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}
