//! The programs that a machine has.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What programs are found by.
pub(super) struct Machine<'a> {
    /// Reads a variable of the environment.
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Machine<'_> {
    /// Finds a program on PATH, or in a folder of system programs.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.program_of(&[], name)
    }

    /// Finds a program, in some folders first.
    pub(super) fn program_of(&self, first: &[&str], name: &str) -> Option<PathBuf> {
        let path = (self.variable)("PATH").unwrap_or_default();
        let system = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let folders = first.iter().map(PathBuf::from).chain(std::env::split_paths(&path)).chain(system);
        let runs = |path: &PathBuf| {
            fs::metadata(path)
                .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        };
        folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(runs)
    }
}

/// Returns the machine that this runs on.
pub(super) fn this_machine() -> Machine<'static> {
    Machine { variable: &|name| std::env::var_os(name) }
}
