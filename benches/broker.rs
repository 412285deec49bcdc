//! What the embedded broker costs, in CPU and wall time: `cargo bench --bench broker`.
//!
//! A plain program, since each case has to set its own scene: full queues, large memories, a killed owner.

use std::sync::Arc;
use std::time::{Duration, Instant};

use intelmq_lab::broker::{Broker, Embedded, Hop, Link, Options, Outgoing, StateEntry, Wiring};

/// Events in a batch, and bytes of one.
const BATCH: usize = 500;
const SIZE: usize = 2500;

fn main() {
    // Cargo passes `--bench`; any other word chooses the cases whose name has it.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let cases: [(&str, fn()); 7] = [
        ("hops of 500 events", hops),
        ("hops of one event", small_hops),
        ("memory", memory),
        ("misses", misses),
        ("opening", opening),
        ("backlog", backlog),
        ("chunk in pieces", pieces),
    ];
    for (name, case) in cases.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        println!("{name}");
        case();
    }
}

struct Clock(Instant, Duration);

impl Clock {
    fn start() -> Clock {
        Clock(Instant::now(), cpu())
    }

    fn stop(&self, what: &str, count: usize) {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        let (wall, cpu) = (each(self.0.elapsed()), each(cpu().saturating_sub(self.1)));
        println!("  {what:<58} {wall:>9.2} us wall {cpu:>9.2} us CPU each; peak {} MB", peak_memory());
    }
}

/// Returns the CPU time of this process.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn open(folder: &tempfile::TempDir) -> Embedded {
    Embedded::open(folder.path(), Options::default()).expect("the folder is fresh")
}

fn link(broker: &Embedded, source: &str) -> Box<dyn Link> {
    let wiring = Wiring { bot: "bench".into(), source: Some(source.into()), destinations: Vec::new() };
    broker.link(&wiring).expect("the store works")
}

fn to(queue: &str, count: usize, size: usize) -> Vec<Outgoing> {
    let queue: Arc<str> = queue.into();
    (0..count).map(|number| Outgoing { queue: queue.clone(), body: vec![number as u8; size] }).collect()
}

fn commit(link: &mut Box<dyn Link>, hop: Hop) {
    link.commit(hop).expect("the store works");
}

fn receive(link: &mut Box<dyn Link>, max: usize) -> usize {
    link.receive(max, Duration::ZERO).expect("the store works").len()
}

fn state(from: u64, count: u64) -> Vec<StateEntry> {
    let bot: Arc<str> = "deduplicator-expert".into();
    let entry = |number| StateEntry {
        bot: bot.clone(),
        key: key(number),
        value: Some(b"1".to_vec()),
        ttl: Some(Duration::from_secs(86_400)),
    };
    (from..from + count).map(entry).collect()
}

/// Returns a key that looks random, as a hash does.
fn key(number: u64) -> Vec<u8> {
    let half = |salt: u64| {
        (number ^ salt)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29)
            .wrapping_mul(0xBF58_476D_1CE4_E5B9)
    };
    [half(1), half(2), half(3), half(4)].iter().flat_map(|half| half.to_le_bytes()).collect()
}

fn hops() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = open(&folder);
    let (mut a, mut b) = (link(&broker, "a"), link(&broker, "b"));
    for (what, rounds) in [("warming up", 20), ("put, hop, take: an event", 200)] {
        let clock = Clock::start();
        for _ in 0..rounds {
            commit(&mut a, Hop { outgoing: to("a", BATCH, SIZE), ..Hop::default() });
            let acknowledge = receive(&mut a, BATCH);
            commit(&mut a, Hop { outgoing: to("b", BATCH, SIZE), acknowledge, state: state(1, 5) });
            let acknowledge = receive(&mut b, BATCH);
            commit(&mut b, Hop { acknowledge, ..Hop::default() });
        }
        clock.stop(what, rounds * BATCH);
    }
}

fn small_hops() {
    const ROUNDS: usize = 5000;
    let folder = tempfile::tempdir().expect("a folder");
    let broker = open(&folder);
    let mut link = link(&broker, "a");
    commit(&mut link, Hop { outgoing: to("a", 1, SIZE), ..Hop::default() });
    let clock = Clock::start();
    for _ in 0..ROUNDS {
        let acknowledge = receive(&mut link, 1);
        commit(&mut link, Hop { outgoing: to("a", 1, SIZE), acknowledge, ..Hop::default() });
    }
    clock.stop("receive one, send it on: a hop", ROUNDS);
    let clock = Clock::start();
    for _ in 0..ROUNDS {
        commit(&mut link, Hop { state: state(1, 1), ..Hop::default() });
    }
    clock.stop("one state entry: a hop", ROUNDS);
    commit(&mut link, Hop { outgoing: to("a", ROUNDS, 100), ..Hop::default() });
    while receive(&mut link, ROUNDS) > 0 {}
    let clock = Clock::start();
    for _ in 0..ROUNDS {
        commit(&mut link, Hop { acknowledge: 1, state: state(1, 1), ..Hop::default() });
    }
    clock.stop("one state entry and one acknowledgement: a hop", ROUNDS);
    let clock = Clock::start();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut link = self::link(&broker, "none");
            scope.spawn(move || {
                for _ in 0..ROUNDS / 4 {
                    commit(&mut link, Hop { outgoing: to("b", 1, SIZE), ..Hop::default() });
                }
            });
        }
    });
    clock.stop("four threads send one each: a hop", ROUNDS);
}

fn memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = open(&folder);
    let mut link = link(&broker, "a");
    let mut number = 0;
    for (until, what) in [
        (20_000, "look up and store, up to 20,000 keys: a key"),
        (200_000, "look up and store, up to 200,000 keys: a key"),
        (1_000_000, "look up and store, up to 1,000,000 keys: a key"),
    ] {
        let first = number;
        let clock = Clock::start();
        while number < until {
            let state = state(number, BATCH as u64);
            for entry in &state {
                assert!(link.recall("deduplicator-expert", &entry.key).expect("the store works").is_none());
            }
            commit(&mut link, Hop { state, ..Hop::default() });
            number += BATCH as u64;
        }
        clock.stop(what, (number - first) as usize);
    }
}

fn misses() {
    const ROUNDS: u64 = 200_000;
    let folder = tempfile::tempdir().expect("a folder");
    let broker = open(&folder);
    let mut link = link(&broker, "a");
    for (count, what) in [(1, "look up what is not there, 1 key: a key"), (5000, "the same, 5,000 keys")] {
        commit(&mut link, Hop { state: state(0, count), ..Hop::default() });
        let keys: Vec<_> = (1 << 40..(1 << 40) + ROUNDS).map(key).collect();
        let clock = Clock::start();
        for key in &keys {
            assert!(link.recall("deduplicator-expert", key).expect("the store works").is_none());
        }
        clock.stop(what, ROUNDS as usize);
    }
}

fn opening() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(&folder));
    let clock = Clock::start();
    let broker = open(&folder);
    clock.stop("open a small store", 1);
    let mut link = link(&broker, "a");
    for (what, keys, events) in [
        ("open after a kill, 20,000 keys", 20_000, 0),
        ("open after a kill, 60,000 keys", 40_000, 0),
        ("open after a kill, 260,000 keys and 100,000 events", 200_000, 200),
    ] {
        for part in 0..keys / BATCH {
            commit(
                &mut link,
                Hop { state: state((keys + part * BATCH) as u64, BATCH as u64), ..Hop::default() },
            );
        }
        for _ in 0..events {
            commit(&mut link, Hop { outgoing: to("a", BATCH, SIZE), ..Hop::default() });
        }
        // What a killed process leaves is what the file has now.
        let killed = tempfile::tempdir().expect("a folder");
        for file in std::fs::read_dir(folder.path()).expect("the folder is there").flatten() {
            std::fs::copy(file.path(), killed.path().join(file.file_name())).expect("there is room");
        }
        let size = std::fs::metadata(killed.path().join("store.redb")).map_or(0, |data| data.len() >> 20);
        let clock = Clock::start();
        let broker = open(&killed);
        clock.stop(&format!("{what} ({size} MiB)"), 1);
        drop(broker);
    }
}

fn backlog() {
    const ROUNDS: usize = 2000;
    let folder = tempfile::tempdir().expect("a folder");
    let broker = open(&folder);
    let mut link = link(&broker, "a");
    for part in 1..=4 {
        let clock = Clock::start();
        for _ in 0..ROUNDS / 4 {
            commit(&mut link, Hop { outgoing: to("a", BATCH, SIZE), ..Hop::default() });
        }
        clock.stop(&format!("put a million events, quarter {part}: an event"), ROUNDS / 4 * BATCH);
    }
    let clock = Clock::start();
    loop {
        let acknowledge = receive(&mut link, BATCH);
        if acknowledge == 0 {
            break;
        }
        commit(&mut link, Hop { acknowledge, ..Hop::default() });
    }
    clock.stop("take a million events: an event", ROUNDS * BATCH);
}

fn pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = open(&folder);
    let mut link = link(&broker, "a");
    for _ in 0..40 {
        commit(&mut link, Hop { outgoing: to("a", BATCH, SIZE), ..Hop::default() });
    }
    let clock = Clock::start();
    while receive(&mut link, 10) > 0 {}
    clock.stop("receive 20,000 events by ten: an event", 40 * BATCH);
}
