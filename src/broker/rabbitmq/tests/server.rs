//! A RabbitMQ server for the tests of one process, which ends with it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// What user and password are.
pub(super) const LOGIN: &str = "tester";
const COMING_UP: Duration = Duration::from_secs(180);
/// How AMQP begins.
const HELLO: &[u8; 8] = b"AMQP\0\0\x09\x01";
/// Says where the server of the process listens that made a place first.
const NOTE: &str = "rabbitmq-port";
/// Where Debian has the program itself; what stands in PATH there becomes another user first.
const DEBIAN: &str = "/usr/lib/rabbitmq/bin";

/// The server that most tests share.
static SERVER: OnceLock<Option<Server>> = OnceLock::new();

/// A server that is a child of this process.
pub(super) struct Server {
    pub(super) port: u16,
    program: PathBuf,
    folder: PathBuf,
    child: Child,
    /// Its standard input is held open by this process alone. When it ends, this ends the server and removes its folder.
    guard: Child,
}

/// Returns the port of the server of a place; `None` if there is none on this machine.
pub(super) fn port(place: &Path) -> Option<u16> {
    if let Some(note) = place.ancestors().map(|folder| folder.join(NOTE)).find(|note| note.exists()) {
        return Some(fs::read_to_string(note).unwrap().parse().unwrap());
    }
    let server = SERVER.get_or_init(|| Server::start("")).as_ref()?;
    fs::write(place.join(NOTE), server.port.to_string()).unwrap();
    Some(server.port)
}

impl Server {
    /// Starts a server with some more lines of configuration; `None` says aloud that there is none here.
    pub(super) fn start(more: &str) -> Option<Server> {
        let Some(program) = find() else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "RabbitMQ is missing");
            eprintln!("skipped: rabbitmq-server is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap().keep();
        let [port, distribution, names] = free_ports();
        fs::write(folder.join("plugins"), "[].").unwrap();
        let configuration = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {LOGIN}\ndefault_pass = {LOGIN}\n{more}"
        );
        fs::write(folder.join("rabbitmq.conf"), configuration).unwrap();
        fs::write(folder.join("ports"), format!("{distribution} {names}")).unwrap();
        let child = boot(&program, &folder);
        let guard = guard(&folder);
        let server = Server { port, program, folder, child, guard };
        server.wait();
        Some(server)
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Starts it again after that.
    pub(super) fn restart(&mut self) {
        self.child = boot(&self.program, &self.folder);
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

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(DEBIAN)).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join("rabbitmq-server")).find(|program| program.exists())
}

fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Starts the server and its name service in a group of their own.
fn boot(program: &Path, folder: &Path) -> Child {
    let ports = fs::read_to_string(folder.join("ports")).unwrap();
    let (distribution, names) = ports.split_once(' ').unwrap();
    let out = fs::File::create(folder.join("out")).unwrap();
    let child = Command::new("sh")
        .args(["-c", r#"epmd -port "$ERL_EPMD_PORT" & exec "$0""#])
        .arg(program)
        .current_dir(folder)
        .env("HOME", folder)
        .env("RABBITMQ_NODENAME", "tests@localhost")
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_CONF_ENV_FILE", folder.join("none"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_DIST_PORT", distribution)
        .env("ERL_EPMD_PORT", names)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
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
        .args(["-c", r#"read -r _; kill -9 -- "-$(cat "$0/group")"; rm -rf "$0""#])
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
