//! All labs of a user: finding, choosing, making and removing them.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SessionError;
use super::lab::{Lab, Lock, Record, file, make_folder, remove};
use crate::diagnostic::suggest;

/// What a removed lab's folder is called until all of it is gone.
const GONE: &str = ".gone-";

/// The folder with all labs of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labs {
    root: PathBuf,
}

impl Labs {
    /// Takes the user's own: `$XDG_STATE_HOME/intelmq-lab`, or the same below `~/.local/state`.
    pub fn of_user() -> Result<Self, SessionError> {
        Labs::of(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
    }

    fn of(state: Option<OsString>, home: Option<OsString>) -> Result<Self, SessionError> {
        let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let state = state.and_then(absolute);
        let state = state.or_else(|| home.and_then(absolute).map(|home| home.join(".local/state")));
        match state {
            Some(state) => Ok(Labs::at(&state.join("intelmq-lab"))),
            None => Err(SessionError::usage(
                "no-home",
                "there is no place for labs: HOME is not set",
                "set HOME, or XDG_STATE_HOME, to an absolute path",
            )),
        }
    }

    /// Takes a folder; labs stand in its folder `labs`.
    pub fn at(root: &Path) -> Self {
        Labs { root: root.to_owned() }
    }

    fn labs(&self) -> PathBuf {
        self.root.join("labs")
    }

    /// Returns the folder that a lab has, or would have.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.labs().join(name)
    }

    /// Makes sure that labs can be made here; nothing of it stays.
    pub(super) fn writable(&self) -> Result<(), SessionError> {
        let path = self.labs().join(format!("{GONE}{}", std::process::id()));
        let made = make_folder(&path);
        self.tidy();
        made
    }

    /// Lists the names of all labs, sorted; also of those whose making was cut short.
    pub fn names(&self) -> Result<Vec<String>, SessionError> {
        let mut names: Vec<String> =
            self.entries()?.into_iter().filter(|name| !name.starts_with('.')).collect();
        names.sort();
        Ok(names)
    }

    fn entries(&self) -> Result<Vec<String>, SessionError> {
        let path = self.labs();
        match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(cause) => Err(file(&path, cause)),
            Ok(entries) => {
                Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
            }
        }
    }

    /// Reads a lab; `None` if there is none.
    pub fn find(&self, name: &str) -> Result<Option<Lab>, SessionError> {
        check_name(name)?;
        Lab::read(&self.folder(name))
    }

    /// Reads all labs, sorted by name, those of `check` included.
    pub fn all(&self) -> Result<Vec<Lab>, SessionError> {
        let labs =
            self.names()?.into_iter().filter(|name| check_name(name).is_ok()).map(|name| self.find(&name));
        labs.filter_map(Result::transpose).collect()
    }

    /// Chooses the lab that a command means: the named one, or the only one.
    pub fn pick(&self, name: Option<&str>) -> Result<Lab, SessionError> {
        if let Some(name) = name {
            return match self.find(name)? {
                Some(lab) => Ok(lab),
                None => Err(self.unknown(name)?),
            };
        }
        let mut labs: Vec<Lab> = self.all()?.into_iter().filter(|lab| !lab.record.temporary).collect();
        match (labs.pop(), labs.len()) {
            (Some(lab), 0) => Ok(lab),
            (None, _) => {
                Err(SessionError::usage("no-lab", "there is no lab", "`intelmq-lab up PLAYBOOK` makes one"))
            }
            (Some(last), _) => {
                labs.push(last);
                let names: Vec<&str> = labs.iter().map(|lab| lab.record.name.as_str()).collect();
                Err(several(&names))
            }
        }
    }

    /// Finds the lab of a playbook: the named one, or the only one; `None` if there is none.
    pub fn of_playbook(&self, playbook: &str, name: Option<&str>) -> Result<Option<Lab>, SessionError> {
        if name.is_some() {
            return self.pick(name).map(Some);
        }
        let mut labs = self.all()?;
        labs.retain(|lab| lab.record.playbook == playbook && !lab.record.temporary);
        let names: Vec<&str> = labs.iter().map(|lab| lab.record.name.as_str()).collect();
        match names.len() {
            0 | 1 => Ok(labs.pop()),
            _ => Err(several(&names)),
        }
    }

    /// Makes the error about a lab that does not exist.
    pub(super) fn unknown(&self, name: &str) -> Result<SessionError, SessionError> {
        let names = self.names()?;
        let help = match suggest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => {
                "there is no lab at all; `intelmq-lab up PLAYBOOK` makes one".to_owned()
            }
            None => format!("there are: {}", names.join(", ")),
        };
        Ok(SessionError::usage("unknown-lab", format!("there is no lab `{name}`"), help))
    }

    /// Takes the lock of a lab that exists in any form; `None` if there is no such folder.
    pub(super) fn lock(&self, name: &str) -> Result<Option<Lock>, SessionError> {
        check_name(name)?;
        Lock::take(&self.folder(name), name)
    }

    /// Makes the folder of a lab if there is none, and takes its lock.
    pub(super) fn make(&self, name: &str) -> Result<Lock, SessionError> {
        check_name(name)?;
        for _ in 0..100 {
            make_folder(&self.folder(name))?;
            // Another program may remove the folder, or the empty ones above it, at this very moment.
            if let Some(lock) = self.lock(name)? {
                return Ok(lock);
            }
        }
        Err(SessionError::Busy { lab: name.to_owned(), owner: None })
    }

    /// Removes a lab's folder, and those above it that are ours and empty.
    pub(super) fn remove(&self, name: &str, lock: Lock) -> Result<(), SessionError> {
        let folder = self.folder(name);
        // Under its own name it would come to life again between the removal of the lock and of the rest.
        let gone = self.labs().join(format!("{GONE}{name}-{}", std::process::id()));
        fs::rename(&folder, &gone).map_err(|cause| file(&folder, cause))?;
        drop(lock);
        let removed = remove(&gone);
        self.tidy();
        removed
    }

    /// Removes what a removal that was cut short left behind, and folders of ours that are empty.
    pub(super) fn tidy(&self) {
        for name in self.entries().unwrap_or_default().iter().filter(|name| name.starts_with(GONE)) {
            let _ = remove(&self.labs().join(name));
        }
        let _ = fs::remove_dir(self.labs());
        let _ = fs::remove_dir(&self.root);
    }
}

/// Says whether a name can be a lab's.
pub(super) fn check_name(name: &str) -> Result<(), SessionError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if name.len() <= 64 && name.chars().all(legal) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(SessionError::usage(
        "lab-name",
        format!("{name:?} cannot be the name of a lab"),
        "use up to 64 letters, digits, `-`, `_` and `.`, and begin with a letter or a digit",
    ))
}

fn several(names: &[&str]) -> SessionError {
    let title = format!("there are {} labs: {}", names.len(), names.join(", "));
    SessionError::usage("several-labs", title, "say which one with --lab NAME")
}

impl Record {
    /// Makes the record of a new lab.
    pub(super) fn new(name: &str, playbook: &str) -> Self {
        Record {
            format: 1,
            name: name.to_owned(),
            playbook: playbook.to_owned(),
            playbooks: None,
            target: String::new(),
            broker: String::new(),
            broker_url: None,
            layout: None,
            log_to: None,
            created: super::clock::now(),
            temporary: false,
            passed: Vec::new(),
            begun: None,
            touched: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labs_with(names: &[&str]) -> (tempfile::TempDir, Labs) {
        let folder = tempfile::tempdir().unwrap();
        let labs = Labs::at(&folder.path().join("intelmq-lab"));
        for name in names {
            let _lock = labs.make(name).unwrap();
            let record = Record { temporary: name.starts_with("check"), ..Record::new(name, "monday") };
            Lab { folder: labs.folder(name), record }.save().unwrap();
        }
        (folder, labs)
    }

    #[test]
    fn the_place_follows_the_environment() {
        let place = |state: Option<&str>, home: Option<&str>| {
            Labs::of(state.map(OsString::from), home.map(OsString::from))
                .map(|labs| labs.root.display().to_string())
        };
        assert_eq!(place(Some("/s"), Some("/h")).unwrap(), "/s/intelmq-lab");
        assert_eq!(place(None, Some("/h")).unwrap(), "/h/.local/state/intelmq-lab");
        assert_eq!(place(Some("relative"), Some("/h")).unwrap(), "/h/.local/state/intelmq-lab");
        assert!(place(None, None).unwrap_err().to_string().contains("HOME"));
    }

    #[test]
    fn a_command_without_a_name_means_the_only_lab() {
        let pick = |names: &[&str], name| {
            let (_folder, labs) = labs_with(names);
            labs.pick(name).map(|lab| lab.record.name).map_err(|error| error.diagnostics()[0].clone())
        };
        assert_eq!(pick(&["a"], None).unwrap(), "a");
        assert_eq!(pick(&["a", "check-x"], None).unwrap(), "a");
        assert_eq!(pick(&["a", "b"], Some("b")).unwrap(), "b");
        assert_eq!(pick(&["a", "b"], None).unwrap_err().code, "several-labs");
        assert_eq!(pick(&[], None).unwrap_err().code, "no-lab");
        assert_eq!(pick(&["monday"], Some("mondya")).unwrap_err().help, ["did you mean `monday`?"]);
        assert_eq!(pick(&[], Some("../a")).unwrap_err().code, "lab-name");
    }

    #[test]
    fn a_playbook_means_its_only_lab() {
        let of = |names: &[&str], playbook: &str, name| {
            let (_folder, labs) = labs_with(names);
            let found = labs.of_playbook(playbook, name).map(|lab| lab.map(|lab| lab.record.name));
            found.map_err(|error| error.diagnostics()[0].code)
        };
        assert_eq!(of(&["a", "check-x"], "monday", None), Ok(Some("a".to_owned())));
        assert_eq!(of(&["a"], "tuesday", None), Ok(None));
        assert_eq!(of(&["a", "b"], "monday", Some("b")), Ok(Some("b".to_owned())));
        assert_eq!(of(&["a", "b"], "monday", None), Err("several-labs"));
        assert_eq!(of(&["a"], "monday", Some("b")), Err("unknown-lab"));
    }

    #[test]
    fn a_lab_has_one_owner_at_a_time() {
        let (_folder, labs) = labs_with(&["a"]);
        let lock = labs.make("a").unwrap();
        let error = labs.make("a").unwrap_err();
        assert!(matches!(error, SessionError::Busy { owner: Some(pid), .. } if pid == std::process::id()));
        drop(lock);
        labs.make("a").unwrap();
    }

    #[test]
    fn removal_leaves_nothing_and_spares_other_labs() {
        let (folder, labs) = labs_with(&["a", "b"]);
        fs::create_dir_all(labs.folder("a").join("state/deep")).unwrap();
        labs.remove("a", labs.lock("a").unwrap().unwrap()).unwrap();
        assert_eq!(labs.names().unwrap(), ["b"]);
        fs::create_dir(labs.labs().join(format!("{GONE}c-1"))).unwrap();
        labs.remove("b", labs.lock("b").unwrap().unwrap()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(labs.lock("a").unwrap().is_none());
    }

    #[test]
    fn only_its_owner_may_look_into_a_lab() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, labs) = labs_with(&["a"]);
        let lab = labs.find("a").unwrap().unwrap();
        let secrets = lab.make_secrets(&["key".to_owned()]).unwrap();
        assert_eq!(secrets["key"].len(), 32);
        assert_eq!(lab.make_secrets(&["key".to_owned(), "other".to_owned()]).unwrap()["key"], secrets["key"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&labs.folder("a")), 0o700);
        assert_eq!(mode(&labs.folder("a").join("secrets.json")), 0o600);
        assert_eq!(mode(&folder.path().join("intelmq-lab")), 0o700);
    }

    #[test]
    fn emptying_keeps_the_lab_and_forgets_the_rest() {
        let (_folder, labs) = labs_with(&["a"]);
        let mut lab = labs.find("a").unwrap().unwrap();
        lab.record.passed = vec!["one".to_owned()];
        fs::create_dir(lab.folder.join("out")).unwrap();
        fs::write(lab.folder.join("out/x"), "x").unwrap();
        lab.empty().unwrap();
        let again = labs.find("a").unwrap().unwrap();
        assert!(again.record.passed.is_empty());
        assert!(!again.folder.join("out").exists());
    }
}
