//! Plain HTTP to what stands beside a botnet: simulated feeds, and whatever a playbook asks for.

use std::io::Read;
use std::time::Duration;

use crate::tls;

/// How much of an answer is read, in bytes; a stream without an end has one here.
const LONGEST: u64 = 16 << 20;

/// A connection to the world outside the control service.
#[derive(Debug, Clone)]
pub struct Outside {
    http: reqwest::blocking::Client,
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// The method, such as `GET`.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// What is sent along.
    pub body: Option<Vec<u8>>,
}

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The text.
    pub body: String,
}

impl Outside {
    /// Makes a connection; nothing is sent yet. No answer is waited for longer than the limit, and no proxy is used.
    pub fn new(limit: Duration) -> Result<Self, String> {
        tls::install();
        let http = reqwest::blocking::Client::builder().timeout(limit).no_proxy().build();
        Ok(Outside { http: http.map_err(|error| cause(&error))? })
    }

    /// Asks, and returns what was answered whatever its status, or why there is no answer.
    pub fn ask(&self, question: &Question) -> Result<Reply, String> {
        let method = reqwest::Method::from_bytes(question.method.as_bytes());
        let method = method.map_err(|_| format!("{:?} is no HTTP method", question.method))?;
        let mut request = self.http.request(method, &question.url);
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &question.body {
            request = request.body(body.clone());
        }
        let response = request.send().map_err(|error| cause(&error))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        response.take(LONGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(Reply { status, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// Returns what lies at the bottom of an error.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_an_answer_whatever_its_status() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = [0; 1000];
            let length = stream.read(&mut bytes).unwrap();
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnone")
                .unwrap();
            String::from_utf8_lossy(&bytes[..length]).to_lowercase()
        });
        let outside = Outside::new(Duration::from_secs(5)).unwrap();
        let headers = vec![("X-Key".to_owned(), "7".to_owned())];
        let reply = outside.ask(&Question { method: "DELETE".into(), url, headers, body: None }).unwrap();
        assert_eq!(reply, Reply { status: 404, body: "none".into() });
        let asked = server.join().unwrap();
        assert!(asked.starts_with("delete /x ") && asked.contains("x-key: 7"), "{asked}");
    }

    #[test]
    fn no_answer_says_why() {
        let outside = Outside::new(Duration::from_secs(5)).unwrap();
        let question =
            Question { method: "GET".into(), url: "http://127.0.0.1:1/".into(), ..Question::default() };
        assert!(outside.ask(&question).unwrap_err().contains("refused"));
    }
}
