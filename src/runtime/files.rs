//! Files that a bot appends to, exactly once.
//!
//! A hop writes its bytes first and commits the new length with everything else. Whatever lies beyond the committed length
//! when a file is opened is the rest of a hop that never happened, and is cut off. So any file may be closed at any time, and
//! only so many are kept open.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How many files one instance of a bot keeps open.
const KEPT_OPEN: usize = 64;

/// The committed length of one file, and which file that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Committed {
    /// Bytes that belong to finished hops.
    pub(super) length: u64,
    /// The file's number in its file system, so that a file put in its place is not cut.
    pub(super) inode: u64,
    /// When the file was made, in nanoseconds, as file systems use a number again; 0 where they do not say.
    pub(super) born: u64,
}

impl Committed {
    /// Reads what [`Committed::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|number| number.try_into().map_or(0, u64::from_le_bytes));
        Some(Committed { length: numbers.next()?, inode: numbers.next()?, born: numbers.next()? })
    }

    /// Returns the form in which it is stored.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.length, self.inode, self.born].map(u64::to_le_bytes).concat()
    }

    fn is_of(&self, other: &Committed) -> bool {
        (self.inode, self.born) == (other.inode, other.born)
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
#[derive(Debug)]
pub(super) struct Files {
    open: HashMap<PathBuf, Open>,
    /// How many are kept open.
    limit: usize,
    /// Counts what was opened or written, to know which file was used least.
    clock: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    committed: Committed,
    written: u64,
    used: u64,
}

impl Default for Files {
    fn default() -> Self {
        Files { open: HashMap::new(), limit: KEPT_OPEN, clock: 0 }
    }
}

impl Files {
    /// Tells whether a file is open.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        self.open.contains_key(path)
    }

    /// Opens a file, with a lock against others who append to it, and cuts it back to what was committed.
    ///
    /// Returns the length that counts from now on; if that differs from `committed` it must be committed before the first
    /// append, or a crash could not tell old bytes from new ones.
    pub(super) fn open(&mut self, path: &Path, committed: Option<Committed>) -> io::Result<Committed> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        self.make_room();
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = "another bot or process appends to this file; give each a file of its own";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, problem));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let metadata = file.metadata()?;
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|time| u64::try_from(time.as_nanos()).ok()).unwrap_or_default();
        let mut now = Committed { length: metadata.len(), inode: metadata.ino(), born };
        if let Some(known) = committed.filter(|known| known.is_of(&now) && known.length < now.length) {
            now.length = known.length;
            file.set_len(now.length)?;
        }
        file.seek(SeekFrom::Start(now.length))?;
        self.clock += 1;
        self.open.insert(path.to_owned(), Open { file, committed: now, written: 0, used: self.clock });
        Ok(now)
    }

    /// Closes a file that is not to be used after all.
    pub(super) fn close(&mut self, path: &Path) {
        self.open.remove(path);
    }

    /// Closes the file that was used least of those without bytes of the hop in hand, if too many are open.
    fn make_room(&mut self) {
        if self.open.len() < self.limit {
            return;
        }
        let settled = self.open.iter().filter(|(_, open)| open.written == 0);
        if let Some(path) = settled.min_by_key(|(_, open)| open.used).map(|(path, _)| path.clone()) {
            self.open.remove(&path);
        }
    }

    /// Writes all bytes that a hop has for an open file at its end, and returns the length to commit.
    ///
    /// If too many are open the file is closed at once, and flushed to the disk before if `sync` says so; so it must not be
    /// opened again before the hop has ended.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8], sync: bool) -> io::Result<Committed> {
        let Some(open) = self.open.get_mut(path) else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the file was not opened before it was written",
            ));
        };
        // Counted first: a write that fails half way leaves bytes that undo() must cut.
        open.written += bytes.len() as u64;
        self.clock += 1;
        open.used = self.clock;
        open.file.write_all(bytes)?;
        let length = Committed { length: open.committed.length + open.written, ..open.committed };
        if self.open.len() > self.limit
            && let Some(open) = self.open.remove(path)
            && sync
        {
            open.file.sync_data()?;
        }
        Ok(length)
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

    /// Closes what was written: nobody knows whether it is committed. The store does, when the file is opened next.
    pub(super) fn doubt(&mut self) {
        self.open.retain(|_, open| open.written == 0);
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
        let committed = files.write(&path, b"one\n", false).unwrap();
        files.settle();
        files.write(&path, b"never", false).unwrap();
        drop(files);
        let (mut files, base) = reopen(&path, Some(committed));
        assert_eq!(base, committed);
        files.write(&path, b"two\n", false).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn undo_goes_back_to_the_last_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        let (mut files, _) = reopen(&path, None);
        files.write(&path, b"one\n", false).unwrap();
        files.settle();
        files.write(&path, b"wrong", false).unwrap();
        files.undo();
        files.write(&path, b"two\n", false).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_file_put_in_its_place_is_kept_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        std::fs::write(&path, "written by someone else\n").unwrap();
        let (_, base) = reopen(&path, Some(Committed { length: 3, inode: 0, born: 0 }));
        assert_eq!(base.length, 24);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "written by someone else\n");
    }

    #[test]
    fn what_may_be_committed_is_left_to_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        let (mut files, base) = reopen(&path, None);
        let length = files.write(&path, b"one\n", false).unwrap();
        files.doubt();
        assert!(!files.is_open(&path));
        assert_eq!(files.open(&path, Some(length)).unwrap(), length, "it was stored");
        files.write(&path, b"two\n", false).unwrap();
        files.doubt();
        assert_eq!(files.open(&path, Some(base)).unwrap(), base, "nothing was stored");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_file_has_one_who_appends_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.txt");
        let (mut files, _) = reopen(&path, None);
        files.write(&path, b"mine\n", false).unwrap();
        let mut others = Files::default();
        let refused = others.open(&path, None).unwrap_err().to_string();
        assert!(refused.contains("another bot"), "{refused}");
        drop(files);
        others.open(&path, None).unwrap();
    }

    #[test]
    fn only_so_many_files_are_open_and_all_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files { limit: 4, ..Files::default() };
        let mut stored: HashMap<PathBuf, Committed> = HashMap::new();
        for hop in 0..6 {
            let mut written = Vec::new();
            for number in (0..10).filter(|number| hop != 3 || number % 3 == 0) {
                let path = folder.path().join(format!("{number}.txt"));
                if !files.is_open(&path) {
                    let base = files.open(&path, stored.get(&path).copied()).unwrap();
                    stored.insert(path.clone(), base);
                }
                written
                    .push((path.clone(), files.write(&path, format!("{hop}\n").as_bytes(), true).unwrap()));
                assert!(files.open.len() <= 5, "{} are open", files.open.len());
            }
            // The fifth hop never happens.
            if hop == 4 {
                files.undo();
            } else {
                files.settle();
                stored.extend(written);
            }
            assert!(files.open.len() <= 4);
        }
        for number in 0..10 {
            let text = std::fs::read_to_string(folder.path().join(format!("{number}.txt"))).unwrap();
            let expected = if number % 3 == 0 { "0\n1\n2\n3\n5\n" } else { "0\n1\n2\n5\n" };
            assert_eq!(text, expected, "{number}");
        }
    }
}
