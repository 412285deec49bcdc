//! Redis against the contract of all brokers, on a real server, and what is Redis' own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Redis;
use crate::broker::contract::{self, Server, contract, server_contract};
use crate::broker::{Broker, BrokerError, Delivery, Hop, Link, Outgoing, StateEntry, Url, Wiring};

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

#[test]
fn processes_share() {
    let place = tempfile::tempdir().unwrap();
    contract::processes_share(place.path(), |place, _| open(place));
}

server_contract!(SERVER);

const Q: &str = "url-expert-queue";

/// A server of a test's own, and a connection to it as IntelMQ has one.
struct Place {
    folder: tempfile::TempDir,
    python: redis::Connection,
}

impl Place {
    fn new() -> Option<Self> {
        if !is_here() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        start(folder.path());
        let socket = folder.path().join("redis.sock");
        let client = redis::Client::open(format!("redis+unix://{}?db=0&pass={PASSWORD}", socket.display()));
        let python = client.unwrap().get_connection().unwrap();
        Some(Place { folder, python })
    }

    fn broker(&self) -> Redis {
        broker(self.folder.path(), PASSWORD)
    }

    fn ask<T: redis::FromRedisValue>(&mut self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut asked = redis::cmd(words.next().unwrap());
        asked.arg(words.collect::<Vec<_>>());
        asked.query(&mut self.python).unwrap()
    }

    /// Everything in the list, from its left.
    fn list(&mut self, name: &str) -> Vec<String> {
        self.ask(&format!("LRANGE {name} 0 -1"))
    }
}

fn link(broker: &Redis) -> Box<dyn Link> {
    let wiring =
        Wiring { bot: "url-expert".into(), source: Some(Q.into()), destinations: vec!["out".into()] };
    broker.link(&wiring).unwrap()
}

fn sent(bodies: &[&str]) -> Vec<Outgoing> {
    bodies.iter().map(|body| Outgoing { queue: "out".into(), body: body.as_bytes().to_vec() }).collect()
}

fn texts(deliveries: &[Delivery]) -> Vec<String> {
    let mark = |delivery: &Delivery| if delivery.redelivered { "!" } else { "" };
    deliveries.iter().map(|one| format!("{}{}", String::from_utf8_lossy(&one.body), mark(one))).collect()
}

fn take(link: &mut dyn Link, max: usize) -> Vec<String> {
    texts(&link.receive(max, Duration::ZERO).unwrap())
}

#[test]
fn queues_lie_where_intelmq_has_them() {
    let Some(mut place) = Place::new() else { return };
    let broker = place.broker();
    let mut link = link(&broker);
    let _: i64 = place.ask(&format!("LPUSH {Q} 1 2 3"));
    assert_eq!(take(&mut *link, 2), ["1", "2"]);
    assert_eq!(place.list(&format!("{Q}-internal")), ["2", "1"]);
    let state =
        StateEntry { bot: "url-expert".into(), key: b"k".to_vec(), value: Some(b"v".to_vec()), ttl: None };
    link.commit(Hop { outgoing: sent(&["a", "b"]), acknowledge: 1, state: vec![state] }).unwrap();
    assert_eq!(place.list("out"), ["b", "a"]);
    assert_eq!(place.list(&format!("{Q}-internal")), ["2"]);
    let mut keys: Vec<String> = place.ask("KEYS *");
    keys.sort();
    // IntelMQ's tools take every key of the database for a queue.
    assert_eq!(keys, ["out", Q, &format!("{Q}-internal")]);
}

#[test]
fn what_a_python_bot_has_left_in_flight_comes_first() {
    let Some(mut place) = Place::new() else { return };
    let _: i64 = place.ask(&format!("LPUSH {Q} 1 2 3"));
    let _: String = place.ask(&format!("LMOVE {Q} {Q}-internal RIGHT LEFT"));
    let broker = place.broker();
    assert_eq!(broker.depth(Q).unwrap().in_flight, 1);
    assert_eq!(take(&mut *link(&broker), 9), ["1!", "2", "3"]);
    // Dropped: a Python bot goes on with what nobody acknowledged, one after the other.
    for expected in ["1", "2", "3"] {
        assert_eq!(place.ask::<String>(&format!("LINDEX {Q}-internal -1")), expected);
        let _: String = place.ask(&format!("RPOP {Q}-internal"));
    }
    let _: i64 = place.ask(&format!("LPUSH {Q} 4"));
    assert_eq!(take(&mut *link(&broker), 9), ["4"]);
}

#[test]
fn a_full_server_stores_nothing_and_loses_nothing() {
    let Some(mut place) = Place::new() else { return };
    let _: i64 = place.ask(&format!("LPUSH {Q} 1 2"));
    let broker = place.broker();
    let mut link = link(&broker);
    assert_eq!(take(&mut *link, 1), ["1"]);
    let _: String = place.ask("CONFIG SET maxmemory 1");
    let hop = || Hop { outgoing: sent(&["a"]), acknowledge: 1, ..Hop::default() };
    let error = link.commit(hop()).unwrap_err();
    assert!(
        matches!(&error, BrokerError::Unavailable { problem, .. } if problem.contains("maxmemory")),
        "{error}"
    );
    let _: String = place.ask("CONFIG SET maxmemory 0");
    link.commit(hop()).unwrap();
    assert_eq!(place.list("out"), ["a"]);
    assert_eq!(take(&mut *link, 9), ["2"]);
}

#[test]
fn a_key_that_is_no_queue_is_left_alone() {
    let Some(mut place) = Place::new() else { return };
    let _: i64 = place.ask(&format!("LPUSH {Q} 1"));
    let _: String = place.ask("SET out text");
    let broker = place.broker();
    let mut link = link(&broker);
    assert_eq!(take(&mut *link, 1), ["1"]);
    let outgoing = [sent(&["a"]), vec![Outgoing { queue: "before".into(), body: b"b".to_vec() }]].concat();
    let error = link.commit(Hop { outgoing, acknowledge: 1, ..Hop::default() }).unwrap_err();
    assert!(error.to_string().contains("the key out holds a string"), "{error}");
    assert_eq!(place.ask::<String>("GET out"), "text");
    assert_eq!(place.list("before"), [""; 0]);
    assert_eq!(broker.depth(Q).unwrap().in_flight, 1);
}

#[test]
fn another_process_takes_over_from_the_dead_only_and_these_store_nothing_more() {
    let Some(mut place) = Place::new() else { return };
    let _: i64 = place.ask(&format!("LPUSH {Q} 1 2 3 4 5 6"));
    // Two brokers are two processes: what they know of each other is what the server tells.
    let (first, second) = (place.broker(), place.broker());
    let (mut a, mut b) = (link(&first), link(&second));
    assert_eq!(take(&mut *a, 2), ["1", "2"]);
    assert_eq!(take(&mut *b, 2), ["3", "4"]);
    assert_eq!(take(&mut *link(&second), 9), ["5", "6"]);
    assert_eq!(first.depth(Q).unwrap().in_flight, 4);
    b.commit(Hop { outgoing: sent(&["3", "4"]), acknowledge: 2, ..Hop::default() }).unwrap();
    let all: String = place.ask("CLIENT LIST");
    let mut named = all.lines().filter(|line| line.contains("name=intelmq-lab:url-expert"));
    let oldest = named.find_map(|line| line.strip_prefix("id=")?.split(' ').next()).unwrap().to_owned();
    let _: i64 = place.ask(&format!("CLIENT KILL ID {oldest}"));
    // The first does not know yet that its connection is gone, and somebody else looks.
    assert_eq!(take(&mut *link(&second), 2), ["1!", "2!"]);
    let mut c = link(&second);
    assert_eq!(take(&mut *c, 2), ["1!", "2!"]);
    assert!(a.commit(Hop { outgoing: sent(&["late"]), acknowledge: 2, ..Hop::default() }).is_err());
    a.release().unwrap();
    assert_eq!(take(&mut *a, 9), ["5!", "6!"]);
    c.commit(Hop { outgoing: sent(&["1", "2"]), acknowledge: 2, ..Hop::default() }).unwrap();
    assert_eq!(place.list("out"), ["2", "1", "4", "3"]);
}

#[test]
fn a_user_who_may_not_see_other_connections_still_works_and_stops() {
    let Some(mut place) = Place::new() else { return };
    let rights = "ACL SETUSER bot on >pw ~* +@all -client|list -client|unblock -client|setname -config";
    let _: String = place.ask(rights);
    let socket = place.folder.path().join("redis.sock");
    let url = format!("redis+unix://{}?db=0&state_db=1&user=bot&pass=pw", socket.display());
    let broker = Arc::new(Redis::open(&Url::parse(&url).unwrap()).unwrap());
    let _: i64 = place.ask(&format!("LPUSH {Q} 1"));
    let mut link = link(&broker);
    assert_eq!(take(&mut *link, 9), ["1"]);
    let other = broker.clone();
    let begin = Instant::now();
    let waiting = std::thread::spawn(move || link.receive(9, Duration::from_secs(60)).unwrap().len());
    std::thread::park_timeout(Duration::from_millis(50));
    other.interrupt();
    assert_eq!(waiting.join().unwrap(), 0);
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_server_without_so_many_databases_is_told_apart() {
    let Some(place) = Place::new() else { return };
    let socket = place.folder.path().join("redis.sock");
    let url = format!("redis+unix://{}?db=0&state_db=9999&pass={PASSWORD}", socket.display());
    let broker = Redis::open(&Url::parse(&url).unwrap()).unwrap();
    let error = broker.depth(Q).unwrap_err();
    assert!(matches!(error, BrokerError::Refused { .. }) && error.to_string().contains("9999"), "{error}");
}

#[test]
fn what_begins_with_a_prefix_is_erased_and_nothing_else() {
    let Some(mut place) = Place::new() else { return };
    let broker = place.broker();
    for name in ["mine.a", "other.a"] {
        let wiring = Wiring { bot: name.into(), source: Some(name.into()), destinations: Vec::new() };
        let mut link = broker.link(&wiring).unwrap();
        let outgoing = vec![Outgoing { queue: name.into(), body: b"1".to_vec() }; 3];
        let state =
            StateEntry { bot: name.into(), key: b"k".to_vec(), value: Some(b"v".to_vec()), ttl: None };
        link.commit(Hop { outgoing, acknowledge: 0, state: vec![state] }).unwrap();
        assert_eq!(take(&mut *link, 1), ["1"]);
        let written = vec![(format!("{name}.stats.success").into_bytes(), Some(b"1".to_vec()), None)];
        broker.statistics().unwrap().server.write(&written).unwrap();
    }
    broker.erase("mine.").unwrap();
    assert_eq!(broker.queues().unwrap(), ["other.a"]);
    for (database, kept) in [(0, 2), (1, 2), (3, 1)] {
        let _: String = place.ask(&format!("SELECT {database}"));
        let keys: Vec<String> = place.ask("KEYS *");
        assert!(keys.len() == kept && keys.iter().all(|key| key.contains("other.a")), "{database}: {keys:?}");
    }
}

#[test]
fn an_address_is_used_or_refused_with_a_reason() {
    for (url, problem) in [
        ("redis://h/x", r#"redis://h/x: "x" is no number of a database"#),
        ("redis:///2", "redis:///2: it names no host"),
        ("redis+unix://?db=1", "redis+unix://?db=1: it names no socket"),
        (
            "redis://h?state_db=-1",
            "redis://h?state_db=-1: the option `state_db` must be a whole number, zero or more",
        ),
        (
            "rediss://h?cert=/nowhere/c",
            "rediss://h?cert=%2Fnowhere%2Fc: /nowhere/c: No such file or directory (os error 2)",
        ),
    ] {
        let error = Redis::open(&Url::parse(url).unwrap()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), problem);
    }
    let gone = Redis::open(&Url::parse("redis+unix:///nowhere/redis.sock").unwrap()).unwrap();
    assert!(matches!(gone.depth(Q), Err(BrokerError::Unavailable { .. })));
}

#[test]
fn tls_is_spoken_with_an_authority_of_ones_own() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "redis-server", "--port", "0", "--tls-port", &port, "--save", ""]);
    command.args(["--tls-cert-file", &at("cert.pem"), "--tls-key-file", &at("key.pem")]);
    command.args(["--tls-ca-cert-file", &at("cert.pem"), "--tls-auth-clients", "no", "--dir", &at("")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let open = |url: &str| Redis::open(&Url::parse(url).unwrap()).unwrap();
    let broker = open(&format!("rediss://localhost:{port}/2?ca={}", at("cert.pem")));
    let begin = Instant::now();
    while let Err(error) = broker.queues() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{error}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let error = open(&format!("rediss://localhost:{port}/2")).queues().unwrap_err();
    assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
}
