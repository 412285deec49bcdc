//! A lesson in the terminal, taken by learners who type from a script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{COURSE, Home, text};

/// Types some lines into a lesson, and returns how it ended and all that it said.
fn lesson(home: &Home, lines: &[&str]) -> (Option<i32>, String) {
    let mut command = home.command(&["learn", "passes", "--playbooks", COURSE]);
    let mut child = command.env("NO_COLOR", "1").stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = child.stdin.take().unwrap();
    typed.write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    drop(typed);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), format!("{}\n{}", text(&output.stdout), text(&output.stderr)))
}

/// Wants some texts to be there, in this order.
#[track_caller]
fn in_order(said: &str, texts: &[&str]) {
    let mut rest = said;
    for text in texts {
        let Some(at) = rest.find(text) else { panic!("{text:?} is missing, or too early, in:\n{said}") };
        rest = &rest[at + text.len()..];
    }
}

#[test]
fn a_learner_does_it_asks_has_it_done_and_comes_to_the_end() {
    let home = Home::new();
    let (code, said) = lesson(
        &home,
        &[
            "check",
            "hint",
            "hint",
            "hint",
            "hint",
            "seed sample:2026-01-15-scan_telnet-lab.csv",
            "check",
            "do",
        ],
    );
    assert_eq!(code, Some(0), "{said}");
    in_order(
        &said,
        &[
            "Rows and events",
            "1 of 2. Two rows become two events",
            // Only the columns that the text asks for.
            "    timestamp            ip          port\n    2026-01-15 03:10:00  192.0.2.15  23\n",
            "✗  1. ",
            "expected: exactly 2 events in events.jsonl",
            "hint 1 of 3: Which bot",
            "hint 3 of 3: Copy the report into `/",
            "put in sample:2026-01-15-scan_telnet-lab.csv, 2 rows in lab passes",
            "✓  1. ",
            "2 events in events.jsonl",
            "Each row became one event",
            "    {\n      \"source.ip\": \"192.0.2.15\",\n      \"source.port\": 23,\n      \"protocol.application\": \"telnet\"\n    }",
            "2 of 2. A row that is no event",
            "✓  2. ",
            "    column \"asn\" of feed \"Accessible-Telnet\": \"AS64496\" is no whole number",
            "not yet; `hint` helps",
            "there is no more hint",
            "that was the last step",
        ],
    );
}

#[test]
fn a_lesson_that_is_left_is_gone_on_with_and_its_end_says_how_it_stands() {
    let home = Home::new();
    let (code, said) = lesson(&home, &["check", "quit", "do"]);
    assert_eq!(code, Some(7), "what was checked last had failed: {said}");
    let (code, said) = lesson(&home, &["check", "do", "reset"]);
    assert_eq!(code, Some(0), "a new step has not failed: {said}");
    in_order(&said, &["✗  1. ", "✓  1. ", "2 of 2.", "lab passes is where step 2 begins"]);
    // What is changed from elsewhere is seen, and a step that is taken back is read again.
    let (code, said) = lesson(&home, &["intelmq-lab reset 1", "up passes --to 1", "status --json", "down"]);
    assert_eq!(code, Some(0), "{said}");
    in_order(
        &said,
        &["2 of 2.", "1 of 2. Two rows", "2 of 2.", "\"name\": \"passes\"", "removed lab passes", "is gone"],
    );
    assert!(home.is_empty());
}

#[test]
fn what_is_not_understood_is_told_and_costs_nothing() {
    let home = Home::new();
    let lines = [
        "chek",
        "seed 'x",
        "ls",
        "learn passes",
        "events --fields",
        "help",
        "show",
        "",
        "show 2",
        "show --notes",
    ];
    let (code, said) = lesson(&home, &lines);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "did you mean `check`?",
        "2. A row that is no event",
        "2 minutes. Ask how many events there will be",
        "error[open-quote]",
        "`ls` is no word of a lesson",
        "error[in-lesson]",
        "a value is required for '--fields",
        "have the step done for you",
    ] {
        assert!(said.contains(part), "{part:?} is missing in:\n{said}");
    }
    assert_eq!(said.matches("1 of 2. Two rows").count(), 2, "{said}");
    for (arguments, code) in [(["learn", "pases"], 2), (["learn", "invalid"], 3), (["learn", "passes"], 0)] {
        let more = ["--playbooks", COURSE];
        let ended = home.run(&[&arguments[..], &more].concat()).status.code();
        assert_eq!(ended, Some(code), "{arguments:?}");
    }
    assert_eq!(home.run(&["learn", "passes", "--json", "--playbooks", COURSE]).status.code(), Some(2));
}

#[test]
fn ctrl_c_at_the_prompt_ends_the_lesson() {
    let home = Home::new();
    let mut command = home.command(&["learn", "passes", "--playbooks", COURSE]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("Before you run it")));
    let kept_open = child.stdin.take();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(kept_open);
}

/// Asks the API of the only lab.
fn ask(home: &Home, path: &str) -> String {
    let status = home.json(&["status", "--json"]);
    let api = &status["labs"][0]["api"];
    let (url, token) = (api["url"].as_str().unwrap(), api["token"].as_str().unwrap());
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!("Host: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close");
    write!(stream, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_page_and_the_terminal_show_the_same() {
    let home = Home::new();
    let seen = "\"source.ip\": \"192.0.2.15\"";
    assert!(home.run(&["up", "passes", "--to", "1", "--playbooks", COURSE]).status.success());
    let shown = |more: &[&str]| {
        text(&home.run(&[&["show", "passes", "1", "--playbooks", COURSE], more].concat()).stdout)
    };
    assert!(shown(&["--answer"]).contains(seen) && !shown(&[]).contains(seen));
    let told = ask(&home, "/v1/labs/passes/playbook");
    assert!(told.contains("192.0.2.15  23"), "the columns of the report: {told}");
    assert!(told.contains(r#"\"source.ip\": \"192.0.2.15\""#), "{told}");
    assert!(told.contains("[what shadowserver-parser gave up]"), "that step has not passed: {told}");
    // What a step showed stays as it was, whatever the lab does later, until the step is taken back.
    assert!(home.run(&["up", "passes", "--playbooks", COURSE]).status.success());
    assert!(home.run(&["dump", "delete", "shadowserver-parser", "--all"]).status.success());
    assert!(ask(&home, "/v1/labs/passes/playbook").contains("AS64496"));
    assert!(home.run(&["reset"]).status.success());
    assert!(!shown(&["--answer"]).contains(seen));
}
