//! What several tests need: the program, and waiting for something with a deadline.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Returns the program under test: `LAB_PROGRAM`, or the one that was built with the tests.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("LAB_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_intelmq-lab").into(), PathBuf::from)
}

/// Waits until a condition holds, and fails the test when the time is over.
pub(crate) fn until(patience: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    let (_never, pause) = mpsc::channel::<()>();
    while !holds() {
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
        let _ = pause.recv_timeout(Duration::from_millis(2));
    }
}
