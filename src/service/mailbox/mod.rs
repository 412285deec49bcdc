//! A mailbox that takes every mail: an SMTP server that sends nothing on.
//!
//! Each mail becomes a file `out/ID/NNNN.eml` and a line of `out/ID.jsonl`.

mod mime;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::network::{Connection, Serve, Served, append_line};
use super::{Feed, Kind, ServiceError, Setup, Trouble};

pub(super) const KIND: Kind = Kind {
    name: "mailbox",
    summary: "An SMTP server that keeps every mail: as out/ID/NNNN.eml and as a line of out/ID.jsonl.",
    scheme: ["smtp", "smtps"],
    tls: false,
    publishes: false,
    options: &["username", "password", "tls"],
    faults: &["status", "wrong_key", "slow", "expired_certificate", "no_answer"],
    writes: &["ID.jsonl", "ID/"],
    make,
};

/// The most bytes that a mail may have.
const LIMIT: usize = 32 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// Who must log in; nobody unless it is said.
    username: Option<String>,
    #[serde(default)]
    password: String,
    #[serde(default, rename = "tls")]
    _tls: bool,
}

struct Mailbox {
    options: Options,
    out: PathBuf,
    id: String,
    /// How many mails there are.
    mails: AtomicU64,
}

fn make(setup: &Setup) -> Result<Arc<dyn Serve>, ServiceError> {
    let (options, out, id) = (setup.options()?, setup.out.clone(), setup.id.clone());
    // A mailbox that was closed goes on where it was.
    let known = std::fs::read_dir(out.join(&id)).map_or(0, |files| files.flatten().count() as u64);
    Ok(Arc::new(Mailbox { options, out, id, mails: AtomicU64::new(known) }))
}

impl Serve for Mailbox {
    fn serve(self: Arc<Self>, connection: Connection, feed: Arc<Feed>) -> Served {
        Box::pin(async move {
            let may_send = self.options.username.is_none();
            let session =
                Session { mailbox: self, connection, feed, buffer: Vec::new(), may_send, letter: None };
            session.run().await
        })
    }
}

impl Mailbox {
    /// Keeps a mail.
    fn keep(&self, letter: &Letter, bytes: &[u8]) -> io::Result<u64> {
        let number = self.mails.fetch_add(1, Ordering::SeqCst) + 1;
        let folder = self.out.join(&self.id);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{number:04}.eml")), bytes)?;
        let mail = mime::Mail::read(bytes);
        let attachments: Vec<_> =
            mail.attachments.iter().map(|(name, text)| json!({ "name": name, "text": text })).collect();
        let line = json!({
            "number": number,
            "from": letter.from,
            "to": letter.to.join(", "),
            "subject": mail.subject,
            "text": mail.text,
            "attachments": attachments,
        });
        append_line(&self.out.join(format!("{}.jsonl", self.id)), &line)?;
        Ok(number)
    }
}

/// A mail that is being sent.
#[derive(Debug, Default)]
struct Letter {
    from: String,
    to: Vec<String>,
}

struct Session {
    mailbox: Arc<Mailbox>,
    connection: Connection,
    feed: Arc<Feed>,
    /// What was read and not used yet.
    buffer: Vec<u8>,
    /// Whether the client has logged in, or need not.
    may_send: bool,
    letter: Option<Letter>,
}

impl Session {
    async fn run(mut self) -> io::Result<()> {
        self.say("220 mailbox.lab.example ESMTP").await?;
        while let Some(line) = self.line().await? {
            if !self.command(&line).await? {
                break;
            }
        }
        self.connection.shutdown().await
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.connection.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.connection.flush().await
    }

    /// Reads a line without its end; `None` once the client is gone.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let end = loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                break end;
            }
            if self.buffer.len() > LIMIT || self.connection.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        };
        let rest = self.buffer.split_off(end + 1);
        let line = std::mem::replace(&mut self.buffer, rest);
        Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Does one command; tells whether the connection goes on.
    async fn command(&mut self, line: &str) -> io::Result<bool> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "HELO" => self.say("250 mailbox.lab.example").await?,
            "EHLO" => {
                self.say("250-mailbox.lab.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN")
                    .await?;
            }
            "AUTH" => self.auth(rest).await?,
            "MAIL" | "RCPT" if !self.may_send => self.say("530 5.7.0 Authentication required").await?,
            "MAIL" => {
                self.letter = Some(Letter { from: address(rest), to: Vec::new() });
                self.say("250 2.1.0 Ok").await?;
            }
            "RCPT" => self.recipient(rest).await?,
            "DATA" => return self.data().await,
            "RSET" => {
                self.letter = None;
                self.say("250 2.0.0 Ok").await?;
            }
            "NOOP" => self.say("250 2.0.0 Ok").await?,
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                return Ok(false);
            }
            _ => self.say("500 5.5.2 There is no such command").await?,
        }
        Ok(true)
    }

    /// Takes a recipient, or meets a fault.
    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        let to = address(rest);
        let trouble =
            self.feed.trouble(&to, |trouble| matches!(trouble, Trouble::Status(..) | Trouble::Slow(_)));
        match trouble {
            Some(Trouble::Status(code, _)) => return self.say(&format!("{code} <{to}>: not now")).await,
            Some(Trouble::Slow(wait)) => tokio::time::sleep(Duration::from_millis(wait)).await,
            _ => {}
        }
        let Some(letter) = &mut self.letter else { return self.say("503 5.5.1 First say MAIL FROM").await };
        letter.to.push(to);
        self.say("250 2.1.5 Ok").await
    }

    /// Takes the mail itself.
    async fn data(&mut self) -> io::Result<bool> {
        let Some(letter) = self.letter.take().filter(|letter| !letter.to.is_empty()) else {
            self.say("503 5.5.1 First say RCPT TO").await?;
            return Ok(true);
        };
        self.say("354 End with a line that is a single dot").await?;
        let mut bytes = Vec::new();
        loop {
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                let full = self.buffer.len() + bytes.len() > LIMIT;
                if full || self.connection.read_buf(&mut self.buffer).await? == 0 {
                    return Ok(false);
                }
                continue;
            };
            let rest = self.buffer.split_off(end + 1);
            let line = std::mem::replace(&mut self.buffer, rest);
            if matches!(line.as_slice(), b".\r\n" | b".\n") {
                break;
            }
            // A dot that begins a line is doubled on its way.
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        self.feed.count_request();
        let number = self.mailbox.keep(&letter, &bytes)?;
        self.say(&format!("250 2.0.0 Ok: kept as {number:04}")).await?;
        Ok(true)
    }

    async fn auth(&mut self, rest: &str) -> io::Result<()> {
        let text =
            |encoded: &str| STANDARD.decode(encoded.trim()).ok().and_then(|it| String::from_utf8(it).ok());
        let (method, first) = rest.split_once(' ').unwrap_or((rest, ""));
        let shown = match method.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let answer = if first.is_empty() { self.ask("").await? } else { first.to_owned() };
                let plain = text(&answer).unwrap_or_default();
                let mut parts = plain.split('\0').skip(1).map(str::to_owned);
                (parts.next(), parts.next())
            }
            "LOGIN" => {
                let name = if first.is_empty() { self.ask("VXNlcm5hbWU6").await? } else { first.to_owned() };
                let password = self.ask("UGFzc3dvcmQ6").await?;
                (text(&name), text(&password))
            }
            _ => return self.say("504 5.5.4 There is no such way to log in").await,
        };
        let Options { username, password, .. } = &self.mailbox.options;
        let wrong = self.feed.trouble("", |trouble| *trouble == Trouble::WrongKey).is_some();
        let right = username.is_none() || shown == (username.clone(), Some(password.clone()));
        if wrong || !right {
            return self.say("535 5.7.8 Authentication failed").await;
        }
        self.may_send = true;
        self.say("235 2.7.0 Authentication successful").await
    }

    /// Asks for more and returns what is answered.
    async fn ask(&mut self, challenge: &str) -> io::Result<String> {
        self.say(&format!("334 {challenge}")).await?;
        Ok(self.line().await?.unwrap_or_default())
    }
}

/// Takes the address out of `FROM:<a@example.com> SIZE=5`.
fn address(text: &str) -> String {
    let (_, text) = text.split_once(':').unwrap_or(("", text));
    let text = text.trim();
    match text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((address, _)) => address.to_owned(),
        None => text.split(' ').next().unwrap_or_default().to_owned(),
    }
}
