//! How far each queue was ever received, beside the store: a hint that survives a killed process.
//!
//! It is written once a batch without a commit. After a power cut it may be old or gone; then some messages that were
//! in flight are not marked as redelivered, and nothing else happens.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::queue::Place;

const RECORD: usize = 16;

/// The file with one record for each queue.
#[derive(Debug)]
pub(super) struct Marks(File);

impl Marks {
    /// Opens the file, and makes it if it is missing.
    pub(super) fn open(path: &Path) -> io::Result<Marks> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map(Marks)
    }

    /// Reads a queue's mark; what is damaged or missing counts as nothing received.
    pub(super) fn read(&self, queue: u32) -> Place {
        let mut record = [0; RECORD];
        if self.0.read_exact_at(&mut record, offset(queue)).is_err() {
            return Place::default();
        }
        let (place, check) = record.split_at(12);
        if check != checksum(place) {
            return Place::default();
        }
        let (chunk, index) = place.split_at(8);
        let (chunk, index) = (chunk.try_into().unwrap_or_default(), index.try_into().unwrap_or_default());
        (u64::from_le_bytes(chunk), u32::from_le_bytes(index))
    }

    /// Writes a queue's mark; a hint that cannot be written is not worth an error.
    pub(super) fn write(&self, queue: u32, (chunk, index): Place) {
        let mut record = [0; RECORD];
        record[..8].copy_from_slice(&chunk.to_le_bytes());
        record[8..12].copy_from_slice(&index.to_le_bytes());
        let check = checksum(&record[..12]);
        record[12..].copy_from_slice(&check);
        let _ = self.0.write_all_at(&record, offset(queue));
    }
}

fn offset(queue: u32) -> u64 {
    u64::from(queue) * RECORD as u64
}

fn checksum(place: &[u8]) -> [u8; 4] {
    (xxh3_64(place) as u32).to_le_bytes()
}
