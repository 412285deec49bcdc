//! The mailbox, against lettre and by hand.

use lettre::message::{Attachment, MultiPart, SinglePart, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message, SmtpTransport, Transport};

use super::*;

fn transport(trial: &Trial) -> lettre::transport::smtp::SmtpTransportBuilder {
    let port = trial.url().rsplit(':').next().unwrap().parse().unwrap();
    SmtpTransport::builder_dangerous("127.0.0.1").port(port).timeout(Some(PATIENCE))
}

fn mail(to: &str) -> Message {
    let table =
        Attachment::new("events.csv".to_owned()).body("ip\n192.0.2.1\n".to_owned(), ContentType::TEXT_PLAIN);
    let parts =
        MultiPart::mixed().singlepart(SinglePart::plain("Für Sie:\n.\nEnde\n".to_owned())).singlepart(table);
    let builder = Message::builder().from("cert@lab.example".parse().unwrap()).to(to.parse().unwrap());
    builder.subject("Häuser").multipart(parts).unwrap()
}

#[test]
fn a_mail_is_kept_as_it_came_and_as_a_person_sees_it() {
    let trial = Trial::start("mailbox", &json!({}), &[]);
    let transport = transport(&trial).build();
    for to in ["abuse@a.example", "abuse@b.example"] {
        transport.send(&mail(to)).unwrap();
    }
    let index = trial.out("it.jsonl");
    let lines: Vec<Json> = index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[0],
        json!({
            "number": 1,
            "from": "cert@lab.example",
            "to": "abuse@a.example",
            "subject": "Häuser",
            "text": "Für Sie:\n.\nEnde\n",
            "attachments": [{"name": "events.csv", "text": "ip\n192.0.2.1\n"}],
        })
    );
    assert_eq!((lines.len(), lines[1]["to"].as_str()), (2, Some("abuse@b.example")));
    assert!(trial.out("it/0002.eml").contains("To: abuse@b.example"));
    assert_eq!(trial.services.status()[0].requests, 2);
}

#[test]
fn a_mailbox_may_want_a_login() {
    let trial = Trial::start("mailbox", &json!({"username": "u", "password": "p"}), &[]);
    let with =
        |password: &str| transport(&trial).credentials(Credentials::new("u".into(), password.into())).build();
    assert!(transport(&trial).build().send(&mail("a@b.example")).is_err());
    assert!(with("x").send(&mail("a@b.example")).is_err());
    with("p").send(&mail("a@b.example")).unwrap();
    trial.fault(Trouble::WrongKey, Some(1));
    assert!(with("p").send(&mail("a@b.example")).is_err());
    assert_eq!(trial.out("it.jsonl").lines().count(), 1);
}

#[test]
fn a_mailbox_refuses_recipients_on_demand() {
    let trial = Trial::start("mailbox", &json!({}), &[]);
    trial.fault(Trouble::Status(451, None), Some(1));
    let transport = transport(&trial).build();
    let error = transport.send(&mail("a@b.example")).unwrap_err();
    assert!(error.is_transient(), "{error}");
    transport.send(&mail("a@b.example")).unwrap();
}

/// Says lines to a server and returns the codes that it answers with.
fn talk(trial: &Trial, lines: &[&str]) -> Vec<String> {
    let mut stream = trial.connect();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let mut code = || {
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        while line.get(3..4) == Some("-") {
            line.clear();
            answers.read_line(&mut line).unwrap();
        }
        line.get(..3).unwrap_or_default().to_owned()
    };
    let mut codes = vec![code()];
    for line in lines {
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        codes.push(code());
    }
    codes
}

#[test]
fn commands_come_in_their_order() {
    let trial = Trial::start("mailbox", &json!({}), &[]);
    for (lines, codes) in [
        (&["HELO x", "NOOP", "RSET", "QUIT"][..], &["220", "250", "250", "250", "221"][..]),
        (&["EHLO x", "RCPT TO:<a@b>", "DATA", "WHAT"], &["220", "250", "503", "503", "500"]),
        (
            &["HELO x", "mail from:<>", "RCPT TO: <a@b> X=1", "DATA", "Subject: x\r\n\r\n..dot\r\n.", "QUIT"],
            &["220", "250", "250", "250", "354", "250", "221"],
        ),
    ] {
        assert_eq!(talk(&trial, lines), codes, "{lines:?}");
    }
    assert!(
        trial.out("it.jsonl").contains("\"from\":\"\",\"to\":\"a@b\",\"subject\":\"x\",\"text\":\".dot\\n\"")
    );
}
