//! A web server for examples: it serves what an example says, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Headers that an example shows; the others say more of the client than of the bot.
const SHOWN: &[&str] = &["authorization", "content-type"];

/// A web server on loopback that ends with the test.
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    address: std::net::SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves contents by path; everything else that is asked for is answered with nothing.
    pub(super) fn start(contents: BTreeMap<String, Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (path, told) = answer(stream.unwrap(), &contents).unwrap_or_default();
                if path == "/end" {
                    return;
                }
                heard.lock().unwrap().push(told);
            }
        });
        Server { url: format!("http://{address}"), asked, address, thread: Some(thread) }
    }

    /// Returns what it was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = TcpStream::connect(self.address)
            .and_then(|mut stream| stream.write_all(b"GET /end HTTP/1.1\r\n\r\n"));
        if let (Ok(()), Some(thread)) = (asked, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Answers one request, and returns its path and how an example shows it.
fn answer(mut stream: TcpStream, contents: &BTreeMap<String, Vec<u8>>) -> std::io::Result<(String, String)> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut told = format!("{method} {path}\n");
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if SHOWN.contains(&&*name.to_lowercase()) {
            told += header.trim_end();
            told.push('\n');
        }
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if !body.is_empty() {
        told = [told.as_str(), "\n", &String::from_utf8_lossy(&body), "\n"].concat();
    }
    if path == "/end" {
        return Ok((path.to_owned(), told));
    }
    let content = contents.get(path).cloned().unwrap_or_default();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len())?;
    stream.write_all(&content)?;
    Ok((path.to_owned(), told))
}
