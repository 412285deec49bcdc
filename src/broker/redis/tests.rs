//! Redis against the contract of all brokers, on a real server, and what is Redis' own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Redis;
use crate::broker::contract::{Server, contract, server_contract};
use crate::broker::{Broker, Url};

const PASSWORD: &str = "secret";

/// The servers that this process has started, by their folders.
static SERVERS: Mutex<Option<HashMap<PathBuf, Child>>> = Mutex::new(None);

fn servers<T>(work: impl FnOnce(&mut HashMap<PathBuf, Child>) -> T) -> T {
    work(SERVERS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Starts the server of a folder and waits until it answers. It ends with the thread that started it: that of the test.
fn start(folder: &Path) {
    let socket = folder.join("redis.sock");
    let _ = std::fs::remove_file(&socket);
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server", "--port", "0", "--databases", "256"]);
    command.args(["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--requirepass", PASSWORD]);
    command.arg("--unixsocket").arg(&socket).arg("--dir").arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    servers(|servers| drop(servers.insert(folder.to_owned(), child)));
    let begin = Instant::now();
    while broker(folder, PASSWORD).queues().is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "redis-server does not come up");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn stop(folder: &Path) {
    let mut child = servers(|servers| servers.remove(folder)).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Opens the broker of a folder. One below that of a server has databases of its own there, by its number.
fn broker(folder: &Path, password: &str) -> Redis {
    let above = folder.parent().filter(|above| above.join("redis.sock").exists());
    let number = || folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or(0);
    let (place, number) = above.map_or((folder, 0), |above| (above, number()));
    let (socket, queues) = (place.join("redis.sock"), 2 * number);
    let options = format!("db={queues}&state_db={}&pass={password}", queues + 1);
    Redis::open(&Url::parse(&format!("redis+unix://{}?{options}", socket.display())).unwrap()).unwrap()
}

/// Whether there is a server at all.
fn is_here() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "redis-server is not on PATH");
    if !found {
        eprintln!("skipped: redis-server is not on PATH");
    }
    found
}

fn open(folder: &Path) -> Option<Box<dyn Broker>> {
    if !is_here() {
        return None;
    }
    let above = folder.parent().is_some_and(|above| above.join("redis.sock").exists());
    if !above && !folder.join("redis.sock").exists() {
        start(folder);
    }
    Some(Box::new(broker(folder, PASSWORD)))
}

contract!(open);

const SERVER: Server = Server { open, stop, start, intrude: |folder| Box::new(broker(folder, "wrong")) };

server_contract!(SERVER);
