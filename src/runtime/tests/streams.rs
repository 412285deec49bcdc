//! How a collector that follows a stream ends: its connection is closed, and what it has read is stored.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::bots::trial::server::{Answer, Body, Server};

/// A server with a stream: for each connection what feeds it, and the server's end of it.
struct Feed {
    server: Server,
    senders: Receiver<Sender<Vec<u8>>>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Feed {
    fn new() -> Self {
        let (come, senders) = channel();
        let sockets: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = Arc::clone(&sockets);
        let wrap = move |socket: TcpStream| -> Box<dyn crate::bots::trial::server::Duplex> {
            kept.lock().unwrap().push(socket.try_clone().unwrap());
            Box::new(socket)
        };
        let script = move |_: &_| {
            let (sender, chunks) = channel();
            come.send(sender).unwrap();
            Answer { body: Body::Stream(chunks), ..Answer::new(200, "") }
        };
        Feed { server: Server::wrapped(wrap, script).unwrap(), senders, sockets }
    }

    fn botnet(&self, limit: &str) -> String {
        STREAM.replace("URL", &self.server.url("/")).replace("LIMIT", limit)
    }

    fn connection(&self) -> Sender<Vec<u8>> {
        self.senders.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// Tells whether the client has closed its last connection, within a time.
    fn is_closed(&self, within: Duration) -> bool {
        let mut socket = self.sockets.lock().unwrap().pop().unwrap();
        socket.set_read_timeout(Some(within)).unwrap();
        matches!(socket.read(&mut [0; 16]), Ok(0))
    }
}

const STREAM: &str = "
collector:
  module: intelmq.bots.collectors.http.collector_http_stream
  parameters:
    http_url: URL
    destination_queues: {_default: [output-queue]}
output:
  module: intelmq.bots.outputs.file.output
  parameters: {file: LAB/events.txt, source_queue_limit: LIMIT, single_key: raw}
";

#[test]
fn a_collector_that_is_stopped_leaves_the_next_line_to_its_successor() {
    let feed = Feed::new();
    let lab = Lab::new(&feed.botnet("100"));
    let first = feed.connection();
    first.send(b"a\n".to_vec()).unwrap();
    lab.wait(|snapshot| bot(snapshot, "output").received == 1);
    lab.botnet.act("collector", BotAction::Stop).unwrap();
    assert!(
        feed.is_closed(Duration::from_millis(1)),
        "the connection is closed once the bot counts as stopped"
    );
    lab.botnet.act("collector", BotAction::Start).unwrap();
    feed.connection().send(b"b\n".to_vec()).unwrap();
    lab.wait(|snapshot| bot(snapshot, "output").received == 2);
    assert_eq!(lab.lines("events.txt"), ["a", "b"]);
}

#[test]
fn a_collector_that_is_stopped_stores_what_it_has_read_though_its_queue_is_full() {
    let feed = Feed::new();
    let lab = Lab::new(&feed.botnet("1"));
    lab.botnet.act("output", BotAction::Stop).unwrap();
    let sender = feed.connection();
    sender.send(b"a\n".to_vec()).unwrap();
    lab.wait(|snapshot| snapshot.queues.iter().any(|queue| queue.waiting == 1));
    sender.send(b"b\nc\n".to_vec()).unwrap();
    drop(sender);
    assert!(feed.is_closed(Duration::from_secs(20)), "it has read all and closes the connection");
    lab.botnet.act("collector", BotAction::Stop).unwrap();
    lab.botnet.act("output", BotAction::Start).unwrap();
    lab.idle();
    assert_eq!(lab.lines("events.txt"), ["a", "b", "c"]);
}
