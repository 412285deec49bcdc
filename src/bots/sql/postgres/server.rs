//! A PostgreSQL server for tests, which ends with the process that started it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio_postgres::{Config, NoTls};

use super::client::{Client, Trouble};

const PASSWORD: &str = "secret";
const COMING_UP: Duration = Duration::from_secs(60);
/// Where Debian has its programs, which do not stand in PATH there.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The user that Debian's package makes; the server refuses to run as root.
const USER: &str = "postgres";

/// The server that tests share, each with a database of its own.
static SHARED: OnceLock<Option<Server>> = OnceLock::new();

/// A server that is a child of this process.
pub(crate) struct Server {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    child: Child,
    /// Its standard input is held open by this process alone. When it ends, this ends the server and removes its folder.
    _guard: Child,
}

/// Returns the server that tests share; `None` says aloud that there is none here.
pub(crate) fn shared() -> Option<&'static Server> {
    SHARED.get_or_init(Server::start).as_ref()
}

impl Server {
    /// Starts a server; `None` says aloud that there is none here.
    pub(crate) fn start() -> Option<Server> {
        let Some(programs) = find() else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "PostgreSQL is missing");
            eprintln!("skipped: PostgreSQL is not installed (package postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap().keep();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        fs::write(folder.join("password"), PASSWORD).unwrap();
        certificate(&folder);
        own(&folder);
        let mut init = command(&programs.join("initdb"), &folder);
        init.args(["--username=intelmq", "--auth=scram-sha-256", "--pwfile=password", "--pgdata=data"]);
        init.args(["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]);
        assert!(init.status().unwrap().success(), "initdb: {}", log(&folder));
        let child = boot(&programs, &folder, port);
        let server = Server { _guard: guard(&folder), programs, folder, port, child };
        server.wait();
        Some(server)
    }

    /// Makes an empty database, and returns the parameters of an output that writes to it.
    pub(crate) fn database(&self, name: &str) -> Json {
        self.run("postgres", &format!("CREATE DATABASE \"{name}\""));
        json!({
            "engine": "postgresql", "host": "127.0.0.1", "port": self.port, "user": "intelmq", "password": PASSWORD,
            "database": name, "ssl_ca_certificate": self.folder.join("server.crt"),
        })
    }

    /// Returns the folder of its socket.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Does something in a database.
    pub(crate) fn run(&self, database: &str, statements: &str) {
        drop(self.hold(database, statements));
    }

    /// Does something in a database, and keeps the session.
    pub(crate) fn hold(&self, database: &str, statements: &str) -> impl Sized {
        let client = self.connect(database).map_err(|error| error.told()).unwrap();
        client.run(statements).map_err(|error| error.told()).unwrap();
        client
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        // Only a server that is told so ends its sessions at once.
        let quit = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        assert!(quit.unwrap().success());
        self.child.wait().unwrap();
    }

    /// Starts it again after that.
    pub(crate) fn restart(&mut self) {
        self.child = boot(&self.programs, &self.folder, self.port);
        self.wait();
    }

    fn connect(&self, database: &str) -> Result<Client, Trouble> {
        let mut config = Config::new();
        config.host_path(&self.folder).port(self.port).dbname(database);
        config.user("intelmq").password(PASSWORD);
        Client::connect(&config, NoTls, COMING_UP, COMING_UP)
    }

    fn wait(&self) {
        let end = Instant::now() + COMING_UP;
        while self.connect("postgres").is_err() {
            assert!(Instant::now() < end, "PostgreSQL does not come up: {}", log(&self.folder));
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders.into_iter().find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).exists()))
}

/// Makes a certificate for the loopback address, which vouches for itself.
fn certificate(folder: &Path) {
    let names = vec!["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("server.crt"), made.cert.pem()).unwrap();
    fs::write(folder.join("server.key"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Gives a folder and what is in it to the user that the server runs as.
fn own(folder: &Path) {
    if !is_root() {
        return;
    }
    let number = |what: &str| {
        let told = Command::new("id").args([what, USER]).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().parse::<u32>().ok()
    };
    let (user, group) = (number("-u"), number("-g"));
    assert!(user.is_some(), "there is no user {USER}, as whom a server could run");
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        chown(path, user, group).unwrap();
    }
    chown(folder, user, group).unwrap();
}

/// Makes the call of a program, as another user if this one is root.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(if is_root() { Path::new("setpriv") } else { program });
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program);
    }
    let out = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command.current_dir(folder).env("LC_ALL", "C").stdin(Stdio::null());
    command.stdout(out.try_clone().unwrap()).stderr(out);
    command
}

fn boot(programs: &Path, folder: &Path, port: u16) -> Child {
    let mut command = command(&programs.join("postgres"), folder);
    command.args(["-D", "data", "-p", &port.to_string(), "-h", "127.0.0.1", "-F", "-k"]).arg(folder);
    for setting in ["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key"] {
        command.args(["-c", setting]);
    }
    let child = command.process_group(0).spawn().unwrap();
    fs::write(folder.join("pid"), child.id().to_string()).unwrap();
    child
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// Ends the server when this process ends, however that happens.
fn guard(folder: &Path) -> Child {
    let script =
        r#"read -r _; pid=$(cat "$0/pid"); kill -QUIT "$pid"; tail --pid="$pid" -f /dev/null; rm -rf "$0""#;
    let mut guard = Command::new("sh");
    guard.args(["-c", script]).arg(folder).process_group(0);
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
