//! The REST API of a lab, asked by somebody who may not, or who asks for what must not be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{COURSE, Home};
use crate::support::until;

/// A lab's API, and how it is asked as it should be.
pub(crate) struct Lab {
    host: String,
    pub(crate) token: String,
    pub(crate) folder: String,
}

/// What is asked; what is not said is as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    method: &'static str,
    path: String,
    host: Option<&'static str>,
    headers: Vec<String>,
    body: String,
}

impl Question {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        let path = path.to_owned();
        Question { method, path, host: None, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn header(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }
}

impl Lab {
    pub(crate) fn up(home: &Home) -> Lab {
        assert!(home.run(&["up", "passes", "--to", "1", "--playbooks", COURSE]).status.success());
        let status = home.json(&["status", "--json"]);
        let lab = &status["labs"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let host = text(&lab["api"]["url"]).trim_start_matches("http://").to_owned();
        Lab { host, token: text(&lab["api"]["token"]), folder: text(&lab["folder"]) }
    }

    /// Asks, with the right token unless another one is among the headers, and returns head and body of the answer.
    pub(crate) fn ask(&self, question: &Question) -> (String, String) {
        self.try_ask(question).unwrap()
    }

    /// The same of a lab that may be away for a moment.
    fn try_ask(&self, question: &Question) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(&self.host).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = vec![
            format!("{} {} HTTP/1.1", question.method, question.path),
            format!("Host: {}", question.host.unwrap_or(&self.host)),
            format!("Content-Length: {}", question.body.len()),
            "Connection: close".to_owned(),
        ];
        if !question.headers.iter().any(|header| header.starts_with("Authorization")) {
            head.push(format!("Authorization: Bearer {}", self.token));
        }
        head.extend(question.headers.clone());
        write!(stream, "{}\r\n\r\n", head.join("\r\n")).ok()?;
        // A refusal may come before the body has gone out.
        let _ = stream.write_all(question.body.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Some((head.to_lowercase(), body.to_owned()))
    }

    fn try_get(&self, path: &str) -> Option<Value> {
        let (_, body) = self.try_ask(&Question::new("GET", path))?;
        serde_json::from_str(&body).ok()
    }

    /// The header with which a browser that has been here asks.
    pub(crate) fn cookie(&self) -> String {
        let port = self.host.rsplit(':').next().unwrap();
        format!("Cookie: intelmq-lab-{port}={}", self.token)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (head, body) = self.ask(&Question::new("GET", path));
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}\n{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Everything that a refused request must leave as it was: configuration, bots and queues, files and feeds.
    fn state(&self) -> (Value, Value, Vec<(String, Vec<u8>)>) {
        let mut files = Vec::new();
        for part in ["etc", "in", "out", "services"] {
            collect(&Path::new(&self.folder).join(part), &mut files);
        }
        // `lab.json` is left out: it notes that somebody tried to change something by hand, before it is tried.
        for name in ["secrets.json", "api.json"] {
            collect(&Path::new(&self.folder).join(name), &mut files);
        }
        files.sort();
        (self.get("/v1/configuration"), self.get("/v1/botnet"), files)
    }
}

/// Reads a file, or all files below a folder.
fn collect(path: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if let Ok(bytes) = std::fs::read(path) {
        files.push((path.display().to_string(), bytes));
    }
}

const CONFIGURATION: &str = "/v1/labs/passes/configuration";
const MESSAGES: &str = "/v1/labs/passes/queues/file-output-queue/messages";

/// Who must not get in, each with something that would change the lab if it were let in.
fn strangers() -> Vec<(Question, u16, &'static str)> {
    let clear = || Question::new("DELETE", MESSAGES);
    let put = || Question::new("PUT", "/v1/labs/passes/files/in/new.csv").body("text");
    let wrong = "Authorization: Bearer 00000000000000000000000000000000";
    vec![
        (clear().header("Authorization: none"), 401, "wrong-token"),
        (put().header("Authorization:"), 401, "wrong-token"),
        (put().header(wrong), 401, "wrong-token"),
        (put().header("Authorization: Basic dXNlcjpwYXNz"), 401, "wrong-token"),
        (Question { host: Some("rebound.example:80"), ..put() }, 421, "foreign-host"),
        (Question { host: Some("127.0.0.1"), ..put() }, 421, "foreign-host"),
        (put().header("Origin: http://evil.example"), 403, "foreign-origin"),
        (put().header("Origin: null"), 403, "foreign-origin"),
    ]
}

/// Requests of somebody who may, for what must not be.
fn tricks() -> Vec<(Question, u16, &'static str)> {
    let long = "x".repeat(20_000);
    let put = |path: &str| Question::new("PUT", &format!("/v1/labs/passes/files/{path}")).body("text");
    let run = |path: &str| Question::new("POST", &format!("/v1/labs/passes/{path}"));
    let json = "Content-Type: application/json";
    vec![
        (put("../etc/runtime.yaml"), 400, "path-not-allowed"),
        (put("in/../../etc/runtime.yaml"), 400, "path-not-allowed"),
        (put("in/%2e%2e/etc/runtime.yaml"), 400, "path-not-allowed"),
        (put("in%2f..%2f..%2fetc%2fruntime.yaml"), 400, "path-not-allowed"),
        (put("%2fetc%2fruntime.yaml"), 400, "path-not-allowed"),
        (put("/etc/runtime.yaml"), 400, "path-not-allowed"),
        (put("etc/runtime.yaml"), 400, "path-not-allowed"),
        (put("in/a%00b"), 400, "path-not-allowed"),
        (put(&format!("in/{long}")), 400, "path-not-allowed"),
        (put(&format!("in/{}", "x/".repeat(5_000))), 400, ""),
        (run(r"files/..\botnet\stop"), 400, "path-not-allowed"),
        (run("files/..%5cbotnet%5cshutdown"), 400, "path-not-allowed"),
        (run("files/%2e%2e/botnet/shutdown"), 400, "path-not-allowed"),
        (run("botnet/shutdown"), 404, "unknown-route"),
        (run("..%2fother/reset").header(json).body("{}"), 404, "unknown-route"),
        (Question::new("POST", "/v1/labs/..%2fpasses/reset").header(json).body("{}"), 404, "unknown-lab"),
        (Question::new("GET", "/app/..%2f..%2fmod.rs"), 404, ""),
    ]
}

/// Bodies that are too long or broken.
fn bodies() -> Vec<(Question, u16, &'static str)> {
    let set = |body: &str| Question::new("PUT", CONFIGURATION).body(body);
    let post = |path: &str, body: &str| {
        Question::new("POST", &format!("/v1/labs/passes/{path}"))
            .header("Content-Type: application/json")
            .body(body)
    };
    let unknown = "x:\n  module: intelmq.bots.none\n";
    vec![
        (set(&"#".repeat((1 << 20) + 1)), 413, ""),
        (set("x: ["), 422, "invalid-configuration"),
        (set(unknown), 422, "invalid-configuration"),
        (set("").header("If-Match: \"999\""), 412, "stale-configuration"),
        (post("configure", r#"{"file-output": {"module": "intelmq.bots.none"}}"#), 422, ""),
        (post("configure", "[]"), 422, ""),
        (post("configure", "{"), 400, ""),
        (post("inject", r#"{"queue": "file-output-queue", "message": {}, "times": 10001}"#), 400, "too-many"),
        (post("inject", r#"{"queue": "none", "message": {}}"#), 404, "unknown-queue"),
        (Question::new("POST", "/v1/labs/passes/reset").body("{}"), 415, ""),
    ]
}

#[test]
fn what_must_not_be_is_refused_with_a_problem_and_changes_nothing() {
    let home = Home::new();
    let lab = Lab::up(&home);
    let before = lab.state();
    let mut broken = Vec::new();
    for (question, status, code) in [strangers(), tricks(), bodies()].concat() {
        let (head, body) = lab.ask(&question);
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        let told = head.contains("content-type: application/problem+json")
            && problem["status"] == status
            && problem["title"].as_str().is_some_and(|title| !title.is_empty())
            && (code.is_empty() || problem["code"] == code);
        let unchanged = lab.state() == before;
        if !(head.starts_with(&format!("http/1.1 {status}")) && told && unchanged) {
            let path: String = question.path.chars().take(80).collect();
            let asked = format!("{} {path} {:?}", question.method, question.headers);
            broken.push(format!("{asked}: wanted {status} {code}, unchanged: {unchanged}\n{head}\n{body}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[test]
fn a_page_that_is_open_goes_on_when_the_lab_begins_anew() {
    let home = Home::new();
    let lab = Lab::up(&home);
    assert!(home.run(&["reset"]).status.success());
    // The same address, and the same token.
    assert!(lab.get("/v1/botnet")["bots"].is_array());
}

#[test]
fn a_lab_begins_anew_and_does_a_step_again_from_its_own_page() {
    let home = Home::new();
    let lab = Lab::up(&home);
    let post = |path: &str| {
        let question = Question::new("POST", &format!("/v1/labs/passes/{path}"));
        lab.ask(&question.header("Content-Type: application/json").body("{}"))
    };
    // Another process ends this one and goes on; the address and the token stay.
    let follow = |path: &str, passed: u64| {
        let (head, body) = post(path);
        assert!(head.starts_with("http/1.1 202") && body.contains("busy"), "{path}: {head}\n{body}");
        let mut last = Value::Null;
        until(Duration::from_secs(60), path, || {
            last = lab.try_get("/v1/labs/passes/playbook").unwrap_or_default();
            last["busy"] == false
        });
        assert_eq!(
            (&last["passed"], &last["trouble"]),
            (&Value::from(passed), &Value::Null),
            "{path}: {last:#}"
        );
        last
    };
    follow("reset", 0);
    let ended = lab.ask(&Question::new("POST", "/v1/labs/passes/steps/1/do"));
    assert!(ended.0.starts_with("http/1.1 200"), "nothing has to end for a step that is due: {ended:?}");
    follow("steps/1/prepare", 0);
    assert!(post("steps/2/do").0.starts_with("http/1.1 200"));
    let told = follow("steps/1/do", 1);
    let result = &told["steps"][0]["result"];
    assert_eq!(result["result"], "passed");
    assert_eq!(result["verdicts"].as_array().unwrap().len(), 3, "{result}");
}
