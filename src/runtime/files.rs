//! Files that a bot appends to, exactly once.
//!
//! A hop writes its bytes first and commits the new length with everything else. Whatever lies beyond the committed length
//! when a file is opened is the rest of a hop that never happened, and is cut off.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The committed length of one file, and which file that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    /// Bytes that belong to finished hops.
    pub(super) length: u64,
    /// The file's number in its file system, so that a file put in its place is not cut.
    pub(super) inode: u64,
}

impl Committed {
    /// Reads what [`Committed::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, inode) = bytes.split_at_checked(8)?;
        Some(Committed {
            length: u64::from_le_bytes(length.try_into().ok()?),
            inode: u64::from_le_bytes(inode.try_into().ok()?),
        })
    }

    /// Returns the form in which it is stored.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.length.to_le_bytes(), self.inode.to_le_bytes()].concat()
    }
}

impl Open {
    fn undo(&mut self) -> io::Result<()> {
        if self.written > 0 {
            self.file.set_len(self.committed.length)?;
            self.file.seek(SeekFrom::Start(self.committed.length))?;
            self.written = 0;
        }
        Ok(())
    }
}

/// The files that one bot appends to.
#[derive(Debug, Default)]
pub(super) struct Files {
    open: HashMap<PathBuf, Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    committed: Committed,
    written: u64,
}

impl Files {
    /// Tells whether a file is open.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        self.open.contains_key(path)
    }

    /// Opens a file and cuts it back to what was committed.
    ///
    /// Returns the length that counts from now on; if that differs from `committed` it must be committed before the first
    /// append, or a crash could not tell old bytes from new ones.
    pub(super) fn open(&mut self, path: &Path, committed: Option<Committed>) -> io::Result<Committed> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let metadata = file.metadata()?;
        let inode = metadata.ino();
        let length = match committed {
            Some(known) if known.inode == inode && known.length <= metadata.len() => known.length,
            _ => metadata.len(),
        };
        if length < metadata.len() {
            file.set_len(length)?;
        }
        file.seek(SeekFrom::Start(length))?;
        let committed = Committed { length, inode };
        self.open.insert(path.to_owned(), Open { file, committed, written: 0 });
        Ok(committed)
    }

    /// Writes bytes at the end of an open file and returns the length to commit.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<Committed> {
        let Some(open) = self.open.get_mut(path) else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the file was not opened before it was written",
            ));
        };
        // Counted first: a write that fails half way leaves bytes that undo() must cut.
        open.written += bytes.len() as u64;
        open.file.write_all(bytes)?;
        Ok(Committed { length: open.committed.length + open.written, inode: open.committed.inode })
    }

    /// Takes what was written as committed.
    pub(super) fn settle(&mut self) {
        for open in self.open.values_mut() {
            open.committed.length += open.written;
            open.written = 0;
        }
    }

    /// Cuts every file back to what is committed; one that cannot be cut is closed, and cut when it is opened next.
    pub(super) fn undo(&mut self) {
        self.open.retain(|_, open| open.undo().is_ok());
    }

    /// Flushes every file to the disk, for `sync: always`.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.open.values().filter(|open| open.written > 0).try_for_each(|open| open.file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopen(path: &Path, committed: Option<Committed>) -> (Files, Committed) {
        let mut files = Files::default();
        let committed = files.open(path, committed).unwrap();
        (files, committed)
    }

    #[test]
    fn bytes_of_a_hop_that_never_happened_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/events.txt");
        let (mut files, base) = reopen(&path, None);
        assert_eq!(base.length, 0);
        let committed = files.write(&path, b"one\n").unwrap();
        files.settle();
        files.write(&path, b"never").unwrap();
        let (mut files, base) = reopen(&path, Some(committed));
        assert_eq!(base, committed);
        files.write(&path, b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn undo_goes_back_to_the_last_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        let (mut files, _) = reopen(&path, None);
        files.write(&path, b"one\n").unwrap();
        files.settle();
        files.write(&path, b"wrong").unwrap();
        files.undo();
        files.write(&path, b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_file_put_in_its_place_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        std::fs::write(&path, "written by someone else\n").unwrap();
        let (_, base) = reopen(&path, Some(Committed { length: 3, inode: 0 }));
        assert_eq!(base.length, 24);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "written by someone else\n");
    }
}
