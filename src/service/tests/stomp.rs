//! The n6 stream, over real TLS.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

const EVENTS: &str = "{\"category\":\"bots\",\"source\":\"hidden.42\",\"id\":\"1\"}\n\
                      {\"category\":\"phish\",\"source\":\"hidden.7\",\"id\":\"2\"}\n\
                      {\"category\":\"bots\",\"source\":\"hidden.7\",\"id\":\"3\"}\n";

fn start(files: &[(&str, &str)]) -> Trial {
    Trial::start("n6-stream", &json!({"login": "me@lab.example", "key": "k", "heartbeat_ms": 50}), files)
}

/// Connects over TLS, trusting the lab's authority.
pub(super) fn secure(trial: &Trial) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trial.folder.path().join(AUTHORITY)).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(crate::tls::provider());
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = Arc::new(config.with_no_client_auth());
    let connection = ClientConnection::new(config, ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    StreamOwned::new(connection, trial.connect())
}

/// A STOMP client over TLS.
struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    decoder: Decoder,
    version: Version,
}

impl Client {
    fn connect(trial: &Trial) -> Self {
        let stream = secure(trial);
        Client { stream, decoder: Decoder::new(Version::V1_0), version: Version::V1_0 }
    }

    fn send(&mut self, frame: &Frame) {
        self.stream.write_all(&frame.encode(self.version)).unwrap();
    }

    /// Returns the next thing that arrives; `None` once the connection has ended.
    fn item(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.decoder.next_item().unwrap() {
                return Some(item);
            }
            let mut bytes = [0; 1024];
            let length = self.stream.read(&mut bytes).unwrap_or(0);
            if length == 0 {
                return None;
            }
            self.decoder.push(&bytes[..length]);
        }
    }

    fn frame(&mut self) -> Option<Frame> {
        loop {
            match self.item()? {
                Item::Frame(frame) => return Some(frame),
                Item::HeartBeat => {}
            }
        }
    }

    fn log_in(trial: &Trial, version: Version, key: &str) -> (Self, Frame) {
        let mut client = Client::connect(trial);
        let frame = Frame::new("CONNECT").with("login", "me@lab.example").with("passcode", key);
        client.send(&if version == Version::V1_0 {
            frame
        } else {
            frame.with("accept-version", version.name()).with("heart-beat", "0,50")
        });
        let answer = client.frame().unwrap();
        client.version = version;
        client.decoder.set_version(version);
        (client, answer)
    }

    fn subscribe(&mut self, destination: &str) {
        self.send(
            &Frame::new("SUBSCRIBE").with("id", "1").with("destination", destination).with("ack", "auto"),
        );
    }

    /// Returns the ids of the next events.
    fn ids(&mut self, number: usize) -> Vec<String> {
        let id = |frame: Frame| {
            serde_json::from_slice::<Json>(&frame.body).unwrap()["id"].as_str().unwrap().to_owned()
        };
        (0..number).map(|_| id(self.frame().unwrap())).collect()
    }
}

#[test]
fn who_subscribes_gets_the_messages_that_fit_in_every_version() {
    for version in Version::ALL {
        let trial = start(&[("a.jsonl", EVENTS)]);
        let (mut client, connected) = Client::log_in(&trial, version, "k");
        assert_eq!(connected.command, "CONNECTED");
        assert_eq!(connected.header("version"), (version > Version::V1_0).then_some(version.name()));
        client.subscribe("/exchange/lab.example/*.bots.*.*");
        let message = client.frame().unwrap();
        assert_eq!(message.command, "MESSAGE");
        assert_eq!(message.header("destination"), Some("/exchange/clients/inside.bots.hidden.42"));
        assert_eq!(message.header("subscription"), Some("1"));
        assert_eq!(message.body, EVENTS.lines().next().unwrap().as_bytes());
        assert_eq!(client.ids(1), ["3"]);
        trial
            .services
            .publish("it", "b.jsonl", b"{\"category\":\"bots\",\"source\":\"x.y\",\"id\":\"4\"}".to_vec())
            .unwrap();
        assert_eq!(client.ids(1), ["4"]);
        if version > Version::V1_0 {
            assert_eq!(client.item(), Some(Item::HeartBeat));
        }
    }
}

#[test]
fn who_has_no_right_gets_an_error_and_the_end() {
    let trial = start(&[]);
    let (mut client, refused) = Client::log_in(&trial, Version::V1_2, "wrong");
    assert_eq!((refused.command.as_str(), refused.header("message")), ("ERROR", Some("Bad CONNECT")));
    assert_eq!(client.frame(), None);
    for destination in ["/exchange/other.example/*.*.*.*", "/exchange/lab.example/#", "/queue/a"] {
        let (mut client, _) = Client::log_in(&trial, Version::V1_1, "k");
        client.subscribe(destination);
        assert_eq!(client.frame().unwrap().command, "ERROR", "{destination}");
        assert_eq!(client.frame(), None);
    }
    trial.fault(Trouble::WrongKey, Some(1));
    assert_eq!(Client::log_in(&trial, Version::V1_2, "k").1.command, "ERROR");
    assert_eq!(Client::log_in(&trial, Version::V1_2, "k").1.command, "CONNECTED");
}

#[test]
fn what_is_pushed_is_kept_and_receipts_are_given() {
    let trial = start(&[]);
    let (mut client, _) = Client::log_in(&trial, Version::V1_2, "k");
    let push = Frame::new("SEND").with("destination", "/exchange/_push").with("receipt", "r:1");
    client.send(&push.clone().with_body("{\"source.ip\": \"192.0.2.1\"}"));
    assert_eq!(client.frame().unwrap().header("receipt-id"), Some("r:1"));
    client.send(&push.with_body("no json"));
    assert_eq!(client.frame().unwrap().command, "RECEIPT");
    assert_eq!(trial.out("it.jsonl"), "{\"source.ip\":\"192.0.2.1\"}\n{\"body\":\"no json\"}\n");
    client.send(&Frame::new("SEND").with("destination", "/exchange/elsewhere"));
    assert_eq!(client.frame().unwrap().command, "ERROR");
}

#[test]
fn what_a_client_did_not_acknowledge_is_for_the_next_connection() {
    for version in Version::ALL {
        let trial = start(&[("a.jsonl", EVENTS)]);
        let subscribe = Frame::new("SUBSCRIBE").with("id", "1").with("ack", "client");
        let subscribe = subscribe.with("destination", "/exchange/lab.example/*.*.*.*");
        let (mut client, _) = Client::log_in(&trial, version, "k");
        client.send(&subscribe);
        let _first = client.frame().unwrap();
        let second = client.frame().unwrap();
        let mark = second.header("ack").or(second.header("message-id")).unwrap();
        let name = if version == Version::V1_2 { "id" } else { "message-id" };
        client.send(&Frame::new("ACK").with(name, mark).with("subscription", "1").with("receipt", "r"));
        let told = std::iter::from_fn(|| client.frame()).find(|frame| frame.command == "RECEIPT");
        assert!(told.is_some());
        drop(client);
        let (mut client, _) = Client::log_in(&trial, version, "k");
        client.send(&subscribe);
        assert_eq!(client.ids(1), ["3"], "one ACK is for both that came before");
    }
}

#[test]
fn what_was_not_acknowledged_before_a_cut_comes_again() {
    let trial = start(&[]);
    let subscribe = Frame::new("SUBSCRIBE").with("id", "1").with("ack", "client");
    let subscribe = subscribe.with("destination", "/exchange/lab.example/*.*.*.*").with("receipt", "s");
    let (mut client, _) = Client::log_in(&trial, Version::V1_2, "k");
    client.send(&subscribe);
    assert_eq!(client.frame().unwrap().command, "RECEIPT");
    trial.fault(Trouble::CutLines(2), Some(1));
    trial.services.publish("it", "a.jsonl", EVENTS.into()).unwrap();
    let mark = client.frame().unwrap().header("ack").unwrap().to_owned();
    // Too late: the connection is cut from the other side, which only lets the rest be read.
    client.send(&Frame::new("ACK").with("id", mark));
    assert_eq!(client.ids(1), ["2"]);
    assert_eq!(client.frame(), None);
    let (mut client, _) = Client::log_in(&trial, Version::V1_2, "k");
    client.send(&subscribe);
    assert_eq!(client.frame().unwrap().command, "RECEIPT");
    assert_eq!(client.ids(3), ["1", "2", "3"]);
}

#[test]
fn a_stream_that_is_cut_or_expired_goes_on_with_the_next_connection() {
    let trial = start(&[("a.jsonl", EVENTS)]);
    trial.fault(Trouble::CutLines(1), Some(1));
    let (mut client, _) = Client::log_in(&trial, Version::V1_2, "k");
    client.subscribe("/exchange/lab.example/*.*.*.*");
    assert_eq!(client.ids(1), ["1"]);
    assert_eq!(client.frame(), None);
    trial.fault(Trouble::CutBytes(20), Some(1));
    let (mut client, _) = Client::log_in(&trial, Version::V1_2, "k");
    client.subscribe("/exchange/lab.example/*.*.*.*");
    assert_eq!(client.frame(), None);
    let (mut client, _) = Client::log_in(&trial, Version::V1_2, "k");
    client.subscribe("/exchange/lab.example/*.*.*.*");
    assert_eq!(client.ids(2), ["2", "3"]);
    trial.fault(Trouble::ExpiredCertificate, Some(1));
    assert_eq!(client.frame(), None, "who is connected must come back and meet it");
    let mut client = Client::connect(&trial);
    let error =
        client.stream.write_all(b"\n").and_then(|()| client.stream.read(&mut [0]).map(drop)).unwrap_err();
    assert!(error.to_string().to_lowercase().contains("expired"), "{error}");
    assert_eq!(Client::log_in(&trial, Version::V1_2, "k").1.command, "CONNECTED");
}
