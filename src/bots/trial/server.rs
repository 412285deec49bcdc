//! A small HTTP server on a loopback port that answers as it is told, for trials of bots that fetch.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// Header lines; names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Asked {
    /// Returns a header line's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

/// The body of an answer.
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// Less than was promised; then the connection is cut.
    Cut(Vec<u8>),
    /// Chunks as they come; the end of the channel is the end, and an empty chunk cuts the connection.
    Stream(Receiver<Vec<u8>>),
}

impl Answer {
    /// Makes an answer of a status and a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: Vec::new(), body: Body::Whole(body.into()) }
    }
}

/// Both directions of a connection.
pub trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

type Wrap = dyn Fn(TcpStream) -> Box<dyn Duplex> + Send + Sync;
type Script = dyn FnMut(&Asked) -> Answer + Send;

/// A server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    ending: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server that answers each request as the function says.
    pub fn start(script: impl FnMut(&Asked) -> Answer + Send + 'static) -> io::Result<Server> {
        Server::wrapped(|socket| Box::new(socket), script)
    }

    /// Starts a server whose connections are wrapped, in TLS for instance.
    pub fn wrapped(
        wrap: impl Fn(TcpStream) -> Box<dyn Duplex> + Send + Sync + 'static,
        script: impl FnMut(&Asked) -> Answer + Send + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let server = Server { address, asked: Arc::default(), ending: Arc::default() };
        let (asked, ending) = (Arc::clone(&server.asked), Arc::clone(&server.ending));
        let (wrap, script): (Arc<Wrap>, Arc<Mutex<Script>>) = (Arc::new(wrap), Arc::new(Mutex::new(script)));
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if ending.load(Ordering::SeqCst) {
                    break;
                }
                let (asked, wrap, script) = (Arc::clone(&asked), Arc::clone(&wrap), Arc::clone(&script));
                // A client that goes away is no matter of the server.
                std::thread::spawn(move || serve(wrap(socket), &asked, &script));
            }
        });
        Ok(server)
    }

    /// Returns the host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns what was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(connection: Box<dyn Duplex>, asked: &Mutex<Vec<Asked>>, script: &Mutex<Script>) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    let question = read(&mut connection)?;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
    let answer = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        (*script)(&question)
    };
    let out = connection.get_mut();
    write!(out, "HTTP/1.1 {} told\r\nconnection: close\r\n", answer.status)?;
    for (name, value) in &answer.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    match answer.body {
        Body::Whole(body) => {
            write!(out, "content-length: {}\r\n\r\n", body.len())?;
            out.write_all(&body)?;
        }
        Body::Cut(body) => {
            write!(out, "content-length: {}\r\n\r\n", body.len() + 100)?;
            out.write_all(&body)?;
        }
        Body::Stream(chunks) => {
            write!(out, "transfer-encoding: chunked\r\n\r\n")?;
            out.flush()?;
            for chunk in chunks {
                if chunk.is_empty() {
                    return Ok(());
                }
                write!(out, "{:x}\r\n", chunk.len())?;
                out.write_all(&chunk)?;
                write!(out, "\r\n")?;
                out.flush()?;
            }
            write!(out, "0\r\n\r\n")?;
        }
    }
    out.flush()
}

/// Reads a request; one that is cut off was not asked.
fn read(connection: &mut impl BufRead) -> io::Result<Asked> {
    let mut asked = Asked::default();
    let mut line = String::new();
    whole(connection.read_line(&mut line)? > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    asked.method = words.next().unwrap_or_default();
    asked.path = words.next().unwrap_or_default();
    loop {
        let mut line = String::new();
        whole(connection.read_line(&mut line)? > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let read = connection.take(length).read_to_string(&mut asked.body)?;
    whole(read as u64 == length)?;
    Ok(asked)
}

fn whole(is_whole: bool) -> io::Result<()> {
    if is_whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
