//! An Apache Kafka for this test program: started once, ended with it.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const JAVA: &str = "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.level=ERROR";

/// Keeps the server's standard input open: its shell ends it when that closes, however this process ends.
struct Server {
    address: String,
    _shell: Child,
}

/// Returns where the server is; `None` if there is no Kafka on this machine.
pub(super) fn address() -> Option<String> {
    static SERVER: LazyLock<Option<Server>> = LazyLock::new(start);
    SERVER.as_ref().map(|server| server.address.clone())
}

fn home() -> Option<PathBuf> {
    let has_jars = |home: &PathBuf| home.join("libs").is_dir();
    if let Some(home) = std::env::var_os("KAFKA_HOME").map(PathBuf::from).filter(has_jars) {
        return Some(home);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let versions = std::fs::read_dir(cache.join("intelmq-lab/kafka")).ok()?;
    versions.flatten().map(|version| version.path()).filter(has_jars).max()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start() -> Option<Server> {
    let Some(home) = home() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no Kafka: run scripts/brokers-kafka");
        eprintln!("SKIPPED: no Kafka on this machine; scripts/brokers-kafka gets one");
        return None;
    };
    let folder = std::env::temp_dir().join(format!("intelmq-lab-kafka-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (port, controller) = (free_port(), free_port());
    std::fs::write(folder.join("properties"), properties(&folder, port, controller)).unwrap();
    let script = "cp=$1/libs/'*'; cd \"$2\"; \
        java $3 -cp \"$cp\" kafka.tools.StorageTool format -t 5L6g3nShT-eMCtK--X86sw -c properties >log 2>&1; \
        java $3 -cp \"$cp\" kafka.Kafka properties >>log 2>&1 & pid=$!; \
        cat >/dev/null; kill -9 $pid; cd /; rm -rf \"$2\"";
    let mut shell = Command::new("sh")
        .args(["-c", script, "kafka"])
        .arg(home)
        .arg(&folder)
        .arg(JAVA)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "Kafka does not start: {}/log", folder.display());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    shell.stdin.as_mut().unwrap().flush().unwrap();
    Some(Server { address: format!("127.0.0.1:{port}"), _shell: shell })
}

fn properties(folder: &Path, port: u16, controller: u16) -> String {
    let folder = folder.display();
    format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\nlog.dirs={folder}/data\n\
         offsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n\
         num.network.threads=2\nnum.io.threads=2\nbackground.threads=2\nnum.recovery.threads.per.data.dir=1\n\
         log.cleaner.dedupe.buffer.size=4194304\nbroker.session.timeout.ms=1500\nbroker.heartbeat.interval.ms=300\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=500\nauto.create.topics.enable=false\n"
    )
}
