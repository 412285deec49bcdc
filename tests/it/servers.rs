//! Servers of brokers for tests from outside: that of a lab, which is ended by force and brought up again by `up`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::program;

/// The shortest way to a lab with a server.
const PLAYBOOK: &str = "shodan";

/// The server of a lab in a folder; it ends with the test.
pub(crate) struct Server {
    state: PathBuf,
    broker: &'static str,
}

impl Server {
    /// Starts a server; `None` says aloud that this machine has none, which fails in CI.
    pub(crate) fn start(folder: &Path, broker: &'static str) -> Option<Self> {
        let server = Server { state: folder.join("labs"), broker };
        match server.run(&server.up_words()) {
            Ok(()) => Some(server),
            Err(said) if said.contains("cannot start the broker") && std::env::var_os("CI").is_none() => {
                eprintln!("SKIPPED: {said}");
                None
            }
            Err(said) => panic!("{said}"),
        }
    }

    fn up_words(&self) -> [&'static str; 6] {
        ["up", PLAYBOOK, "--to", "1", "--broker", self.broker]
    }

    /// Runs a command on the lab; returns what it said if it failed.
    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(program());
        command.args(arguments).args(["--lab", "server"]).env("XDG_STATE_HOME", &self.state);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = || String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
        if output.status.success() { Ok(()) } else { Err(text()) }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.state.join("intelmq-lab/labs/server").join(name)).unwrap()
    }

    /// Returns its address, in a part of it that the lab does not use.
    pub(crate) fn url(&self) -> String {
        let url = self.read("broker/url");
        let (url, more) = (url.trim(), if url.contains('?') { '&' } else { '?' });
        format!("{url}{more}prefix=test.")
    }

    /// Ends it as a power cut would, and starts it again.
    pub(crate) fn restart(&self) {
        let record: serde_json::Value = serde_json::from_str(&self.read("broker.json")).unwrap();
        let pid = Pid::from_raw(record["pid"].as_i64().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        self.run(&self.up_words()).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.run(&["down"]);
    }
}
