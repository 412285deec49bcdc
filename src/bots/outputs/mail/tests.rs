//! Against the mails that IntelMQ's own outputs sent (`tests/bots/record_mails.py`), and against servers that refuse.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::bots::trial::Trial;
use crate::bots::{Failure, Level};
use crate::message::{Idf, Message, Value};

/// What a sink answers to a command, if not the usual.
type Rule = fn(&str) -> Option<&'static str>;

/// A mail server for one test: it answers what its rule says to a command, and keeps what it got.
struct Sink {
    port: u16,
    mails: Receiver<(Vec<String>, String)>,
}

impl Sink {
    /// The rule gives an answer to a command that is not the usual one; `.` is the end of a mail.
    fn new(rule: Rule) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle is what some tests are about.
                let _ = converse(stream, rule, &sender);
            }
        });
        Sink { port, mails }
    }

    fn got(&self) -> Vec<(Vec<String>, String)> {
        self.mails.try_iter().collect()
    }
}

fn converse(mut stream: TcpStream, rule: Rule, got: &Sender<(Vec<String>, String)>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 sink ESMTP\r\n")?;
    let mut commands = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let command = std::mem::take(&mut line).trim_end().to_owned();
        let usual = match command.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-sink\r\n250-SMTPUTF8\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => "235 welcome",
            "DATA" => "354 go",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        let answer = rule(&command).unwrap_or(usual);
        if answer == "hang up" {
            return Ok(());
        }
        commands.push(command.clone());
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
        if command == "DATA" && answer.starts_with("354") {
            let mut mail = String::new();
            while reader.read_line(&mut line)? > 0 && line != ".\r\n" {
                mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                line.clear();
            }
            line.clear();
            let answer = rule(".").unwrap_or("250 queued");
            if answer.starts_with("250") {
                got.send((std::mem::take(&mut commands), mail)).ok();
            }
            stream.write_all(format!("{answer}\r\n").as_bytes())?;
        }
        if command == "QUIT" {
            return Ok(());
        }
    }
    Ok(())
}

/// A head's fields, unfolded; and what comes after it.
fn head(text: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let field =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    (head.split("\r\n").map(|line| field(line).unwrap()).collect(), body)
}

fn field<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// Reads the encoded words of a field.
fn decoded(text: &str) -> String {
    let Some((before, rest)) = text.split_once("=?utf-8?b?") else { return text.to_owned() };
    let (word, after) = rest.split_once("?=").unwrap();
    let word = String::from_utf8(STANDARD.decode(word).unwrap()).unwrap();
    let after = after.strip_prefix(' ').filter(|after| after.starts_with("=?")).unwrap_or(after);
    format!("{before}{word}{}", decoded(after))
}

fn parameter(value: &str, name: &str) -> Option<String> {
    let plain = value.split_once(&format!("{name}=\"")).map(|(_, rest)| {
        let mut out = String::new();
        let mut letters = rest.chars();
        loop {
            match letters.next() {
                None | Some('"') => return out,
                Some('\\') => out.extend(letters.next()),
                Some(c) => out.push(c),
            }
        }
    });
    let bare =
        || value.split_once(&format!("{name}=")).map(|(_, rest)| rest.split(';').next().unwrap().to_owned());
    let wide = || {
        let (_, rest) = value.split_once(&format!("{name}*0*=utf-8''"))?;
        let bytes = rest.split(';').next()?.as_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == b'%' {
                out.push(u8::from_str_radix(std::str::from_utf8(&bytes[at + 1..at + 3]).ok()?, 16).ok()?);
                at += 3;
            } else {
                out.push(bytes[at]);
                at += 1;
            }
        }
        String::from_utf8(out).ok()
    };
    plain.or_else(bare).or_else(wide)
}

fn unquoted_printable(text: &str) -> String {
    let text = text.replace("=\r\n", "");
    let mut parts = text.split('=');
    let mut out = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        out.push(u8::from_str_radix(&part[..2], 16).unwrap());
        out.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(out).unwrap()
}

/// What a reader sees of a mail, as `record_mails.py` tells it.
fn picture(mail: &(Vec<String>, String)) -> Json {
    let (fields, body) = head(&mail.1);
    let kind = field(&fields, "content-type");
    let boundary = parameter(kind, "boundary").unwrap();
    let between = format!("--{boundary}");
    let sections = body.split(&between).skip(1);
    let parts = sections.take_while(|section| !section.starts_with("--")).map(|section| {
        let (fields, body) = head(section.strip_prefix("\r\n").unwrap());
        let body = body.strip_suffix("\r\n").unwrap();
        let text = match field(&fields, "content-transfer-encoding") {
            "base64" => String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap(),
            "quoted-printable" => unquoted_printable(body),
            _ => body.to_owned(),
        };
        let disposition = field(&fields, "content-disposition");
        let first = |value: &str| value.split(';').next().unwrap_or_default().to_owned();
        json!({
            "type": first(field(&fields, "content-type")),
            "disposition": Some(first(disposition)).filter(|text| !text.is_empty()),
            "filename": parameter(disposition, "filename"),
            "text": text.replace("\r\n", "\n"),
        })
    });
    let addressed = |word: &str| {
        let found = mail.0.iter().filter_map(|command| command.strip_prefix(word));
        found.map(|rest| rest.split('>').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    json!({
        "envelope": {"from": addressed("MAIL FROM:<")[0], "to": addressed("RCPT TO:<")},
        "subject": decoded(field(&fields, "subject")), "from": decoded(field(&fields, "from")),
        "to": decoded(field(&fields, "to")), "type": kind.split(';').next(), "parts": parts.collect::<Vec<_>>(),
    })
}

/// The event of most recorded cases.
fn event() -> Json {
    serde_json::from_str(include_str!("../../../../tests/bots/mails-event.json")).unwrap()
}

fn message(fields: &Json) -> Message {
    let mut event = Message::event(&Idf::builtin());
    for (name, value) in fields.as_object().unwrap() {
        let key = event.idf().key(event.message_type(), name).unwrap();
        event.put(&key, Value::from(value.clone()));
    }
    event
}

fn trial(kind: &str, params: &Json, port: u16) -> Result<Trial, Failure> {
    let mut params = params.clone();
    params["smtp_port"] = port.into();
    params["smtp_host"] = "127.0.0.1".into();
    Trial::new(&format!("intelmq.bots.outputs.{kind}.output"), &params, &Idf::builtin())
}

/// Cases that differ on purpose, by what their parameters hold; see docs/bots/outputs.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "\"subject\":\"{ev[extra.two_lines]}\"",
        "a subject of several lines is refused; IntelMQ sends it without sender and recipient",
    ),
    ("\"mail_to\":\"{{ event['no.such'] }}\"", "a mail to nobody is refused before the server sees it"),
    ("\"mail_to\":\"not an address\"", "what is no address is refused before the server sees it"),
    ("a@b@example.com", "the same"),
    ("a@example.com;b@example.com", "the same"),
    ("\\\"Last, First\\\"", "IntelMQ takes the two halves of the name for recipients"),
    ("\"mail_from\":\"{ev[", "IntelMQ tells the server the format string instead of the sender"),
    ("ü@example.com", "IntelMQ's smtp output fails on it"),
    ("a@exämple.com", "the same"),
    ("'%05.1f' % 2.25", "the operator % does not format texts here; the filter format does"),
    ("\"mail_to\":\"a@example.com,\"", "IntelMQ's smtp output sends it to nobody as well"),
    ("no text \\\"", "an attachment that lacks something is refused at the start; IntelMQ sends none"),
    ("Dear network owner", "the default text is our own"),
];

#[test]
fn mails_are_what_intelmq_sends() {
    let sink = Sink::new(|_| None);
    let mut wrong = Vec::new();
    for line in include_str!("../../../../tests/bots/mails.jsonl").lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let (kind, params) = (case["kind"].as_str().unwrap(), &case["params"]);
        let event = case.get("event").cloned().unwrap_or_else(event);
        let failure = match trial(kind, params, sink.port) {
            Ok(mut trial) => trial.feed(message(&event)).failure,
            Err(failure) => Some(failure),
        };
        let sent: Vec<Json> = sink.got().iter().map(picture).collect();
        if failure.is_some() != sent.is_empty() || Json::from(sent.clone()) != case["mails"] {
            wrong.push(format!(
                "{kind} {params}\n  {failure:?}\n  {}\n  {}",
                Json::from(sent),
                case["mails"]
            ));
        }
    }
    let unexpected: Vec<&String> =
        wrong.iter().filter(|text| !OTHERWISE.iter().any(|(known, _)| text.contains(known))).collect();
    assert!(
        unexpected.is_empty(),
        "{}",
        unexpected.iter().map(|t| t.as_str()).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn a_server_that_refuses_fails_the_event_and_the_next_one_goes_through() {
    let rules: [(Rule, &str); 5] = [
        (
            |command| command.contains("RCPT TO:<abuse@").then_some("550 no such user"),
            "every recipient was refused: abuse@example.com: permanent error (550): no such user",
        ),
        (|command| command.contains("RCPT TO:<abuse@").then_some("450 later"), "transient error (450)"),
        (|command| (command == ".").then_some("554 spam"), "the mail: permanent error (554): spam"),
        (|command| (command == "DATA").then_some("hang up"), "the mail server 127.0.0.1"),
        (|command| command.starts_with("EHLO").then_some("421 closing"), "the mail server 127.0.0.1"),
    ];
    for (rule, expected) in rules {
        let sink = Sink::new(rule);
        let params =
            json!({"mail_from": "cert@example.org", "mail_to": "{{ event['source.abuse_contact'] }}"});
        let mut trial = trial("templated_smtp", &params, sink.port).unwrap();
        let failure = trial.feed(message(&event())).failure.unwrap();
        assert!(matches!(&failure, Failure::Other(text) if text.contains(expected)), "{failure:?}");
        assert_eq!(sink.got(), []);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut trial = trial("smtp", &json!({"starttls": false}), nobody).unwrap();
    let failure = trial.feed(message(&event())).failure.unwrap();
    assert!(failure.to_string().contains("refused"), "{failure}");
}

#[test]
fn a_refused_recipient_among_others_is_a_warning() {
    let sink = Sink::new(|command| command.contains("RCPT TO:<no@").then_some("550 no"));
    let params = json!({"mail_from": "cert@example.org", "mail_to": "no@example.com, yes@example.com"});
    let outcome = trial("templated_smtp", &params, sink.port).unwrap().feed(message(&event()));
    assert_eq!((outcome.failure, sink.got().len()), (None, 1));
    assert!(
        matches!(&outcome.log[..], [(Level::Warning, text)] if text.contains("no@example.com")),
        "{:?}",
        outcome.log
    );
}

#[test]
fn who_is_refused_for_the_moment_alone_gets_the_mail_of_the_retry() {
    static GREY: AtomicBool = AtomicBool::new(true);
    let sink = Sink::new(|command| {
        let later = command.contains("RCPT TO:<later@") && GREY.load(Ordering::SeqCst);
        let never = command.contains("RCPT TO:<no@").then_some("550 no");
        if later { Some("451 greylisted") } else { never }
    });
    let params = json!({
        "mail_from": "cert@example.org", "mail_to": "no@example.com, later@example.com, yes@example.com",
    });
    let mut trial = trial("templated_smtp", &params, sink.port).unwrap();
    let recipients = |sink: &Sink| -> Vec<String> {
        let got = sink.got().into_iter().flat_map(|(commands, _)| commands);
        got.filter_map(|command| Some(command.strip_prefix("RCPT TO:<")?.split('@').next()?.to_owned()))
            .collect()
    };
    for wanted in [&["no", "later", "yes"][..], &[]] {
        let failure = trial.feed(message(&event())).failure.unwrap().to_string();
        assert!(failure.contains("later@example.com: transient error (451)"), "{failure}");
        assert!(!failure.contains("yes@") && !failure.contains("no@"), "{failure}");
        assert_eq!(recipients(&sink), wanted);
    }
    // Another event in between has its own recipients.
    GREY.store(false, Ordering::SeqCst);
    let mut other = message(&event());
    other.put(&other.idf().key(other.message_type(), "comment").unwrap(), Value::from(json!("another")));
    assert_eq!(trial.feed(other).failure, None);
    assert_eq!(recipients(&sink), ["no", "later", "yes"]);
    assert_eq!(trial.feed(message(&event())).failure, None);
    assert_eq!(recipients(&sink), ["later"]);
    assert_eq!(trial.feed(message(&event())).failure, None);
    assert_eq!(recipients(&sink), ["no", "later", "yes"]);
}

#[test]
fn it_logs_in_when_it_is_told_to_and_insists_on_starttls() {
    let sink = Sink::new(|_| None);
    let params = json!({"starttls": false, "smtp_username": "lab", "smtp_password": "secret"});
    assert_eq!(trial("smtp", &params, sink.port).unwrap().feed(message(&event())).failure, None);
    let login = format!("AUTH PLAIN {}", STANDARD.encode("\0lab\0secret"));
    assert!(sink.got()[0].0.contains(&login));
    let failure = trial("smtp", &json!({}), sink.port).unwrap().feed(message(&event())).failure.unwrap();
    assert!(failure.to_string().contains("does not offer STARTTLS"), "{failure}");
    let refused = trial("templated_smtp", &json!({"mail_from": "a@example.com"}), 1);
    assert!(matches!(refused, Err(Failure::Configuration(text)) if text.contains("mail_to")));
}
