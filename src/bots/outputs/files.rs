//! Writes each event into a file of its own, which other programs see whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempPath;

use super::export::{Exporter, PARAMS};
use crate::bots::{Bot, BotSpec, Context, Failure, Output, Reach, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec, joined};

/// The files output.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.outputs.files.output",
        kind: Kind::Output,
        summary: "Writes each event into a file of its own, which appears in a folder once it is whole; at least once.",
        params: &joined::<8>(
            &[
                Param::new(
                    "dir",
                    ParamKind::Text,
                    "\"files-output/incoming\"",
                    "The folder in which files appear; it is made if it is missing.",
                ),
                Param::new(
                    "tmp",
                    ParamKind::Text,
                    "\"files-output/tmp\"",
                    "The folder in which they are written; on the same file system, made if it is missing.",
                ),
                Param::new("suffix", ParamKind::Text, "\".json\"", "How the names of the files end."),
            ],
            &PARAMS,
        ),
        stateful: false,
        paths: &[],
    },
    make,
};

struct Files {
    tmp: PathBuf,
    dir: PathBuf,
    suffix: String,
    host: String,
    exporter: Exporter,
    /// What is written and has not appeared yet, and the names under which it will.
    held: Vec<(TempPath, String)>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let folder = |name: &str, default: &str| {
        let path = site.path(&params.text(name)?.unwrap_or_else(|| default.to_owned()));
        let made = fs::create_dir_all(&path).and_then(|()| fs::metadata(&path));
        let made = made.map_err(|error| {
            Failure::Configuration(format!("parameter {name:?}: the folder {}: {error}", path.display()))
        });
        made.map(|metadata| (path, metadata.dev()))
    };
    let (tmp, dir) = (folder("tmp", "files-output/tmp")?, folder("dir", "files-output/incoming")?);
    if tmp.1 != dir.1 {
        let problem = "parameters \"tmp\" and \"dir\": the folders must be on the same file system";
        return Err(Failure::Configuration(problem.to_owned()));
    }
    let suffix = params.text("suffix")?.unwrap_or_default();
    if suffix.contains(['/', '\0']) {
        let problem = format!("parameter \"suffix\": {suffix:?} cannot be the end of a file's name");
        return Err(Failure::Configuration(problem));
    }
    let exporter = Exporter::of(params, site)?;
    let (tmp, dir, host) = (tmp.0, dir.0, host());
    Ok(Bot::Output(Box::new(Files { tmp, dir, suffix, host, exporter, held: Vec::new() })))
}

/// Returns the name of this machine, which stands in the names of files.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim().replace('/', "-");
    if name.is_empty() { "localhost".to_owned() } else { name }
}

impl Files {
    /// Writes a file that has not appeared yet; device and inode make its name one that no other file has.
    fn put(&self, text: &[u8], durable: bool) -> io::Result<(TempPath, String)> {
        let mut file =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(&self.tmp)?;
        file.write_all(text)?;
        if durable {
            file.as_file().sync_data()?;
        }
        let metadata = file.as_file().metadata()?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!(
            "{}.{}.{}.{:06}.{}.{}{}",
            self.host,
            std::process::id(),
            since.as_secs(),
            since.subsec_micros(),
            metadata.dev(),
            metadata.ino(),
            self.suffix
        );
        Ok((file.into_temp_path(), name))
    }
}

impl Output for Files {
    fn write(&mut self, event: &Message, context: &mut Context) -> Result<(), Failure> {
        let mut text = Vec::new();
        self.exporter.write(event, &mut text)?;
        let failed = |error| Failure::Other(format!("a file in {}: {error}", self.tmp.display()));
        let held = self.put(&text, context.is_durable()).map_err(failed)?;
        self.held.push(held);
        Ok(())
    }

    fn flush(&mut self, context: &mut Context) -> Result<(), Failure> {
        let moves = !self.held.is_empty();
        // What does not appear is removed: a file that is not moved goes away with its handle.
        for (file, name) in std::mem::take(&mut self.held) {
            let path = self.dir.join(name);
            file.persist(&path)
                .map_err(|error| Failure::Other(format!("{}: {}", path.display(), error.error)))?;
        }
        if moves && context.is_durable() {
            // A name is on the disk with the folder that has it.
            let synced = fs::File::open(&self.dir).and_then(|folder| folder.sync_all());
            synced.map_err(|error| Failure::Other(format!("{}: {error}", self.dir.display())))?;
        }
        Ok(())
    }

    fn reach(&self) -> Reach {
        Reach::WithFlush
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::bots::trial::Trial;
    use crate::message::Idf;

    fn trial(params: &Json) -> Result<Trial, Failure> {
        Trial::new(SPEC.spec.module, params, &Idf::builtin())
    }

    fn event(name: &str) -> Message {
        let mut event = Message::event(&Idf::builtin());
        event.add("source.fqdn", name).unwrap();
        event
    }

    fn names(trial: &Trial, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(trial.state().join(folder)).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_event_is_a_file_with_a_name_of_its_own() {
        let mut trial = trial(&json!({"suffix": ".event", "dir": "a/b/new", "tmp": "a/tmp"})).unwrap();
        for _ in 0..3 {
            assert_eq!(trial.feed(event("same.example")).failure, None);
        }
        let names = names(&trial, "a/b/new");
        assert_eq!(names.len(), 3);
        assert!(fs::read_dir(trial.state().join("a/tmp")).unwrap().next().is_none());
        for name in names {
            let file = trial.state().join("a/b/new").join(&name);
            assert_eq!(fs::read_to_string(&file).unwrap(), "{\"source.fqdn\": \"same.example\"}");
            let metadata = fs::metadata(&file).unwrap();
            let end = format!(".{}.{}.event", metadata.dev(), metadata.ino());
            let start = format!("{}.{}.", host(), std::process::id());
            assert!(name.starts_with(&start) && name.ends_with(&end), "{name}");
            let mode = metadata.permissions().mode();
            assert_eq!(mode & 0o600, 0o600);
            assert_eq!(mode & 0o111, 0, "nobody runs an event");
        }
    }

    #[test]
    fn nothing_appears_before_the_batch_is_whole_and_nothing_is_left_of_one_that_fails() {
        let mut trial = trial(&json!({"single_key": "output"})).unwrap();
        assert!(trial.feed(event("no-output.example")).failure.is_some());
        let dir = trial.state().join("files-output/incoming");
        fs::remove_dir(&dir).unwrap();
        let mut good = event("a.example");
        good.add("output", "1").unwrap();
        let failure = trial.feed(&good).failure.unwrap().to_string();
        assert!(failure.starts_with(dir.to_str().unwrap()), "{failure}");
        fs::create_dir(&dir).unwrap();
        assert_eq!(trial.feed(&good).failure, None);
        assert_eq!(names(&trial, "files-output/incoming").len(), 1, "what failed is written anew, not twice");
        assert_eq!(names(&trial, "files-output/tmp"), [""; 0]);
    }

    #[test]
    fn folders_that_cannot_be_used_are_refused() {
        let elsewhere = tempfile::tempdir_in("/dev/shm");
        let mut cases = vec![
            (json!({"dir": "/proc/no/such"}), "parameter \"dir\": the folder /proc/no/such: "),
            (json!({"suffix": "/x"}), "parameter \"suffix\": \"/x\""),
        ];
        // Where there is a second file system.
        if let Ok(elsewhere) = &elsewhere {
            cases.push((json!({"dir": elsewhere.path()}), "must be on the same file system"));
        }
        for (params, wanted) in cases {
            let refused = trial(&params).err().unwrap_or_else(|| panic!("{params} is taken"));
            assert!(matches!(&refused, Failure::Configuration(text) if text.contains(wanted)), "{refused}");
        }
    }
}
