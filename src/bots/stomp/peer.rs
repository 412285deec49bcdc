//! A small STOMP server over TLS for tests of bots that speak to one.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::bots::http::tests::Pki;
use crate::bots::trial::server::Duplex;
use crate::stomp::{Decoder, Frame, Item, Version};

/// A server that answers each connection's frames as the function says, and tells which came; `None` cuts the connection.
pub(crate) fn server(
    pki: &Pki,
    mut script: impl FnMut(usize, &Frame) -> Option<Vec<Frame>> + Send + 'static,
) -> (u16, Receiver<Frame>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (wrap, (came, frames)) = (pki.wrap(), channel());
    std::thread::spawn(move || {
        for (number, socket) in listener.incoming().map_while(Result::ok).enumerate() {
            converse(wrap(socket), &came, |frame| script(number, frame));
        }
    });
    (port, frames)
}

fn converse(
    mut connection: Box<dyn Duplex>,
    came: &Sender<Frame>,
    mut script: impl FnMut(&Frame) -> Option<Vec<Frame>>,
) {
    let mut decoder = Decoder::new(Version::V1_2);
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = connection.read(&mut buffer) {
        decoder.push(&buffer[..length]);
        while let Ok(Some(item)) = decoder.next_item() {
            let Item::Frame(frame) = item else { continue };
            let Some(answers) = script(&frame) else { return };
            if came.send(frame).is_err() {
                return;
            }
            for answer in answers {
                connection.write_all(&answer.encode(Version::V1_2)).unwrap();
            }
            connection.flush().unwrap();
        }
    }
}

/// Answers `CONNECT` as a server does that lets everybody in.
pub(crate) fn greet(frame: &Frame) -> Option<Vec<Frame>> {
    (frame.command == "CONNECT").then(|| vec![Frame::new("CONNECTED").with("version", "1.2")])
}
