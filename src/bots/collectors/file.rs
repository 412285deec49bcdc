//! Collects the files of a folder: one report a file, or one a chunk of a file.

mod chunk;
mod round;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;

use self::chunk::Cursor;
use self::round::{Files, Identity};
use super::feed::Feed;
use crate::bots::{AfterCommit, Bot, BotSpec, Collector, Context, Failure, Level, Round, Site};
use crate::message::Message;
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The file collector.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.collectors.file.collector_file",
        kind: Kind::Collector,
        summary: "Collects the files of a folder, one report a file; each round collects all of them.",
        params: &[
            Param::new(
                "path",
                ParamKind::Text,
                "\"/tmp/\"",
                "The folder; it is not searched recursively. Files are collected in the order of their names; \
                 IntelMQ's order is that of the file system.",
            ),
            Param::new(
                "postfix",
                ParamKind::Text,
                "\".csv\"",
                "How the names end; `*`, `?` and `[…]` have their usual meaning. Empty takes all files, and is \
                 refused together with delete_file.",
            ),
            Param::new(
                "delete_file",
                ParamKind::Bool,
                "false",
                "Removes a file once its reports are stored.",
            ),
            Param::new(
                "chunk_size",
                ParamKind::Int,
                "null",
                "Bytes after which a file is cut, at the end of a line, into several reports; 0 or nothing does not cut.",
            ),
            Param::new(
                "chunk_replicate_header",
                ParamKind::Bool,
                "true",
                "Repeats the first line in each report of a cut file.",
            ),
            Param::new("rate_limit", ParamKind::Float, "300", "Seconds to rest after each round."),
        ],
        stateful: true,
        paths: &[],
    },
    make,
};

/// How long a file is known as collected if the process dies before it could remove it.
const KEPT: Duration = Duration::from_secs(30 * 86400);

struct FileCollector {
    folder: PathBuf,
    names: Regex,
    delete: bool,
    chunk_size: Option<u64>,
    replicate_header: bool,
    feed: Feed,
    /// What is left of this round; `None` between rounds.
    files: Option<Files>,
    /// The file that is being cut into chunks. It stays locked.
    cursor: Option<(String, Cursor)>,
    /// Files that the runtime was asked to remove, and that are known as collected until they are gone.
    removing: Vec<PathBuf>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let folder = params.text("path")?.unwrap_or_else(|| "/tmp/".to_owned());
    let folder = std::path::absolute(site.path(&folder))?;
    if !folder.is_dir() {
        return Err(Failure::Configuration(format!(
            "parameter \"path\": {} is not a folder; create it, or name the folder where the files come",
            folder.display()
        )));
    }
    let postfix = params.text("postfix")?.unwrap_or_else(|| ".csv".to_owned());
    let delete = params.flag("delete_file");
    if postfix.is_empty() && delete {
        return Err(Failure::Configuration(format!(
            "an empty postfix with delete_file would remove all files in {}; set postfix to the ending of those \
             that are meant, or \"*\" for all",
            folder.display()
        )));
    }
    let chunk_size = params.int("chunk_size")?.unwrap_or(0);
    let chunk_size = u64::try_from(chunk_size).map_err(|_| {
        Failure::Configuration(format!("parameter \"chunk_size\": must be 0 or more bytes, not {chunk_size}"))
    })?;
    Ok(Bot::Collector(Box::new(FileCollector {
        names: round::pattern(&postfix).map_err(Failure::Configuration)?,
        folder,
        delete,
        chunk_size: (chunk_size > 0).then_some(chunk_size),
        replicate_header: params.get("chunk_replicate_header").is_none()
            || params.flag("chunk_replicate_header"),
        feed: Feed::of(params, site)?,
        files: None,
        cursor: None,
        removing: Vec::new(),
    })))
}

impl Collector for FileCollector {
    /// Sends the next report, of the file in hand or of the next file that has one.
    ///
    /// A file that cannot be read is an error of this portion; the next portion goes on with the next file.
    fn collect(&mut self, context: &mut Context) -> Result<Round, Failure> {
        self.forget_removed(context);
        let mut files = match self.files.take() {
            Some(files) => files,
            None => Files::list(&self.folder, &self.names, context)?,
        };
        let mut sent = false;
        while !sent {
            if self.cursor.is_none() {
                let Some(name) = files.next() else { break };
                match self.open(&name, &files, context) {
                    Ok(Some(cursor)) => self.cursor = Some((name, cursor)),
                    Ok(None) => continue,
                    Err(error) => {
                        self.files = Some(files);
                        return Err(error);
                    }
                }
            }
            sent = self.portion(&mut files, context)?;
        }
        if self.cursor.is_none() && files.is_empty() {
            files.end(context);
            return Ok(Round::Done);
        }
        self.files = Some(files);
        Ok(Round::More)
    }
}

impl FileCollector {
    /// Opens and locks a file; `None` if it is gone, locked by another, or collected already.
    fn open(&mut self, name: &str, files: &Files, context: &mut Context) -> Result<Option<Cursor>, Failure> {
        let path = self.folder.join(name);
        let failed = |error: std::io::Error| Failure::Other(format!("{}: {error}", path.display()));
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let lock = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        match lock {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                context.log(
                    Level::Debug,
                    format!("{} is locked by another process; left for the next round", path.display()),
                );
                return Ok(None);
            }
            Err(error) => return Err(failed(error.into())),
        }
        let identity = Identity::of(&file.metadata().map_err(failed)?);
        if self.delete && context.recall(&removed_key(&path))?.as_deref() == Some(identity.as_bytes()) {
            self.remove(&path, &identity, context);
            return Ok(None);
        }
        context.log(Level::Info, format!("Processing file {:?}.", path.display().to_string()));
        let from = files.resume_at(name, &identity);
        Cursor::new(file, identity, self.chunk_size, self.replicate_header, from).map(Some).map_err(failed)
    }

    /// Sends the next report of the file in hand; tells whether there was one.
    fn portion(&mut self, files: &mut Files, context: &mut Context) -> Result<bool, Failure> {
        let Some((name, mut cursor)) = self.cursor.take() else { return Ok(false) };
        let path = self.folder.join(&name);
        let chunk = match cursor.next() {
            Ok(chunk) => chunk,
            Err(error) => {
                self.files = Some(std::mem::take(files));
                return Err(Failure::Other(format!("{}: {error}", path.display())));
            }
        };
        let sent = match chunk {
            Some(bytes) => match self.send(&path, &name, bytes, context) {
                Ok(()) => true,
                Err(error) => {
                    self.files = Some(std::mem::take(files));
                    return Err(error);
                }
            },
            None => false,
        };
        if cursor.at_end() {
            files.finished(&name, context);
            if self.delete {
                self.remove(&path, cursor.identity(), context);
            }
        } else {
            files.reached(&name, &cursor, context);
            self.cursor = Some((name, cursor));
        }
        Ok(sent)
    }

    fn send(&self, path: &Path, name: &str, bytes: Vec<u8>, context: &mut Context) -> Result<(), Failure> {
        let mut report = Message::report(context.idf());
        report.add("feed.url", format!("file://localhost{}", path.display()))?;
        report.add("extra.file_name", name)?;
        report.add("raw", bytes)?;
        self.feed.send(report, context)
    }

    /// Has a file removed after the commit. Should the process die in between, the file is known as collected.
    fn remove(&mut self, path: &Path, identity: &Identity, context: &mut Context) {
        context.remember(removed_key(path), identity.as_bytes(), Some(KEPT));
        context.after_commit(AfterCommit::Remove(path.to_owned()));
        self.removing.push(path.to_owned());
    }

    fn forget_removed(&mut self, context: &mut Context) {
        self.removing.retain(|path| {
            let there = path.symlink_metadata().is_ok();
            if !there {
                context.forget(removed_key(path));
            }
            there
        });
    }
}

fn removed_key(path: &Path) -> Vec<u8> {
    [b"removed:", path.as_os_str().as_encoded_bytes()].concat()
}
