//! A RabbitMQ server for the tests of one process, which ends with it.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::rabbitmq::{DEBIAN, PROGRAM, Standalone};

/// What the password is.
pub(super) const PASSWORD: &str = "tester";
const COMING_UP: Duration = Duration::from_secs(180);
/// How AMQP begins.
const HELLO: &[u8; 8] = b"AMQP\0\0\x09\x01";
/// Says where the server of the process listens that made a place first.
const NOTE: &str = "rabbitmq-port";

/// The server that most tests share.
static SHARED: OnceLock<Option<Process>> = OnceLock::new();
/// The servers of tests that end them.
static OWN: LazyLock<Mutex<HashMap<PathBuf, Process>>> = LazyLock::new(Mutex::default);

/// A server that is a child of this process.
pub(super) struct Process {
    port: u16,
    program: PathBuf,
    folder: PathBuf,
    child: Child,
    /// Its standard input is held open by this process alone. When it ends, this ends the server and removes its folder.
    _guard: Child,
}

/// Returns the port of the server of a place; `None` if there is none on this machine.
pub(super) fn port(place: &Path) -> Option<u16> {
    if let Some(note) = place.ancestors().map(|folder| folder.join(NOTE)).find(|note| note.exists()) {
        return Some(fs::read_to_string(note).unwrap().parse().unwrap());
    }
    let server = SHARED.get_or_init(Process::start).as_ref()?;
    fs::write(place.join(NOTE), server.port.to_string()).unwrap();
    Some(server.port)
}

/// Starts a server for one place alone, unless it has one; tells whether there is one on this machine.
pub(super) fn start_own(place: &Path) -> bool {
    if OWN.lock().unwrap().contains_key(place) {
        return true;
    }
    let Some(server) = Process::start() else { return false };
    fs::write(place.join(NOTE), server.port.to_string()).unwrap();
    OWN.lock().unwrap().insert(place.to_owned(), server);
    true
}

/// Does something with the server of a place.
pub(super) fn own(place: &Path, what: fn(&mut Process)) {
    // Nobody else waits while a server comes up.
    let mut server = OWN.lock().unwrap().remove(place).unwrap();
    what(&mut server);
    OWN.lock().unwrap().insert(place.to_owned(), server);
}

impl Process {
    /// Starts a server; `None` says aloud that there is none here.
    fn start() -> Option<Process> {
        let Some(program) = find() else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "RabbitMQ is missing");
            eprintln!("skipped: rabbitmq-server is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap().keep();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        for (name, text) in alone(port, &folder).files() {
            fs::write(folder.join(name), text).unwrap();
        }
        let child = boot(&program, port, &folder);
        let server = Process { port, _guard: guard(&folder), program, folder, child };
        server.wait();
        Some(server)
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after that.
    pub(super) fn restart(&mut self) {
        self.child = boot(&self.program, self.port, &self.folder);
        self.wait();
    }

    fn wait(&self) {
        let end = Instant::now() + COMING_UP;
        while !answers(self.port) {
            let log = || fs::read_to_string(self.folder.join("out")).unwrap_or_default();
            assert!(Instant::now() < end, "RabbitMQ does not come up:\n{}", log());
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(DEBIAN)).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(PROGRAM)).find(|program| program.exists())
}

fn alone(port: u16, folder: &Path) -> Standalone<'_> {
    Standalone { port, folder, password: PASSWORD }
}

fn boot(program: &Path, port: u16, folder: &Path) -> Child {
    let out = fs::File::create(folder.join("out")).unwrap();
    let child = Command::new(program)
        .current_dir(folder)
        .envs(alone(port, folder).environment())
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .process_group(0)
        .spawn()
        .unwrap();
    fs::write(folder.join("group"), child.id().to_string()).unwrap();
    child
}

/// Ends the server when this process ends, however that happens.
fn guard(folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", r#"read -r _; kill -9 -"$(cat "$0/group")"; rm -rf "$0""#])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

fn answers(port: u16) -> bool {
    let ask = || {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(HELLO)?;
        let mut first = [0; 1];
        socket.read_exact(&mut first)
    };
    ask().is_ok()
}
