//! What a broker must do when its server is restarted, gone for a while, or does not let one in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use super::*;
use crate::broker::BrokerError;

/// A server that a test may end and start.
pub(in crate::broker) struct Server {
    /// Opens the broker of a place; the first time its server is started.
    pub(in crate::broker) open: Open,
    /// Ends the server of a place by force, and returns once it is gone.
    pub(in crate::broker) stop: fn(&Path),
    /// Starts it again with its data, and returns once it answers.
    pub(in crate::broker) start: fn(&Path),
    /// Opens the broker of a place with a wrong password.
    pub(in crate::broker) intrude: fn(&Path) -> Box<dyn Broker>,
}

/// Makes a test of each case about servers.
macro_rules! server_contract {
    ($server:expr) => {
        $crate::broker::contract::server_contract! { @cases $server; restarts_in_the_middle, gone_for_a_while, wrong_password }
    };
    (@cases $server:expr; $($case:ident),*) => {
        $(
            #[test]
            fn $case() {
                let place = tempfile::tempdir().unwrap();
                $crate::broker::contract::$case(place.path(), &$server);
            }
        )*
    };
}
pub(in crate::broker) use server_contract;

/// How long the server is gone: longer than a client waits before it tries again. `LAB_CONTRACT_GONE` says it in seconds.
fn gone() -> Duration {
    let seconds = std::env::var("LAB_CONTRACT_GONE").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(2))
}

/// How long anything may take.
const ENOUGH: Duration = Duration::from_secs(120);
/// A broker that has lost its server says so within this time.
const SOON: Duration = Duration::from_secs(60);

/// Waits a moment without spinning.
fn rest(time: Duration) {
    thread::park_timeout(time);
}

/// Links a bot, as long as that takes.
fn linked(broker: &dyn Broker, source: &str) -> Box<dyn Link> {
    let wiring =
        Wiring { bot: "mover".into(), source: Some(source.into()), destinations: vec!["out".into()] };
    let begin = Instant::now();
    loop {
        match broker.link(&wiring) {
            Ok(link) => return link,
            Err(error @ BrokerError::Refused { .. }) => panic!("{error}"),
            Err(error) => assert!(begin.elapsed() < ENOUGH, "{error}"),
        }
        rest(Duration::from_millis(20));
    }
}

/// Moves messages as a worker does, until told to stop and nothing is left: after an error it gives back and receives again.
fn mover(broker: &dyn Broker, told: &AtomicBool) {
    let mut link = linked(broker, "in");
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < ENOUGH, "it does not come to an end");
        let moved = link.receive(7, Duration::from_millis(50)).and_then(|batch| {
            let outgoing = batch.iter().flat_map(|delivery| to("out", &[&text(&delivery.body)])).collect();
            let state =
                batch.iter().map(|one| entry("mover", &text(&one.body), Some("moved"), None)).collect();
            link.commit(Hop { outgoing, acknowledge: batch.len(), state }).map(|()| batch.len())
        });
        match moved {
            // A batch that the other one holds may come back.
            Ok(0) if told.load(Ordering::SeqCst) => {
                if broker.depth("in").is_ok_and(|depth| depth.total() == 0) {
                    return;
                }
            }
            Ok(_) => {}
            Err(error @ BrokerError::Refused { .. }) => panic!("{error}"),
            Err(_) => {
                let _ = link.release();
                rest(Duration::from_millis(20));
            }
        }
    }
}

/// Does something again until the broker can.
fn insist<T>(mut what: impl FnMut() -> Result<T, BrokerError>) -> T {
    let begin = Instant::now();
    loop {
        match what() {
            Ok(done) => return done,
            Err(error) => assert!(begin.elapsed() < ENOUGH, "{error}"),
        }
        rest(Duration::from_millis(20));
    }
}

pub(in crate::broker) fn restarts_in_the_middle(path: &Path, server: &Server) {
    const ROUNDS: usize = 5;
    const ROUND: usize = 300;
    let Some(broker) = (server.open)(path) else { return eprintln!("skipped: this broker is not here") };
    let told = AtomicBool::new(false);
    thread::scope(|scope| {
        let movers = [(); 2].map(|()| scope.spawn(|| mover(&*broker, &told)));
        for round in 0..ROUNDS {
            for start in (round * ROUND..(round + 1) * ROUND).step_by(30) {
                let names: Vec<String> = (start..start + 30).map(|number| number.to_string()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                // Sent while the server runs: whether a hop of nobody's is stored, nobody could tell after a restart.
                send(&*broker, "in", &names);
            }
            (server.stop)(path);
            (server.start)(path);
            insist(|| broker.depth("in"));
        }
        told.store(true, Ordering::SeqCst);
        for mover in movers {
            mover.join().unwrap();
        }
    });
    let mut got: Vec<usize> =
        insist(|| broker.peek("out", usize::MAX)).iter().map(|body| text(body).parse().unwrap()).collect();
    got.sort_unstable();
    if broker.guarantee() == Guarantee::AtLeastOnce {
        assert!(got.len() <= ROUNDS * (ROUND + 14), "{} of {} are there", got.len(), ROUNDS * ROUND);
        got.dedup();
    }
    let left = || broker.depth("in");
    assert!(
        got.iter().copied().eq(0..ROUNDS * ROUND),
        "{} of {}; {:?}: {got:?}",
        got.len(),
        ROUNDS * ROUND,
        left()
    );
    let mut link = linked(&*broker, "in");
    for number in [0, ROUND, ROUNDS * ROUND - 1] {
        assert!(link.recall("mover", number.to_string().as_bytes()).unwrap().is_some(), "{number}");
    }
}

pub(in crate::broker) fn gone_for_a_while(path: &Path, server: &Server) {
    let Some(broker) = (server.open)(path) else { return eprintln!("skipped: this broker is not here") };
    send(&*broker, "in", &["1", "2", "3", "4"]);
    let mut link = linked(&*broker, "in");
    assert_eq!(take(&mut *link, 2), ["1", "2"]);
    (server.stop)(path);
    let begin = Instant::now();
    while begin.elapsed() < gone() {
        let asked = Instant::now();
        let problem = link.receive(1, NOT).map(|_| ()).and_then(|()| broker.depth("in").map(|_| ()));
        assert!(matches!(problem, Err(BrokerError::Unavailable { .. })), "{problem:?}");
        assert!(asked.elapsed() < SOON, "it took {:?} to say that the server is gone", asked.elapsed());
        rest(Duration::from_millis(50));
    }
    (server.start)(path);
    // As a worker does after an error.
    insist(|| link.release());
    let mut got = Vec::new();
    while got.len() < 4 {
        let batch = insist(|| link.receive(9, Duration::from_millis(100)));
        got.extend(bodies(&batch));
    }
    got.sort_unstable();
    got.dedup();
    assert_eq!(got, ["1", "2", "3", "4"]);
}

pub(in crate::broker) fn wrong_password(path: &Path, server: &Server) {
    let Some(broker) = (server.open)(path) else { return eprintln!("skipped: this broker is not here") };
    send(&*broker, Q, &["1"]);
    let intruder = (server.intrude)(path);
    let wiring = Wiring { bot: "intruder".into(), source: Some(Q.into()), destinations: Vec::new() };
    let begin = Instant::now();
    let Err(error) = intruder.link(&wiring).map(drop) else { panic!("it was let in") };
    assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
    assert!(error.to_string().to_lowercase().contains("password"), "{error}");
    assert!(begin.elapsed() < SOON);
    assert_eq!(depth(&*broker, Q), (1, 0));
}
