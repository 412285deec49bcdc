//! A process that is killed while it works, again and again; nothing is lost and nothing doubled that must not be.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// Says to the victim where its queues are.
const PLACE: &str = "LAB_CONTRACT_PLACE";
const ROUNDS: usize = 12;
const COUNT: &str = "count";

/// Kills the test `victim` of a module many times, and looks after each time.
pub(in crate::broker) fn kill(open: Open, module: &str) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path(), open);
    if place.open().is_none() {
        return;
    }
    let (_, module) = module.split_once("::").unwrap();
    let mut least = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", &format!("{module}::victim"), "--ignored", "--nocapture"])
            .env(PLACE, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut counts = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("stored ")?.parse::<usize>().ok());
        // The victim says what it has stored; the kill comes at another place in its work each time.
        let reported = counts.nth(3 + round * 5).expect("the victim stops only when it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        least = counts.last().unwrap_or(reported).max(least);
        let reached = look(&place, round + 1);
        assert!(reached >= least, "round {round}: {least} hops were stored, {reached} are there");
        least = reached;
    }
}

/// Checks that all queues and the memory tell of the same hop; returns which.
fn look(place: &Place, kills: usize) -> usize {
    let broker = place.open().unwrap();
    let count = sender(&*broker).recall("victim", COUNT.as_bytes()).unwrap();
    let count = count.map_or(0, |count| text(&count).parse().unwrap());
    let numbers = |queue| {
        let bodies = broker.peek(queue, usize::MAX).unwrap();
        bodies
            .iter()
            .map(|body| text(body).split(' ').next().unwrap().parse().unwrap())
            .collect::<Vec<usize>>()
    };
    if broker.guarantee() == Guarantee::AtLeastOnce {
        nothing_lost(&numbers("in"), &numbers("out"), count, kills);
        return count;
    }
    // Each hop takes three of `in`, sends them on to `out`, and adds three new ones for later.
    assert!(numbers("in").into_iter().eq(count * 3..count * 3 + 9));
    // What is older than thirty is taken out of `out` in a hop of its own, which may not have happened.
    let out = numbers("out");
    let kept = [30, 33].map(|kept| (count * 3).saturating_sub(kept)..count * 3);
    assert!(kept.into_iter().any(|kept| kept.eq(out.iter().copied())), "{count} hops, but {out:?}");
    count
}

/// Checks that between the oldest that is kept and the newest that was made none is missing, and that each kill has
/// doubled one batch at most.
fn nothing_lost(waiting: &[usize], out: &[usize], count: usize, kills: usize) {
    let there: BTreeSet<usize> = waiting.iter().chain(out).copied().collect();
    let oldest = out.iter().min().copied().unwrap_or_default();
    let missing: Vec<_> = (oldest..count * 3 + 9).filter(|number| !there.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {waiting:?} and {out:?} after {count} hops");
    assert!(waiting.len() <= 9 + 3 * kills, "{kills} kills have made nine messages {waiting:?}");
}

/// Works until it is killed.
pub(in crate::broker) fn victim(open: Open) {
    let Some(path) = env::var_os(PLACE) else { return };
    let broker = open(Path::new(&path)).unwrap();
    let mut link = link(&*broker, "in");
    let mut old = super::link(&*broker, "out");
    let mut count =
        link.recall("victim", COUNT.as_bytes()).unwrap().map_or(0, |count| text(&count).parse().unwrap());
    let body = |number: usize| format!("{number} {}", "x".repeat(number * 7919 % 60_000));
    if count == 0 && broker.depth("in").unwrap().total() == 0 {
        send(
            &*broker,
            "in",
            &(0..9).map(body).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    loop {
        let batch = gather(&mut *link, 3);
        let mut outgoing: Vec<_> =
            batch.iter().flat_map(|delivery| to("out", &[&text(&delivery.body)])).collect();
        outgoing.extend((count * 3 + 9..count * 3 + 12).flat_map(|number| to("in", &[&body(number)])));
        count += 1;
        let state = vec![entry("victim", COUNT, Some(&count.to_string()), None)];
        link.commit(Hop { outgoing, acknowledge: batch.len(), state }).unwrap();
        println!("stored {count}");
        trim(&*broker, &mut *old);
    }
}

/// Keeps the last thirty of `out`.
fn trim(broker: &dyn Broker, old: &mut dyn Link) {
    let extra = broker.depth("out").unwrap().total().saturating_sub(30) as usize;
    let got = old.receive(extra, NOT).unwrap().len();
    old.commit(done(got)).unwrap();
}
