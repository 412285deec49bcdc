//! The database: its tables, how it is opened, and how it comes back after trouble.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase,
    ReadableTable, TableDefinition, WriteTransaction,
};

use super::backend::Backend;
use super::{BrokerError, SyncMode, lock};

/// What this version writes and reads.
const FORMAT: u32 = 3;
/// How much memory the pages of the database may take.
const CACHE: usize = 24 << 20;
/// How large the file is when commits begin to note which pages are in use.
///
/// Without that note the whole file is read when it is opened after a kill, about 2 ms for each MiB of small entries; with
/// it a small commit takes three times as long.
const LARGE: u64 = 16 << 20;

/// A chunk's key: queue and chunk, big endian.
pub(super) type ChunkKey = &'static [u8; 12];
type Bytes = &'static [u8];

/// Facts about the store itself.
pub(super) const ABOUT: TableDefinition<&str, Bytes> = TableDefinition::new("about");
/// The numbers of queues (`queue/NAME`) and bots (`bot/NAME`).
pub(super) const NAMES: TableDefinition<&str, u32> = TableDefinition::new("names");
/// Which messages of a chunk are left.
pub(super) const ROWS: TableDefinition<ChunkKey, Bytes> = TableDefinition::new("chunks");
/// The messages of a chunk.
pub(super) const BODIES: TableDefinition<ChunkKey, Bytes> = TableDefinition::new("bodies");
/// The pieces of a message that is larger than a chunk, by its chunk's key and their number.
pub(super) const PIECES: TableDefinition<(ChunkKey, u32), Bytes> = TableDefinition::new("pieces");
/// What bots remember: bot's number (big endian) and key → expiry and value.
pub(super) const STATE: TableDefinition<Bytes, Bytes> = TableDefinition::new("state");
/// What bots remember of late, a row a commit: see [`super::recent`].
pub(super) const RECENT: TableDefinition<u64, Bytes> = TableDefinition::new("recent");

/// Makes a chunk's key.
pub(super) fn chunk_key(queue: u32, chunk: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&queue.to_be_bytes());
    key[4..].copy_from_slice(&chunk.to_be_bytes());
    key
}

/// Returns queue and chunk of a key.
pub(super) fn chunk_of(key: &[u8; 12]) -> (u32, u64) {
    let (queue, chunk) = key.split_at(4);
    let (queue, chunk) = (queue.try_into().unwrap_or_default(), chunk.try_into().unwrap_or_default());
    (u32::from_be_bytes(queue), u64::from_be_bytes(chunk))
}

/// What the last commit left, for reading.
///
/// A table is opened when it is first asked for: that reads its first page, which may hold a whole report.
pub(super) struct Snapshot {
    read: ReadTransaction,
    rows: OnceLock<ReadOnlyTable<ChunkKey, Bytes>>,
    bodies: OnceLock<ReadOnlyTable<ChunkKey, Bytes>>,
    state: OnceLock<ReadOnlyTable<Bytes, Bytes>>,
}

impl Snapshot {
    pub(super) fn about(&self) -> Result<ReadOnlyTable<&'static str, Bytes>, redb::Error> {
        Ok(self.read.open_table(ABOUT)?)
    }

    pub(super) fn rows(&self) -> Result<&ReadOnlyTable<ChunkKey, Bytes>, redb::Error> {
        self.table(&self.rows, ROWS)
    }

    pub(super) fn bodies(&self) -> Result<&ReadOnlyTable<ChunkKey, Bytes>, redb::Error> {
        self.table(&self.bodies, BODIES)
    }

    /// Puts a message together that is larger than a chunk; `None` if there is none under this key.
    pub(super) fn large(&self, key: &[u8; 12]) -> Result<Option<Vec<u8>>, redb::Error> {
        let pieces = self.read.open_table(PIECES)?.range((key, 0)..=(key, u32::MAX))?;
        let pieces: Vec<_> = pieces.collect::<Result<_, _>>()?;
        // Growing piece by piece would move all of it again and again.
        let mut body = Vec::with_capacity(pieces.iter().map(|(_, piece)| piece.value().len()).sum());
        for (_, piece) in &pieces {
            body.extend_from_slice(piece.value());
        }
        Ok((!pieces.is_empty()).then_some(body))
    }

    pub(super) fn state(&self) -> Result<&ReadOnlyTable<Bytes, Bytes>, redb::Error> {
        self.table(&self.state, STATE)
    }

    pub(super) fn recent(&self) -> Result<ReadOnlyTable<u64, Bytes>, redb::Error> {
        Ok(self.read.open_table(RECENT)?)
    }

    fn table<'s, K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        cell: &'s OnceLock<ReadOnlyTable<K, V>>,
        definition: TableDefinition<K, V>,
    ) -> Result<&'s ReadOnlyTable<K, V>, redb::Error> {
        if let Some(table) = cell.get() {
            return Ok(table);
        }
        let table = self.read.open_table(definition)?;
        Ok(cell.get_or_init(|| table))
    }
}

/// Why a write did not work.
pub(super) enum WriteError {
    /// Nothing was stored.
    Nothing(BrokerError),
    /// The commit itself failed: all or nothing is stored, and only looking tells.
    Unsure(BrokerError),
}

/// The database of one folder.
pub(super) struct Store {
    folder: PathBuf,
    sync: SyncMode,
    database: RwLock<Option<Database>>,
    /// Kept for all readers until the next commit: opening one costs more than a look-up.
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    /// After a failed read or write the database refuses everything until it is opened again.
    broken: AtomicBool,
    /// How large the file is.
    size: Arc<AtomicU64>,
}

impl Store {
    /// Opens the database of a folder, and makes both if they are missing.
    pub(super) fn open(folder: &Path, sync: SyncMode) -> Result<Store, BrokerError> {
        let store = Store {
            folder: folder.to_path_buf(),
            sync,
            database: RwLock::default(),
            snapshot: Mutex::default(),
            broken: AtomicBool::new(true),
            size: Arc::default(),
        };
        fs::create_dir_all(folder).map_err(|error| store.unavailable(&error))?;
        store.ready()?;
        Ok(store)
    }

    /// Tells whether commits wait for the disk.
    pub(super) fn syncs(&self) -> bool {
        self.sync == SyncMode::Always
    }

    /// Returns a file's path in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Opens the database again if it is broken.
    pub(super) fn ready(&self) -> Result<(), BrokerError> {
        if !self.broken.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if self.broken.load(Ordering::Acquire) {
            self.forget_snapshot();
            *database = None;
            *database = Some(self.open_database()?);
            self.broken.store(false, Ordering::Release);
        }
        Ok(())
    }

    fn open_database(&self) -> Result<Database, BrokerError> {
        let path = self.file("store.redb");
        let boot = Boot::of_now(self.sync);
        let rebooted =
            path.exists() && !boot.covers(&fs::read_to_string(self.file("boot")).unwrap_or_default());
        let open = || {
            let backend = Backend::open(&path, self.sync, self.size.clone())?;
            Builder::new()
                .set_cache_size(CACHE)
                .set_check_integrity_on_open(rebooted)
                .create_with_backend(backend)
        };
        let database = open().map_err(|error| self.cannot_open(error, rebooted))?;
        self.check_format(&database)?;
        boot.write(&self.file("boot")).map_err(|error| self.unavailable(&error))?;
        Ok(database)
    }

    fn check_format(&self, database: &Database) -> Result<(), BrokerError> {
        let stored = || -> Result<Option<Option<u32>>, redb::Error> {
            let table = match database.begin_read()?.open_table(ABOUT) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            let format = table.get("format")?;
            Ok(Some(format.and_then(|value| value.value().try_into().ok().map(u32::from_le_bytes))))
        };
        match stored().map_err(|error| self.trouble(error))? {
            None => self.create_tables(database).map_err(|error| self.trouble(error)),
            Some(Some(FORMAT)) => Ok(()),
            Some(format) => {
                let (known, version) = match format {
                    Some(format) => (format > FORMAT, format.to_string()),
                    None => (false, "unknown".into()),
                };
                let who =
                    if known { "a newer intelmq-lab wrote it: use that" } else { "nothing here can read it" };
                Err(self.refused(format!(
                    "the store has format {version}, this program knows {FORMAT}; {who}, or remove the folder and what waits in it"
                )))
            }
        }
    }

    fn create_tables(&self, database: &Database) -> Result<(), redb::Error> {
        let transaction = self.begin(database)?;
        transaction.open_table(ABOUT)?.insert("format", FORMAT.to_le_bytes().as_slice())?;
        transaction.open_table(NAMES)?;
        transaction.open_table(ROWS)?;
        transaction.open_table(BODIES)?;
        transaction.open_table(PIECES)?;
        transaction.open_table(STATE)?;
        transaction.open_table(RECENT)?;
        transaction.commit()?;
        Ok(())
    }

    /// Reads something; the first of several readers after a commit opens the snapshot for all.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, redb::Error>,
    ) -> Result<T, BrokerError> {
        self.ready()?;
        self.snapshot().and_then(|snapshot| work(&snapshot)).map_err(|error| self.trouble(error))
    }

    fn snapshot(&self) -> Result<Arc<Snapshot>, redb::Error> {
        let mut current = lock(&self.snapshot);
        if let Some(snapshot) = &*current {
            return Ok(snapshot.clone());
        }
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let read = database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
        let snapshot = Arc::new(Snapshot {
            read,
            rows: OnceLock::new(),
            bodies: OnceLock::new(),
            state: OnceLock::new(),
        });
        *current = Some(snapshot.clone());
        Ok(snapshot)
    }

    fn forget_snapshot(&self) {
        *lock(&self.snapshot) = None;
    }

    /// Changes something, all or nothing; returns when the kernel has it.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, WriteError> {
        self.ready().map_err(WriteError::Nothing)?;
        // A snapshot that lives on would keep pages from being used again.
        self.forget_snapshot();
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let prepare = || {
            let transaction = self.begin(database.as_ref().ok_or(redb::Error::DatabaseClosed)?)?;
            let result = work(&transaction)?;
            Ok((transaction, result))
        };
        let (transaction, result) = prepare().map_err(|error| WriteError::Nothing(self.trouble(error)))?;
        let committed = transaction.commit();
        self.forget_snapshot();
        committed.map_err(|error| WriteError::Unsure(self.trouble(error.into())))?;
        Ok(result)
    }

    fn begin(&self, database: &Database) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = database.begin_write()?;
        // Anything less stays in the process and dies with it.
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(self.size.load(Ordering::Relaxed) >= LARGE);
        Ok(transaction)
    }

    /// Lists all names with their numbers.
    pub(super) fn names(&self) -> Result<Vec<(String, u32)>, BrokerError> {
        let names = || -> Result<_, redb::Error> {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            let read = database.as_ref().ok_or(redb::Error::DatabaseClosed)?.begin_read()?;
            let table = read.open_table(NAMES)?;
            let names = table
                .iter()?
                .map(|entry| entry.map(|(name, number)| (name.value().to_owned(), number.value())));
            Ok(names.collect::<Result<_, _>>()?)
        };
        names().map_err(|error| self.trouble(error))
    }

    /// Makes a complaint of an error of the database, and opens it again on the next use if need be.
    pub(super) fn trouble(&self, error: redb::Error) -> BrokerError {
        match error {
            redb::Error::ValueTooLarge(size) => self.refused(format!(
                "a message or a state entry of {size} bytes is larger than the store can hold"
            )),
            redb::Error::Corrupted(problem) => self.refused(damaged(&problem)),
            error => {
                self.broken.store(true, Ordering::Release);
                self.unavailable(&error)
            }
        }
    }

    fn cannot_open(&self, error: DatabaseError, rebooted: bool) -> BrokerError {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => self.refused(
                "another process uses this store; stop that botnet first, or choose another folder".into(),
            ),
            DatabaseError::Storage(redb::StorageError::Corrupted(problem)) if rebooted => {
                self.refused(format!(
                    "{}; the machine went down while it was written, which only `sync: always` survives",
                    damaged(&problem)
                ))
            }
            DatabaseError::Storage(redb::StorageError::Io(error))
                if error.kind() == io::ErrorKind::InvalidData =>
            {
                self.refused(damaged(&error))
            }
            error => self.trouble(error.into()),
        }
    }

    fn unavailable(&self, problem: &dyn std::fmt::Display) -> BrokerError {
        BrokerError::Unavailable { broker: self.to_string(), problem: problem.to_string() }
    }

    /// Makes an error that will not go away by itself.
    pub(super) fn refused(&self, problem: String) -> BrokerError {
        BrokerError::Refused { broker: self.to_string(), problem }
    }
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "embedded broker in {}", self.folder.display())
    }
}

fn damaged(problem: &dyn std::fmt::Display) -> String {
    format!("the store is damaged ({problem}); remove the folder to start anew, what waits in it is lost")
}

/// Which boot of the machine wrote the store, and whether it flushed what it wrote.
struct Boot(Option<String>);

impl Boot {
    fn of_now(sync: SyncMode) -> Boot {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Boot(id.map(|id| format!("{} {sync:?}\n", id.trim())))
    }

    /// Tells whether everything is there that was written when `last` was noted.
    fn covers(&self, last: &str) -> bool {
        let id = |text: &str| text.split_whitespace().next().map(str::to_owned);
        let same = self.0.as_deref().is_some_and(|now| id(now) == id(last));
        same || last.ends_with(" Always\n")
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        match &self.0 {
            Some(text) if fs::read_to_string(path).ok().as_ref() != Some(text) => fs::write(path, text),
            _ => Ok(()),
        }
    }
}
