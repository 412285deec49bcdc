//! A folder of the user's that a command writes into.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output;

/// Where to write, and whether over what is there.
#[derive(Debug, clap::Args)]
pub(super) struct OutFolder {
    /// The folder to write into; it must be empty or not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

impl OutFolder {
    /// Takes a folder that was named otherwise.
    pub(super) fn at(out: &Path, force: bool) -> Self {
        OutFolder { out: out.to_owned(), force }
    }

    /// Returns the folder's absolute path; one with something in it is refused.
    pub(super) fn absolute(&self) -> Result<PathBuf, Failure> {
        let out = std::path::absolute(&self.out).map_err(|cause| output::cannot_write(&self.out, &cause))?;
        if !self.force && fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
            let title = format!("{} is not empty", self.out.display());
            return Err(Failure::usage("not-empty", title)
                .help("choose another folder, or write over it with --force"));
        }
        Ok(out)
    }

    /// Makes folders and files, and returns the files' paths.
    pub(super) fn write<'a>(
        &self,
        folders: impl IntoIterator<Item = &'a str>,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Vec<String>, Failure> {
        let mut written = Vec::new();
        let all = || -> io::Result<()> {
            for folder in folders {
                fs::create_dir_all(self.out.join(folder))?;
            }
            for (path, content) in files {
                let path = self.out.join(path);
                fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                fs::write(&path, content)?;
                written.push(path.display().to_string());
            }
            Ok(())
        };
        all().map_err(|cause| output::cannot_write(&self.out, &cause))?;
        Ok(written)
    }
}
