//! Lets tests make the disk fail: the next writes or reads of one store.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

/// How many operations still work; negative is no limit.
#[derive(Debug)]
struct Budget {
    reads: AtomicI64,
    writes: AtomicI64,
}

/// The faults of one file, kept while it is closed and opened again.
#[derive(Debug, Clone)]
pub(super) struct Faults(Arc<Budget>);

static ALL: LazyLock<Mutex<HashMap<PathBuf, Faults>>> = LazyLock::new(Mutex::default);

impl Faults {
    /// Returns the faults of a file.
    pub(super) fn of(path: &Path) -> Faults {
        let fresh = || Faults(Arc::new(Budget { reads: AtomicI64::new(-1), writes: AtomicI64::new(-1) }));
        ALL.lock().unwrap().entry(path.to_path_buf()).or_insert_with(fresh).clone()
    }

    /// Lets this many writes pass and fails all later ones; `None` ends the trouble.
    pub(super) fn allow_writes(&self, count: Option<i64>) {
        self.0.writes.store(count.unwrap_or(-1), Ordering::SeqCst);
    }

    /// Lets this many reads pass and fails all later ones; `None` ends the trouble.
    pub(super) fn allow_reads(&self, count: Option<i64>) {
        self.0.reads.store(count.unwrap_or(-1), Ordering::SeqCst);
    }

    pub(super) fn read(&self) -> io::Result<()> {
        spend(&self.0.reads, io::ErrorKind::Other)
    }

    pub(super) fn write(&self) -> io::Result<()> {
        spend(&self.0.writes, io::ErrorKind::StorageFull)
    }
}

fn spend(budget: &AtomicI64, kind: io::ErrorKind) -> io::Result<()> {
    let spent = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
        0 => None,
        left if left > 0 => Some(left - 1),
        left => Some(left),
    });
    spent.map(|_| ()).map_err(|_| kind.into())
}
