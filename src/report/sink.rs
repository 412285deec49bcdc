//! Where a report goes.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// A file or a standard stream. A line is on its way when [`Sink::line`] returns.
pub struct Sink {
    writer: Box<dyn Write>,
}

impl Sink {
    /// Standard output; colours are taken out where they would be read as text.
    pub fn stdout() -> Self {
        Sink { writer: Box::new(anstream::stdout()) }
    }

    /// Standard error, likewise.
    pub fn stderr() -> Self {
        Sink { writer: Box::new(anstream::stderr()) }
    }

    /// Creates a file, or empties the one that is there.
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Sink { writer: Box::new(anstream::StripStream::new(File::create(path)?)) })
    }

    /// Any writer.
    pub fn new(writer: Box<dyn Write>) -> Self {
        Sink { writer }
    }

    /// Writes a text and a line end, and hands them on at once.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes())?;
        self.writer.write_all(b"\n")?;
        self.writer.flush()
    }
}
