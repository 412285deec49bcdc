//! A process of ours that outlives the program: how it is known again, waited for and ended.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};
use serde::{Deserialize, Serialize};

/// What tells a process from every other one, also from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    /// The process's number.
    pub(super) pid: i32,
    /// When it started, in clock ticks since the system did.
    pub(super) started: u64,
}

impl Identity {
    /// Reads the identity of a process that exists.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Some(Identity { pid, started: started(pid)? })
    }

    /// Finds the process of ours whose standard input is this file, if there is one.
    pub(super) fn with_input(file: &Path) -> Option<Self> {
        let file = fs::canonicalize(file).ok()?;
        let numbers = fs::read_dir("/proc").ok()?.flatten();
        numbers
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .find(|pid: &u32| fs::read_link(format!("/proc/{pid}/fd/0")).is_ok_and(|input| input == file))
            .and_then(Identity::of)
    }
}

/// Returns the start time of a process, field 22 of its `stat`.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// A handle to a process that cannot come to mean another one.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    handle: OwnedFd,
}

impl Process {
    /// Opens a process; `None` if it is gone.
    pub(super) fn open(identity: Identity) -> Option<Self> {
        let pid = Pid::from_raw(identity.pid)?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Looked at after the handle was made: then the handle is of this process, or the times differ.
        let process = Process { pid, handle };
        (started(identity.pid) == Some(identity.started) && !process.ends_within(Duration::ZERO))
            .then_some(process)
    }

    /// Waits until the process has ended, at most so long; tells whether it has.
    pub(super) fn ends_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            match poll(&mut [PollFd::from_borrowed_fd(self.handle.as_fd(), PollFlags::IN)], Some(&timeout)) {
                Ok(0) if Instant::now() < deadline => {}
                Err(rustix::io::Errno::INTR) => {}
                Ok(0) | Err(_) => return false,
                Ok(_) => {
                    self.reap();
                    return true;
                }
            }
        }
    }

    /// Ends it: politely, and after the patience is over by force. Tells whether it has ended.
    pub(super) fn end(&self, patience: Duration) -> bool {
        let _ = pidfd_send_signal(&self.handle, Signal::TERM);
        if self.ends_within(patience) {
            return true;
        }
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
        self.ends_within(Duration::from_secs(5))
    }

    /// Takes the end of a child of this very process, so that no zombie stays.
    fn reap(&self) {
        let _ = waitpid(Some(self.pid), WaitOptions::NOHANG);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper() -> (Child, Identity) {
        let child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        (child, identity)
    }

    #[test]
    fn a_process_is_ended_and_then_gone() {
        let (_child, identity) = sleeper();
        let process = Process::open(identity).expect("it runs");
        assert!(!process.ends_within(Duration::from_millis(1)));
        assert!(process.end(Duration::from_secs(5)));
        assert!(Process::open(identity).is_none());
    }

    #[test]
    fn a_process_that_ignores_the_polite_way_is_ended_by_force() {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' TERM; echo ready; while :; do read -r line; done"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let process = Process::open(Identity::of(child.id()).unwrap()).unwrap();
        assert!(process.end(Duration::from_millis(50)));
        let _ = child.wait();
    }

    #[test]
    fn a_later_process_with_the_same_number_is_not_taken_for_it() {
        let (_child, identity) = sleeper();
        let recycled = Identity { started: identity.started + 1, ..identity };
        assert!(Process::open(recycled).is_none());
        Process::open(identity).unwrap().end(Duration::from_secs(5));
    }

    #[test]
    fn a_process_is_found_by_its_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input");
        let file = fs::File::create(&path).unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(file)).spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        assert_eq!(Identity::with_input(&path), Some(identity));
        assert_eq!(Identity::with_input(folder.path()), None);
        Process::open(identity).unwrap().end(Duration::from_secs(5));
        let _ = child.wait();
    }
}
