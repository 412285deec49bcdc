//! What outputs guarantee: nothing is lost, and no more comes twice than their pages say, whatever dies or fails when.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use intelmq_lab::bots::trial::Trial;
use intelmq_lab::bots::trial::server::{Answer, Server};
use intelmq_lab::message::{Idf, Message};
use intelmq_lab::service::{Entry, FILE, Fault, Manifest, Services, Trouble};
use serde_json::{Value as Json, json};

use crate::support::{program, until};

const PATIENCE: Duration = Duration::from_secs(60);
const KILLS: usize = 4;

/// How many events a bot handles at once, at most.
const BATCH: usize = 500;

/// A folder with a simulated service, to which events can be sent.
struct Platform {
    folder: tempfile::TempDir,
    services: Services,
}

impl Platform {
    fn start() -> Platform {
        Platform::of("n6-stream", &json!({"login": "me@lab.example", "key": "k"}))
    }

    fn of(kind: &str, options: &Json) -> Platform {
        let folder = tempfile::tempdir().unwrap();
        for sub in ["services", "out", "etc", "in"] {
            std::fs::create_dir_all(folder.path().join(sub)).unwrap();
        }
        let options = options.as_object().unwrap().clone();
        let entry = Entry { id: "n6".into(), kind: kind.into(), port: 0, data: Vec::new(), options };
        let manifest = serde_json::to_string(&Manifest { services: vec![entry] }).unwrap();
        std::fs::write(folder.path().join(FILE), manifest).unwrap();
        let services = Services::start(folder.path()).unwrap();
        // The botnet's process has no services of its own.
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        Platform { folder, services }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns where it listens.
    fn address(&self) -> (String, u16) {
        let url = self.services.status()[0].url.clone();
        let (host, port) = url.rsplit('/').next().unwrap().split_once(':').unwrap();
        (host.to_owned(), port.parse().unwrap())
    }

    /// Returns the parameters of a STOMP output that sends to it.
    fn params(&self) -> Json {
        let (host, port) = self.address();
        json!({
            "server": host, "port": port, "ssl_ca_certificate": self.path().join("services/ca.pem"),
            "auth_by_ssl_client_certificate": false, "username": "me@lab.example", "password": "k",
        })
    }

    /// Returns the events that it got.
    fn got(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path().join("out/n6.jsonl")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// A chain that ends in the output that is tested.
fn start(folder: &Path, module: &str, params: &Json) -> Child {
    let to = |queue: &str| json!({"_default": [queue]});
    let input = json!({"path": folder.join("in"), "postfix": ".jsonl", "delete_file": true, "rate_limit": 0.05,
        "destination_queues": to("parser-queue")});
    let runtime = json!({
        "global": {"error_retry_delay": 0},
        "collector": {"module": "intelmq.bots.collectors.file.collector_file", "parameters": input},
        "parser": {
            "module": "intelmq.bots.parsers.json.parser",
            "parameters": {"splitlines": true, "destination_queues": to("output-queue")},
        },
        "output": {"module": module, "parameters": params},
    });
    std::fs::write(folder.join("etc/runtime.yaml"), runtime.to_string()).unwrap();
    let stderr = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("stderr")).unwrap();
    Command::new(program())
        .args(["botnet", "run"])
        .arg(folder.join("etc/runtime.yaml"))
        .arg("--state")
        .arg(folder.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap()
}

/// Kills a botnet of a bot again and again while its output works; waits until every event came, and returns how often one came again.
fn killed(
    events: usize,
    folder: &Path,
    (module, params): (&str, &Json),
    got: impl Fn() -> Vec<String>,
) -> usize {
    let lines: Vec<String> = (0..events).map(|number| json!({"extra.number": number}).to_string()).collect();
    std::fs::write(folder.join("part"), lines.join("\n")).unwrap();
    std::fs::rename(folder.join("part"), folder.join("in/events.jsonl")).unwrap();
    let mut in_hand = 0;
    for _ in 0..KILLS {
        let before = got().len();
        let mut process = start(folder, module, params);
        until(PATIENCE, "events that came", || got().len() > before);
        process.kill().unwrap();
        process.wait().unwrap();
        in_hand += usize::from(got().len() < events);
        if got().len() >= events {
            // It was quicker than the kill.
            break;
        }
    }
    assert!(in_hand > 0, "nothing was in hand any more when it was killed");
    let mut process = start(folder, module, params);
    let mut times = vec![0_usize; events];
    until(PATIENCE, "every event", || {
        times.fill(0);
        for event in got() {
            let event: Json = serde_json::from_str(&event).unwrap();
            let number = event.get("extra.number").and_then(Json::as_u64).unwrap();
            times[number as usize] += 1;
        }
        times.iter().all(|times| *times > 0)
    });
    process.kill().unwrap();
    process.wait().unwrap();
    times.iter().map(|times| times - 1).sum()
}

#[test]
fn a_stomp_output_that_is_killed_repeats_the_event_in_hand_at_most() {
    let platform = Platform::start();
    let module = "intelmq.bots.outputs.stomp.output";
    let again = killed(1500, platform.path(), (module, &platform.params()), || platform.got());
    assert!(again <= KILLS, "{again} came again");
}

#[test]
fn a_rest_api_output_that_is_killed_repeats_the_event_in_hand_at_most() {
    let platform = Platform::start();
    let server = Server::start(|_| Answer::new(200, "")).unwrap();
    let params = json!({"host": server.url("/events")});
    let got = || server.asked().into_iter().map(|asked| asked.body).collect();
    let again = killed(1500, platform.path(), ("intelmq.bots.outputs.restapi.output", &params), got);
    assert!(again <= KILLS, "{again} came again");
}

#[test]
fn a_files_output_that_is_killed_repeats_the_batch_in_hand_at_most_and_shows_no_part_of_a_file() {
    let platform = Platform::start();
    let dir = platform.path().join("incoming");
    let params = json!({"dir": dir, "tmp": platform.path().join("tmp")});
    let got = || {
        let files = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
    };
    let again = killed(5000, platform.path(), ("intelmq.bots.outputs.files.output", &params), got);
    assert!(again <= KILLS * BATCH, "{again} came again");
}

/// Returns an event's number as the event that has it.
fn numbered(number: &Json) -> String {
    json!({"extra.number": number}).to_string()
}

#[test]
fn an_sql_output_that_is_killed_repeats_the_batch_in_hand_at_most() {
    let platform = Platform::start();
    let file = platform.path().join("events.db");
    let params = json!({"engine": "sqlite", "database": file, "create_table": true});
    let got = || -> Vec<String> {
        // Before the first batch there is no table, and perhaps no file.
        let Ok(database) = rusqlite::Connection::open(&file) else { return Vec::new() };
        let Ok(mut query) = database.prepare("SELECT extra FROM events") else { return Vec::new() };
        let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap().map_while(Result::ok);
        rows.map(|extra| numbered(&serde_json::from_str::<Json>(&extra).unwrap()["number"])).collect()
    };
    let again = killed(20_000, platform.path(), ("intelmq.bots.outputs.sql.output", &params), got);
    assert!(again <= KILLS * BATCH, "{again} came again");
}

#[test]
fn outputs_of_mails_that_are_killed_repeat_the_mail_in_hand_at_most() {
    for (name, subject) in [("smtp", "{ev[extra.number]}"), ("templated_smtp", "{{ event['extra.number'] }}")]
    {
        let platform = Platform::of("mailbox", &json!({}));
        let (host, port) = platform.address();
        let params = json!({
            "smtp_host": host, "smtp_port": port, "starttls": false, "mail_from": "cert@example.org",
            "mail_to": "abuse@example.com", "subject": subject,
        });
        let got = || -> Vec<String> {
            let mails =
                platform.got().into_iter().filter_map(|mail| serde_json::from_str::<Json>(&mail).ok());
            let number =
                |mail: Json| numbered(&serde_json::from_str(mail["subject"].as_str().unwrap()).unwrap());
            mails.map(number).collect()
        };
        let module = format!("intelmq.bots.outputs.{name}.output");
        let again = killed(600, platform.path(), (&module, &params), got);
        assert!(again <= KILLS, "{name}: {again} came again");
    }
}

/// With the real platform's ways to refuse: the event fails with its words, and is there once the trouble is over.
#[test]
fn what_the_platform_refuses_is_told_and_taken_once_it_is_well() {
    let table = [
        (Trouble::WrongKey, "the server says: Bad CONNECT Access refused for user 'me@lab.example'"),
        (Trouble::ExpiredCertificate, "certificate expired, it was valid until"),
        (Trouble::NoAnswer, "127.0.0.1:"),
    ];
    for (trouble, said) in table {
        let platform = Platform::start();
        let module = "intelmq.bots.outputs.stomp.output";
        let mut trial = Trial::new(module, &platform.params(), &Idf::builtin()).unwrap();
        let mut event = Message::event(&Idf::builtin());
        event.add("source.ip", "192.0.2.1").unwrap();
        let fault = Fault { trouble, times: Some(1), path: None };
        platform.services.add_fault("n6", fault).unwrap();
        let failure = trial.feed(&event).failure.map(|failure| failure.to_string()).unwrap_or_default();
        assert!(failure.contains(said), "{said}: {failure:?}");
        assert_eq!(platform.got(), [""; 0]);
        assert_eq!(trial.feed(&event).failure, None, "{said}");
        assert_eq!(platform.got(), ["{\"source.ip\":\"192.0.2.1\"}"], "{said}");
    }
}
