//! One stream of what several processes append to files of one folder: log lines and journals of bots that run for themselves.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

/// The files of a folder with one ending, each with one JSON object a line.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    folder: PathBuf,
    ending: &'static str,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// How far each file has been read.
    ends: BTreeMap<PathBuf, u64>,
    /// Where each line is; its place here is its number.
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    file: Arc<Path>,
    start: u64,
    length: usize,
}

/// What every line has: when it was written.
#[derive(Deserialize)]
struct Stamp {
    #[serde(alias = "time")]
    at: String,
}

impl Gathered {
    /// Names the files; nothing is read yet.
    pub(super) fn new(folder: &Path, ending: &'static str) -> Self {
        Gathered { folder: folder.to_owned(), ending, seen: Mutex::default() }
    }

    /// Returns lines from a number on (0 is the first), as far as they can be read, and the number to go on with.
    ///
    /// New lines come in the order of their time; those of one moment in the order of the bots, which is that of the flow.
    pub(super) fn page<T>(
        &self,
        (after, max): (u64, usize),
        bots: &[String],
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<(Vec<T>, u64)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_in(&mut seen, bots)?;
        let (mut page, mut next) = (Vec::new(), after);
        let mut open: HashMap<Arc<Path>, File> = HashMap::new();
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        for line in seen.lines.iter().skip(skip) {
            if page.len() == max {
                break;
            }
            next += 1;
            if !open.contains_key(&line.file) {
                open.insert(Arc::clone(&line.file), File::open(&line.file)?);
            }
            let mut bytes = vec![0; line.length];
            let whole = open.get(&line.file).map(|file| file.read_exact_at(&mut bytes, line.start));
            page.extend(matches!(whole, Some(Ok(()))).then(|| read(&bytes)).flatten());
        }
        Ok((page, next))
    }

    /// Finds the lines that were written since the last time.
    fn take_in(&self, seen: &mut Seen, bots: &[String]) -> io::Result<()> {
        let rank = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            bots.iter().position(|bot| name.strip_suffix(self.ending) == Some(bot)).unwrap_or(bots.len())
        };
        let mut files: Vec<(usize, PathBuf)> =
            self.files()?.into_iter().map(|path| (rank(&path), path)).collect();
        // Who comes later in the flow is read first: whatever led to its lines is then found as well.
        files.sort_by(|left, right| right.cmp(left));
        let mut new: Vec<(String, usize, u64, Line)> = Vec::new();
        for (rank, path) in files {
            let end = seen.ends.entry(path.clone()).or_default();
            let file: Arc<Path> = path.into();
            for (start, bytes) in lines_after(&file, end)? {
                let at = serde_json::from_slice::<Stamp>(&bytes).map(|stamp| stamp.at).unwrap_or_default();
                let line = Line { file: Arc::clone(&file), start, length: bytes.len() };
                new.push((at, rank, start, line));
            }
        }
        new.sort_by(|left, right| (&left.0, left.1, left.2).cmp(&(&right.0, right.1, right.2)));
        seen.lines.extend(new.into_iter().map(|(.., line)| line));
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let ours = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(self.ending))
        };
        Ok(entries.flatten().map(|entry| entry.path()).filter(ours).collect())
    }
}

/// Returns the whole lines of a file from a position on, which goes to the end of the last one.
fn lines_after(path: &Path, end: &mut u64) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    if length <= *end {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; usize::try_from(length - *end).unwrap_or(0)];
    let read = file.read_at(&mut bytes, *end)?;
    let mut lines = Vec::new();
    // A line without its end is being written right now.
    for line in bytes[..read].split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        lines.push((*end, line.to_vec()));
        *end += line.len() as u64;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(folder: &Path, bot: &str, lines: &[&str]) {
        use std::io::Write;
        let path = folder.join(format!("{bot}.log"));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        for line in lines {
            file.write_all(line.as_bytes()).unwrap();
        }
    }

    #[test]
    fn lines_of_several_files_are_one_stream_that_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let gathered = Gathered::new(folder.path(), ".log");
        let bots = ["parser".to_owned(), "output".to_owned()];
        let read = |after| {
            let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).trim().to_owned());
            gathered.page((after, 3), &bots, text).unwrap()
        };
        assert_eq!(read(0), (vec![], 0));
        append(folder.path(), "output", &["{\"at\":\"2\",\"n\":2}\n", "{\"at\":\"4\"}\n", "{\"at\":\"5\""]);
        append(folder.path(), "parser", &["{\"at\":\"1\"}\n", "{\"time\":\"2\",\"n\":1}\n"]);
        append(folder.path(), "other", &["{\"at\":\"3\"}\n"]);
        let first = ["{\"at\":\"1\"}", "{\"time\":\"2\",\"n\":1}", "{\"at\":\"2\",\"n\":2}"];
        assert_eq!(read(0), (first.map(str::to_owned).to_vec(), 3));
        append(folder.path(), "output", &[",\"n\":5}\n"]);
        let second = ["{\"at\":\"3\"}", "{\"at\":\"4\"}", "{\"at\":\"5\",\"n\":5}"];
        assert_eq!(read(3), (second.map(str::to_owned).to_vec(), 6));
        assert_eq!(read(6), (vec![], 6));
    }
}
