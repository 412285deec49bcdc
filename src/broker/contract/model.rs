//! Random histories against a model that keeps everything in memory.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const QUEUES: [&str; 2] = ["left", "right"];
const LINKS: usize = 3;
/// How long histories are played at a broker to which each step is a journey.
const ENOUGH: Duration = Duration::from_secs(20);

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A link receives up to so many.
    Receive(usize, usize),
    /// A link sends to the queues, acknowledges a share of what it has (in percent), and remembers under a key.
    Commit { link: usize, sizes: Vec<(usize, usize)>, percent: usize, key: Option<(u8, bool)> },
    /// A link gives everything back.
    Release(usize),
    /// A link is dropped and made anew.
    Relink(usize),
    /// A queue is cleared.
    Clear(usize),
    /// The broker is closed and opened again.
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![8 => 0..50usize, 2 => 1000..9000usize, 1 => 400_000..600_000usize];
    let sizes = prop::collection::vec((0..QUEUES.len(), size), 0..12);
    let commit = (0..LINKS, sizes, 0..=100usize, prop::option::of((0..5u8, any::<bool>())));
    let step = prop_oneof![
        6 => (0..LINKS, 0..20usize).prop_map(|(link, max)| Step::Receive(link, max)),
        8 => commit.prop_map(|(link, sizes, percent, key)| Step::Commit { link, sizes, percent, key }),
        1 => (0..LINKS).prop_map(Step::Release),
        1 => (0..LINKS).prop_map(Step::Relink),
        1 => (0..QUEUES.len()).prop_map(Step::Clear),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

/// What the broker should hold; a message is its number, which is also its age.
#[derive(Default)]
struct Model {
    waiting: [Vec<usize>; 2],
    held: [VecDeque<usize>; LINKS],
    seen: [usize; 2],
    state: BTreeMap<u8, String>,
    next: usize,
}

/// Links 0 and 2 read the left queue, link 1 the right.
fn source(link: usize) -> usize {
    link % 2
}

impl Model {
    fn give_back(&mut self, link: usize) {
        let waiting = &mut self.waiting[source(link)];
        waiting.extend(self.held[link].drain(..));
        waiting.sort_unstable();
    }
}

fn links(broker: &dyn Broker) -> Vec<Box<dyn Link>> {
    (0..LINKS).map(|number| link(broker, QUEUES[source(number)])).collect()
}

fn body(number: usize, size: usize) -> String {
    format!("{number} {}", "x".repeat(size))
}

fn number(body: &[u8]) -> usize {
    text(body).split(' ').next().unwrap().parse().unwrap()
}

pub(in crate::broker) fn agrees_with_a_model(place: &Place) {
    if place.open().is_none() {
        return;
    }
    let (round, start) = (Cell::new(0), Instant::now());
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let result = runner.run(&steps(), |steps| {
        round.set(round.get() + 1);
        if start.elapsed() > ENOUGH {
            return Ok(());
        }
        let path = place.path.join(round.get().to_string());
        std::fs::create_dir_all(&path).unwrap();
        play(&Place::new(&path, place.open), steps);
        Ok(())
    });
    result.unwrap();
}

fn play(place: &Place, steps: Vec<Step>) {
    let mut broker = place.open().unwrap();
    let mut links = links(&*broker);
    let mut model = Model { next: 1, ..Model::default() };
    for step in steps {
        match step {
            Step::Reopen => {
                links.clear();
                drop(broker);
                broker = place.open().unwrap();
                links = self::links(&*broker);
                (0..LINKS).for_each(|link| model.give_back(link));
            }
            Step::Relink(link) => {
                drop(links.remove(link));
                links.insert(link, super::link(&*broker, QUEUES[source(link)]));
                model.give_back(link);
            }
            step => act(&*broker, &mut links, &mut model, step),
        }
        compare(&*broker, &mut links, &model);
    }
}

fn act(broker: &dyn Broker, links: &mut [Box<dyn Link>], model: &mut Model, step: Step) {
    match step {
        Step::Receive(link, max) => {
            let got = links[link].receive(max, NOT).unwrap();
            let queue = source(link);
            assert!(got.len() <= max && (max == 0 || got.is_empty() == model.waiting[queue].is_empty()));
            let numbers: Vec<_> = got.iter().map(|delivery| number(&delivery.body)).collect();
            let expected: Vec<_> = model.waiting[queue].drain(..got.len()).collect();
            assert_eq!(numbers, expected);
            for delivery in got {
                let number = number(&delivery.body);
                let due = number <= model.seen[queue];
                let exact = broker.guarantee() == Guarantee::ExactlyOnce;
                assert!(delivery.redelivered == due || !(exact || due), "message {number}");
            }
            model.seen[queue] = model.seen[queue].max(numbers.last().copied().unwrap_or_default());
            model.held[link].extend(numbers);
        }
        Step::Commit { link, sizes, percent, key } => {
            let mut hop = done(model.held[link].len() * percent / 100);
            model.held[link].drain(..hop.acknowledge);
            for (queue, size) in sizes {
                hop.outgoing.extend(to(QUEUES[queue], &[&body(model.next, size)]));
                model.waiting[queue].push(model.next);
                model.next += 1;
            }
            if let Some((key, keep)) = key {
                let value = keep.then(|| model.next.to_string());
                hop.state.push(entry("bot", &key.to_string(), value.as_deref(), None));
                match value {
                    Some(value) => model.state.insert(key, value),
                    None => model.state.remove(&key),
                };
            }
            links[link].commit(hop).unwrap();
        }
        Step::Release(link) => {
            links[link].release().unwrap();
            model.give_back(link);
        }
        Step::Clear(queue) => {
            assert_eq!(broker.clear(QUEUES[queue]).unwrap(), model.waiting[queue].len() as u64);
            model.waiting[queue].clear();
        }
        Step::Relink(_) | Step::Reopen => unreachable!("handled by the caller"),
    }
}

fn compare(broker: &dyn Broker, links: &mut [Box<dyn Link>], model: &Model) {
    for (index, queue) in QUEUES.iter().enumerate() {
        let held = (0..LINKS)
            .filter(|link| source(*link) == index)
            .flat_map(|link| model.held[link].iter().copied());
        let mut expected: Vec<_> = held.collect();
        expected.sort_unstable();
        let wanted = (model.waiting[index].len() as u64, expected.len() as u64);
        // A server that confirms before it counts may be a moment late with the number.
        let begin = Instant::now();
        while broker.guarantee() == Guarantee::AtLeastOnce
            && depth(broker, queue) != wanted
            && begin.elapsed() < LONG
        {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert_eq!(depth(broker, queue), wanted);
        expected.extend(&model.waiting[index]);
        let peeked: Vec<_> = broker.peek(queue, 1000).unwrap().iter().map(|body| number(body)).collect();
        assert_eq!(peeked, expected);
    }
    for key in 0..5 {
        let value = links[0].recall("bot", key.to_string().as_bytes()).unwrap().map(|value| text(&value));
        assert_eq!(value.as_ref(), model.state.get(&key));
    }
}
