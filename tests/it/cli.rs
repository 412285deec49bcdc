//! What a command line must do beyond its words: signals, closed pipes, JSON, colours, exit codes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{program, until};

pub(crate) const COURSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini-course/playbooks");

/// A user's home without a past; its labs end with it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments).env("XDG_STATE_HOME", self.0.path()).env_remove("NO_COLOR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed, and reads its standard output as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn is_empty(&self) -> bool {
        std::fs::read_dir(self.0.path()).unwrap().next().is_none()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.run(&["down", "--all"]);
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a playbook whose step waits for something that never comes.
fn endless(folder: &Path) -> String {
    let playbook = folder.join("endless");
    std::fs::create_dir(&playbook).unwrap();
    std::fs::write(playbook.join("playbook.yaml"), ENDLESS).unwrap();
    let botnet = Path::new(COURSE).join("passes/runtime.yaml.j2");
    std::fs::copy(botnet, playbook.join("runtime.yaml.j2")).unwrap();
    playbook.display().to_string()
}

const ENDLESS: &str = "\
format: 1
id: endless
title: Waiting
summary: You know patience.
level: beginner
minutes: 5
botnet: runtime.yaml.j2
steps:
  - id: wait
    title: It never comes
    say: Wait. It does not come. Wait longer.
    notes: None.
    hint: [Is anything there?]
    within: 5m
    do:
      - inject: {queue: file-output-queue, message: {feed.name: none, source.ip: 192.0.2.1, classification.type: scanner}}
    expect:
      - events: {file: events.jsonl, contain: [{source.ip: 192.0.2.99}]}
";

/// Starts a command that reports JSON lines, and returns once it waits.
fn waiting(home: &Home, arguments: &[&str]) -> Child {
    let mut child = home.command(&[arguments, &["--json"]].concat()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("action-done")), "{:?}", child.wait_with_output());
    // What is written to it from now on meets a closed pipe, and must not matter.
    child
}

#[test]
fn an_interrupted_check_leaves_nothing_and_an_interrupted_up_leaves_a_lab_that_can_be_removed() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let playbook = endless(folder.path());
    for (command, signal) in [("check", Signal::TERM), ("up", Signal::INT)] {
        let child = waiting(&home, &[command, &playbook]);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{command}: {}", text(&output.stderr));
        assert_eq!(home.is_empty(), command == "check", "{command}");
    }
    assert!(home.run(&["down"]).status.success());
    assert!(home.is_empty());
}

#[test]
fn a_second_signal_ends_at_once() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let mut child = waiting(&home, &["up", &endless(folder.path())]);
    // The first may have ended it before the second comes; both ways it is over soon, with the same code.
    for _ in 0..2 {
        let _ = kill_process(Pid::from_child(&child), Signal::INT);
    }
    until(Duration::from_secs(20), "the end of the command", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// A reader that goes away, as `head` does, is no error, and nobody is told of it.
#[test]
fn a_closed_pipe_ends_quietly() {
    let home = Home::new();
    assert!(home.run(&["up", "passes", "--playbooks", COURSE]).status.success());
    let cases: [&[&str]; 6] = [
        &["man"],
        &["--help"],
        &["show", "passes", "--json", "--playbooks", COURSE],
        &["events", "--json"],
        &["logs"],
        &["check", "passes", "--playbooks", COURSE],
    ];
    for arguments in cases {
        let mut child = home.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn what_programs_read_has_the_shape_that_is_documented() {
    let home = Home::new();
    let keys = |value: &Json| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(home.json(&["status", "--json"]), serde_json::json!({ "labs": [] }));
    home.run(&["up", "passes", "--playbooks", COURSE]);

    let status = home.json(&["status", "--json"]);
    let lab = &status["labs"][0];
    for key in ["name", "playbook", "folder", "target", "broker", "bots", "api"] {
        assert!(lab.get(key).is_some(), "{key} is missing: {lab}");
    }
    for key in ["id", "state", "received", "sent", "failed"] {
        assert!(lab["bots"][1].get(key).is_some(), "{key} is missing: {lab}");
    }
    assert!(lab["api"]["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert!(lab["api"]["token"].as_str().unwrap().len() >= 32);

    let dump = home.json(&["dump", "list", "--json"]);
    assert_eq!(keys(&dump[0]), "id bot source_queue traceback message unreadable");
    let lives = home.json(&["explain", "1", "--json"]);
    assert_eq!(lives[0]["message"]["source.ip"], "192.0.2.15");
    assert_eq!(keys(&home.json(&["graph", "--json"])), "bots edges");
    let list = home.json(&["list", "--json"]);
    assert!(list.as_array().unwrap().iter().all(|entry| entry["built_in"] == true));

    for (arguments, key) in [(["events", "--json"], "source.ip"), (["logs", "--json"], "level")] {
        let output = text(&home.run(&arguments).stdout);
        let entries: Vec<Json> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!entries.is_empty() && entries.iter().all(|entry| entry.get(key).is_some()), "{output}");
    }
}

#[test]
fn secrets_of_a_lab_are_shown_when_asked_for_and_nowhere_else() {
    let home = Home::new();
    let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini-course/services/feeds");
    let up = home.run(&["up", playbook, "--to", "1"]);
    assert!(up.status.success(), "{}", text(&up.stderr));
    let asked = home.json(&["status", "--secrets", "--json"]);
    let secret = asked["labs"][0]["secrets"]["api_key"].as_str().unwrap().to_owned();
    assert!(text(&home.run(&["status", "--secrets"]).stdout).contains(&secret));

    // The name of a file goes along with the report; a field that nobody knows ends in the dump.
    let (name, bad) = (format!("{secret}.csv"), format!("{{\"no.such.field\": \"{secret}\"}}"));
    assert!(home.run(&["seed", "data/rows.csv", "--as", &name]).status.success());
    assert!(home.run(&["inject", "file-output-queue", &bad]).status.success());
    let wrong = home.0.path().join("wrong.yaml");
    std::fs::write(&wrong, "file-output: {parameters: {fiel: \"{{ secret.api_key }}\"}}\n").unwrap();
    let wrong_file = wrong.display().to_string();
    let chosen = format!("extra.file_name={name}");
    until(Duration::from_secs(20), "the report and the dump", || {
        let given_up = home.json(&["dump", "list", "--json"]);
        home.run(&["explain", &chosen]).status.success() && !given_up.as_array().unwrap().is_empty()
    });
    let mut stars = 0;
    let commands: [&[&str]; 14] = [
        &["events", "--fields", "extra.file_name"],
        &["events", "--json"],
        &["events", &chosen],
        &["explain", &chosen],
        &["explain", &chosen, "--json"],
        &["explain", "--dropped"],
        &["logs"],
        &["logs", "--json"],
        &["logs", "--process"],
        &["dump", "list"],
        &["dump", "show", "file-output"],
        &["dump", "show", "file-output", "--json"],
        &["configure", &wrong_file],
        &["status", "--json"],
    ];
    for arguments in commands {
        let output = home.run(arguments);
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert!(!shown.contains(&secret), "{arguments:?}:\n{shown}");
        stars += usize::from(shown.contains("********"));
    }
    assert!(stars >= 7, "only {stars} commands had something to hide");
    std::fs::remove_file(wrong).unwrap();
}

#[test]
fn a_junit_report_is_written_for_what_passes_fails_and_cannot_run() {
    let home = Home::new();
    let file = home.0.path().join("report.xml");
    let report = format!("junit={}", file.display());
    let output = home.run(&["check", COURSE, "--report", &report]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let xml = std::fs::read_to_string(&file).unwrap();
    for part in [
        r#"<testsuite name="fails" tests="1" skipped="0" errors="0" failures="1""#,
        r#"<testsuite name="invalid" tests="1" skipped="0" errors="1" failures="0""#,
        r#"<testsuite name="passes" tests="2" skipped="0" errors="0" failures="0""#,
    ] {
        assert!(xml.contains(part), "{part} is missing:\n{xml}");
    }
    std::fs::remove_file(file).unwrap();
    assert!(home.is_empty());
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let home = Home::new();
    let coloured = |arguments: &[&str], no_color: &str| {
        let mut command = home.command(arguments);
        let output = command.env("NO_COLOR", no_color).output().unwrap();
        [output.stdout, output.stderr].concat().contains(&0x1b)
    };
    let show = ["show", "passes", "--playbooks", COURSE];
    assert!(!coloured(&show, ""));
    assert!(!coloured(&[&show[..], &["--color", "never"]].concat(), ""));
    assert!(coloured(&[&show[..], &["--color", "always"]].concat(), ""));
    assert!(!coloured(&["show", "nothing", "--playbooks", COURSE], ""));
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let readme = include_str!("../../README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let documented: Vec<String> = rows
        .filter(|(code, _)| code.parse::<u8>().is_ok())
        .map(|(code, meaning)| format!("{code:>5}  {}", meaning.trim_end_matches(" |")))
        .collect();
    assert_eq!(documented.len(), 9, "{documented:?}");
    let help = text(&Home::new().run(&["--help"]).stdout);
    for line in documented {
        assert!(help.contains(&line), "{line:?} is not in:\n{help}");
    }
}

#[test]
fn a_broken_playbook_is_invalid_whatever_is_asked_of_it() {
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini-course/broken");
    let mut codes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let playbook = entry.unwrap().path().display().to_string();
        for command in ["lint", "check", "up"] {
            let output = home.run(&[command, &playbook]);
            codes.push(output.status.code());
            assert_eq!(codes.last(), Some(&Some(3)), "{command} {playbook}: {}", text(&output.stderr));
        }
    }
    assert_eq!(codes.len(), 15 * 3);
    assert!(home.is_empty());
}

#[test]
fn rendered_services_run_alone_until_they_are_told_to_stop() {
    let home = Home::new();
    let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mini-course/services/feeds");
    let folder = home.0.path().join("rendered");
    let out = folder.display().to_string();
    assert!(home.run(&["render", playbook, "--out", &out]).status.success());
    // The ports of what is rendered are those of an example, which somebody else may have.
    let manifest = folder.join("services/services.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("\"key\": \"SECRET-api_key\"") && text.contains("\"port\": 20000"), "{text}");
    std::fs::write(&manifest, regex::Regex::new("2000[0-2]").unwrap().replace_all(&text, "0").as_bytes())
        .unwrap();
    let mut child = home.command(&["service", "run", &out]).spawn().unwrap();
    let running: Json = {
        let mut answers = serde_json::Deserializer::from_reader(child.stdout.as_mut().unwrap()).into_iter();
        answers.next().unwrap().unwrap()
    };
    let doors: Vec<String> =
        (0..3).map(|index| running["services"][index]["url"].as_str().unwrap().to_owned()).collect();
    let open = |door: &String| std::net::TcpStream::connect(door.rsplit('/').next().unwrap()).is_ok();
    assert!(doors.iter().all(open), "{doors:?}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!doors.iter().any(open));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_new_playbook_is_right_from_the_beginning() {
    let home = Home::new();
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("my-first").display().to_string();
    let made = home.json(&["new", &folder, "--json"]);
    assert_eq!(made["id"], "my-first");
    assert!(made["files"].as_array().unwrap().iter().all(|file| Path::new(file.as_str().unwrap()).is_file()));
    assert!(!home.run(&["new", &folder]).status.success(), "it is not written over");
    let lint = home.run(&["lint", &folder, "--run"]);
    assert!(lint.status.success(), "{}{}", text(&lint.stdout), text(&lint.stderr));
    let listed = home.run(&["up", &folder, "--report", "jsonl"]);
    assert!(listed.status.success(), "{}", text(&listed.stdout));
}

#[test]
fn doctor_says_what_is_here_and_what_to_do_about_the_rest() {
    let home = Home::new();
    let told = home.json(&["doctor", "--json"]);
    assert_eq!(told["works"], true);
    let others = told["others"].as_array().unwrap();
    let usable = |what: &str| others.iter().find(|one| one["what"] == what).map(|one| one["usable"] == true);
    assert_eq!(usable("broker embedded"), Some(true));
    let mut command = home.command(&["doctor"]);
    let nothing = command.env("PATH", "/nowhere").output().unwrap();
    let shown = text(&nothing.stdout);
    assert!(nothing.status.success() && shown.contains("✗  target compose"), "{shown}");
    assert!(home.is_empty());
    // No lab can be where there is a file.
    let file = home.0.path().join("file");
    std::fs::write(&file, "").unwrap();
    for arguments in [["doctor", "--json"], ["up", "shadowserver"]] {
        let refused = home.command(&arguments).env("XDG_STATE_HOME", &file).output().unwrap();
        let told = text(&refused.stdout) + &text(&refused.stderr);
        assert!(refused.status.code() == Some(5) && told.contains("set XDG_STATE_HOME"), "{told}");
    }
    std::fs::remove_file(file).unwrap();
}
