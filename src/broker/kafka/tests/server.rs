//! Apache Kafka for tests: one that they share, and ones that a test may end and start.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::{JAVA_OPTIONS, Kafka, KafkaOptions, META, META_FILE, SERVER_CLASS, Standalone, USER};
use crate::broker::{Broker, Member};

pub(crate) const PASSWORD: &str = "secret";
const PROPERTIES: &str = "server.properties";
/// Where a server's address stands in its folder.
const ADDRESS: &str = "address";

/// The servers of single tests, by their folders.
static SERVERS: Mutex<Option<HashMap<PathBuf, Child>>> = Mutex::new(None);
/// The folder of the server that tests share, once it runs.
static SHARED: Mutex<Option<PathBuf>> = Mutex::new(None);

fn servers<T>(work: impl FnOnce(&mut HashMap<PathBuf, Child>) -> T) -> T {
    work(SERVERS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Finds Kafka; `None` if it is not on this machine.
fn home() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let has_jars = |home: &PathBuf| home.join("libs").is_dir();
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let newest = |cache: PathBuf| {
        let versions = std::fs::read_dir(cache.join("intelmq-lab/kafka")).ok()?;
        versions.flatten().map(|version| version.path()).filter(has_jars).max()
    };
    let home = variable("KAFKA_HOME").filter(has_jars).or_else(|| newest(cache()?));
    assert!(
        home.is_some() || std::env::var_os("CI").is_none(),
        "there is no Kafka; `scripts/brokers kafka` gets it"
    );
    if home.is_none() {
        eprintln!("SKIPPED: there is no Kafka; `scripts/brokers kafka` gets it");
    }
    home
}

fn java(home: &Path, class: &str) -> Vec<String> {
    let mut words: Vec<String> = ["java"].iter().chain(JAVA_OPTIONS).map(ToString::to_string).collect();
    let archive = home.join("kafka.jsa");
    words.extend(archive.exists().then(|| format!("-XX:SharedArchiveFile={}", archive.display())));
    words.extend(["-cp".to_owned(), format!("{}/libs/*", home.display()), class.to_owned()]);
    words
}

/// Returns the options for a server with a folder.
pub(crate) fn options(folder: &Path, prefix: &str, password: &str) -> KafkaOptions {
    let address = std::fs::read_to_string(folder.join(ADDRESS)).unwrap();
    let mut options = KafkaOptions::new(&address, prefix, &Member::alone("test"));
    for (key, value) in [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", USER),
        ("sasl.password", password),
    ] {
        options.properties.insert(key.to_owned(), value.to_owned());
    }
    options
}

/// Prepares a server's folder; `false` if there is no Kafka.
fn prepare(folder: &Path) -> Option<PathBuf> {
    let home = home()?;
    // Both are held while the other is chosen.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [port, controller] = listeners.map(|listener| listener.local_addr().unwrap().port());
    let standalone = Standalone { port, controller, data: &folder.join("data"), password: PASSWORD };
    std::fs::write(folder.join(PROPERTIES), standalone.properties()).unwrap();
    std::fs::write(folder.join(ADDRESS), format!("127.0.0.1:{port}")).unwrap();
    std::fs::create_dir(folder.join("data")).unwrap();
    std::fs::write(folder.join("data").join(META_FILE), META).unwrap();
    Some(home)
}

fn wait(folder: &Path) {
    let begin = Instant::now();
    while Kafka::new(&options(folder, "probe", PASSWORD)).queues().is_err() {
        assert!(
            begin.elapsed() < Duration::from_secs(90),
            "Kafka does not come up: {}/log",
            folder.display()
        );
    }
}

/// Starts the server of a folder, which ends with the thread that started it: that of the test.
pub(super) fn start(folder: &Path) {
    let home = home().unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).args(java(&home, SERVER_CLASS)).arg(PROPERTIES).current_dir(folder);
    let child = command.stdin(Stdio::null()).stdout(log).spawn().unwrap();
    servers(|servers| drop(servers.insert(folder.to_owned(), child)));
    wait(folder);
}

/// Ends the server of a folder by force.
pub(super) fn stop(folder: &Path) {
    let mut child = servers(|servers| servers.remove(folder)).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Makes sure that the server of a folder was started; `false` if there is no Kafka.
pub(super) fn is_started(folder: &Path) -> bool {
    let is_new = !folder.join(PROPERTIES).exists();
    if is_new && prepare(folder).is_none() {
        return false;
    }
    if is_new {
        start(folder);
    }
    true
}

/// Returns the folder of the server that all tests share, started if need be; `None` if there is no Kafka.
///
/// A shell waits for the end of its input, which this process holds: then it ends the server and removes the folder.
pub(crate) fn shared() -> Option<PathBuf> {
    const SHELL: &str = "\"$@\" >log 2>&1 & pid=$!; cat >/dev/null; kill -9 $pid; rm -rf \"$PWD\"";
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.is_none() {
        let folder = std::env::temp_dir().join(format!("intelmq-lab-kafka-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let home = prepare(&folder)?;
        let mut command = Command::new("sh");
        command
            .args(["-c", SHELL, "kafka"])
            .args(java(&home, SERVER_CLASS))
            .arg(PROPERTIES)
            .current_dir(&folder);
        let shell = command.stdin(Stdio::piped()).spawn().unwrap();
        servers(|servers| drop(servers.insert(folder.clone(), shell)));
        wait(&folder);
        *shared = Some(folder);
    }
    shared.clone()
}
