//! The file under the store, with or without flushing to the disk itself.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

use super::SyncMode;

/// A file that leaves flushing to the kernel unless it is told otherwise.
///
/// The store writes every commit to the kernel before it returns, so that a killed process loses nothing. Only a power
/// cut needs the flush, which costs a hundred times more on real disks.
#[derive(Debug)]
pub(super) struct Backend {
    file: FileBackend,
    sync: SyncMode,
    size: Arc<AtomicU64>,
    #[cfg(test)]
    faults: super::faults::Faults,
}

impl Backend {
    /// Opens a file, and makes it if it is missing; keeps its size in `size`.
    pub(super) fn open(path: &Path, sync: SyncMode, size: Arc<AtomicU64>) -> Result<Backend, DatabaseError> {
        let file: File =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        size.store(file.metadata()?.len(), Ordering::Relaxed);
        Ok(Backend {
            file: FileBackend::new(file)?,
            sync,
            size,
            #[cfg(test)]
            faults: super::faults::Faults::of(path),
        })
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check(super::faults::Work::Read)?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.size.store(len, Ordering::Relaxed);
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check(super::faults::Work::Sync)?;
        match self.sync {
            SyncMode::Always => self.file.sync_data(),
            SyncMode::Never => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check(super::faults::Work::Write)?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
