//! What a hop costs on a broker: `LAB_BROKER_URL=redis://127.0.0.1:6379/2 cargo bench --bench hops`; `scripts/compare-hops` compares
//! it with what the server itself can do.
//!
//! A plain program: a hop receives a batch from one queue, sends it to the next and acknowledges it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use intelmq_lab::broker::{BrokerKind, Hop, Link, Member, Outgoing, Settings, SyncMode, Url, Wiring};

fn main() {
    let number = |name: &str, usual: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (messages, batch, size) =
        (number("LAB_MESSAGES", 100_000), number("LAB_BATCH", 500), number("LAB_SIZE", 1200));
    let url = std::env::var("LAB_BROKER_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379/2".to_owned());
    let url = Url::parse(&url).expect("LAB_BROKER_URL is an address");
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let kind = BrokerKind::of_url(&url).expect("LAB_BROKER_URL is the address of a broker");
    let (folder, process) = (folder.path().to_owned(), Member::alone("hops"));
    let settings = Settings { url, folder, sync: SyncMode::Never, process };
    let broker = kind.opened(&settings).expect("the broker can be opened");
    let wiring = |bot: &str, source: Option<&str>, to: &str| Wiring {
        bot: bot.to_owned(),
        source: source.map(str::to_owned),
        destinations: vec![to.to_owned()],
    };
    let mut sender = broker.link(&wiring("sender", None, "first-queue")).expect("the server lets us in");
    for _ in 0..messages / batch {
        let hop = Hop { outgoing: bodies("first-queue", vec![vec![b'x'; size]; batch]), ..Hop::default() };
        sender.commit(hop).expect("the queue takes messages");
    }
    let mut link =
        broker.link(&wiring("mover", Some("first-queue"), "second-queue")).expect("the server lets us in");
    let (begin, moved) = (Instant::now(), messages / batch * batch);
    move_all(&mut *link, batch, moved);
    println!("{:.3} us a message", begin.elapsed().as_secs_f64() * 1e6 / moved as f64);
}

fn bodies(queue: &str, bodies: Vec<Vec<u8>>) -> Vec<Outgoing> {
    let queue: Arc<str> = queue.into();
    bodies.into_iter().map(|body| Outgoing { queue: Arc::clone(&queue), body }).collect()
}

fn move_all(link: &mut dyn Link, batch: usize, mut left: usize) {
    while left > 0 {
        let got = link.receive(batch, Duration::from_secs(5)).expect("the queue gives messages");
        assert!(!got.is_empty(), "{left} messages do not come");
        let acknowledge = got.len();
        let outgoing = bodies("second-queue", got.into_iter().map(|delivery| delivery.body).collect());
        link.commit(Hop { outgoing, acknowledge, state: Vec::new() }).expect("a hop is stored");
        left -= acknowledge;
    }
}
