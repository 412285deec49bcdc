//! A file read in chunks that end with a line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use super::round::Identity;

/// How far a file was read.
pub(super) struct Cursor {
    reader: BufReader<File>,
    identity: Identity,
    size: Option<u64>,
    header: Vec<u8>,
    offset: u64,
    at_end: bool,
}

impl Cursor {
    /// Starts at an offset that [`Cursor::offset`] returned before, or at the beginning.
    pub(super) fn new(
        file: File,
        identity: Identity,
        size: Option<u64>,
        replicate_header: bool,
        from: Option<u64>,
    ) -> std::io::Result<Cursor> {
        let mut reader = BufReader::new(file);
        let mut header = Vec::new();
        if size.is_some() && replicate_header {
            reader.read_until(b'\n', &mut header)?;
        }
        let offset = from.unwrap_or(header.len() as u64);
        reader.seek(SeekFrom::Start(offset))?;
        Ok(Cursor { reader, identity, size, header, offset, at_end: false })
    }

    /// Reads the next chunk, with the header before it; `None` if nothing is left.
    ///
    /// A chunk has at most the wanted bytes, not counting the header, unless a single line is longer.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut bytes = self.header.clone();
        let start = bytes.len();
        match self.size {
            None => {
                self.reader.read_to_end(&mut bytes)?;
                self.at_end = true;
            }
            Some(size) => {
                self.reader.by_ref().take(size).read_to_end(&mut bytes)?;
                if !self.reader.fill_buf()?.is_empty() {
                    self.cut(&mut bytes, start)?;
                }
                self.offset += (bytes.len() - start) as u64;
                self.at_end = self.reader.fill_buf()?.is_empty();
            }
        }
        Ok((bytes.len() > start).then_some(bytes))
    }

    /// Takes back what follows the last line's end, or reads on to the end of the only line.
    fn cut(&mut self, bytes: &mut Vec<u8>, start: usize) -> std::io::Result<()> {
        match bytes[start..].iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let rest = bytes.len() - (start + end + 1);
                bytes.truncate(start + end + 1);
                self.reader.seek_relative(-(rest as i64))
            }
            None => self.reader.read_until(b'\n', bytes).map(drop),
        }
    }

    /// Tells whether the last chunk was the last.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Returns where the next chunk starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }
}
