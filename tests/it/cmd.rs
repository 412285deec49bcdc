//! Command lines with what they must print and how they must end: `tests/cmd/*.trycmd`.
//!
//! `TRYCMD=overwrite cargo test --test it cmd` writes down what they print now.

use std::path::{Path, PathBuf};

use trycmd::TestCases;

/// Makes cases that see no labs, no settings and no terminal of whoever runs the tests.
fn cases(state: &Path) -> TestCases {
    let cases = TestCases::new();
    cases
        .default_bin_path(env!("CARGO_BIN_EXE_intelmq-lab"))
        .register_bin("intelmq-lab", Path::new(env!("CARGO_BIN_EXE_intelmq-lab")))
        .env("XDG_STATE_HOME", state.to_string_lossy())
        .env("NO_COLOR", "1")
        .timeout(std::time::Duration::from_secs(60));
    cases.insert_var("[VERSION]", env!("CARGO_PKG_VERSION")).expect("a name of capitals");
    cases.insert_var("[STATE]", state.to_string_lossy().into_owned()).expect("a name of capitals");
    cases
}

#[test]
fn help_and_errors() {
    assert!(!files("tests/cmd").is_empty());
    let state = tempfile::tempdir().expect("a folder for labs");
    cases(state.path()).case("tests/cmd/*.trycmd").run();
}

/// Each file is a visit of its own: it brings a lab up, looks at it and removes it.
#[test]
fn visits() {
    for file in files("tests/cmd/visits") {
        let state = tempfile::tempdir().expect("a folder for labs");
        cases(state.path()).case(&file).run();
        let left: Vec<_> = std::fs::read_dir(state.path()).expect("the folder").flatten().collect();
        assert!(left.is_empty(), "{} left {left:?}", file.display());
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut files: Vec<PathBuf> = entries.unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "trycmd"));
    files.sort();
    files
}
