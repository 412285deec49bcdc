//! Labs as a whole: real supervisors, real botnets, the steps of a small playbook.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use intelmq_lab::diagnostic::Source;
use intelmq_lab::playbook::{Catalog, Playbook};
use intelmq_lab::runtime::control::BotAction;
use intelmq_lab::session::{
    Event, Feed, Hand, Kind, Lab, LabWish, Labs, Ran, Range, SessionError, StepResult, World, bless, check,
    down, down_all, prove, reset, status, up,
};

/// A place for labs and playbooks; nothing of it is left when a test is over, not even a process.
struct Place {
    folder: tempfile::TempDir,
    world: World,
}

const RUNTIME: &str = "\
collector:
  module: intelmq.bots.collectors.file.collector_file
  group: Collector
  parameters:
    path: \"{{ lab.in }}/\"
    postfix: .csv
    delete_file: true
    rate_limit: 600
    destination_queues: {_default: [reports-queue]}
reports:
  module: intelmq.bots.outputs.file.output
  group: Output
  parameters: {file: \"{{ lab.out }}/reports.jsonl\"}
dedup:
  module: intelmq.bots.experts.deduplicator.expert
  group: Expert
  parameters:
    filter_type: whitelist
    filter_keys: source.ip
    destination_queues: {_default: [taxonomy-queue]}
taxonomy:
  module: intelmq.bots.experts.taxonomy.expert
  group: Expert
  parameters:
    destination_queues: {_default: [events-queue]}
events:
  module: intelmq.bots.outputs.file.output
  group: Output
  parameters: {file: \"{{ lab.out }}/events.jsonl\"}
";

const STEPS: &str = r#"  - id: report
    do: [{seed: {file: data/two.csv}}]
    expect: [{events: {file: reports.jsonl, count: 1}}]
  - id: event
    do: [{inject: {queue: dedup-queue, message: {source.ip: 192.0.2.1, classification.type: scanner}}}]
    expect: [{events: {file: events.jsonl, exactly: expected/event.jsonl}}]
    still: [{dump: {bot: taxonomy, count: 0}}]
  - id: twice
    do: [{inject: {queue: dedup-queue, message: {source.ip: 192.0.2.1, classification.type: scanner}, times: 2}}]
    expect: [{status: {bot: dedup, dropped: 2}}, {events: {file: events.jsonl, count: 1, since: start}}]
  - id: stopped
    do:
      - stop: taxonomy
      - inject: {queue: dedup-queue, message: {source.ip: 192.0.2.2, classification.type: phishing}}
    expect: [{queue: {name: taxonomy-queue, depth: 1}}, {status: {bot: taxonomy, state: stopped}}]
  - id: started
    do: [{start: taxonomy}]
    expect: [{events: {file: events.jsonl, contain: [{classification.taxonomy: fraud}]}}]
  - id: configured
    do:
      - configure: {dedup: {parameters: {filter_keys: "source.ip,source.port"}}}
      - inject: {queue: dedup-queue, message: {source.ip: 192.0.2.2, source.port: 25, classification.type: phishing}}
    expect: [{events: {file: events.jsonl, where: {source.port: 25}, count: 1}}]
"#;

const GOLDEN: &str = "{\"classification.taxonomy\":\"information-gathering\",\"classification.type\":\"scanner\",\"source.ip\":\"192.0.2.1\"}\n";

impl Place {
    /// The playbook of the mini course that has services.
    fn with_services() -> Playbook {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mini-course/services");
        Catalog::only_folder(&folder).unwrap().find("feeds").unwrap().load().unwrap()
    }

    fn new() -> Self {
        Place::below("state")
    }

    fn below(path: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let labs = Labs::at(&folder.path().join(path));
        let program = PathBuf::from(env!("CARGO_BIN_EXE_intelmq-lab"));
        Place { folder, world: World { labs, program, interrupt: Arc::new(AtomicBool::new(false)) } }
    }

    /// Writes a playbook with these steps and returns its folder.
    fn write(&self, steps: &str) -> PathBuf {
        let folder = self.folder.path().join("playbooks/pipes");
        for sub in ["data", "expected"] {
            fs::create_dir_all(folder.join(sub)).unwrap();
        }
        let head = "format: 1\nid: pipes\ntitle: Pipes\nsummary: A test.\nlevel: beginner\nminutes: 1\nbotnet: runtime.yaml.j2\nsecrets: [api_key]\n";
        let steps = steps.replace("\n    do:", "\n    title: T\n    say: S\n    hint: [H]\n    do:");
        fs::write(folder.join("playbook.yaml"), format!("{head}steps:\n{steps}")).unwrap();
        fs::write(folder.join("runtime.yaml.j2"), RUNTIME).unwrap();
        fs::write(folder.join("data/two.csv"), "ip\n192.0.2.1\n192.0.2.2\n").unwrap();
        fs::write(folder.join("expected/event.jsonl"), GOLDEN).unwrap();
        folder
    }

    fn playbook(&self, steps: &str) -> Playbook {
        let folder = self.write(steps);
        let catalog = Catalog::only_folder(&folder).unwrap();
        let loaded = catalog.find("pipes").unwrap().load();
        loaded.unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    fn lab(&self, name: &str) -> Lab {
        self.world.labs.find(name).unwrap().unwrap()
    }

    /// Lists what is left of labs on disk.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap().flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .filter(|name| name != "playbooks")
            .collect()
    }

    /// Lists the processes that work for labs here.
    fn processes(&self) -> Vec<u32> {
        let root = self.folder.path().display().to_string();
        let numbers = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let ours = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&root)
        };
        numbers.filter(ours).collect()
    }

    #[track_caller]
    fn assert_nothing_left(&self) {
        assert_eq!(self.left(), Vec::<String>::new());
        assert_eq!(self.processes(), Vec::<u32>::new());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = down_all(&self.world);
    }
}

/// What happened to each step, as `+2` (passed), `-2` (failed), `!2` (broken), with `q` behind quiet ones.
#[derive(Default)]
struct Told {
    steps: Vec<String>,
    lines: Vec<String>,
    problems: Vec<String>,
}

impl Told {
    fn hear(&mut self, event: Event) {
        match event.kind {
            Kind::StepFinished { number, result, quiet, summary, problem, .. } => {
                let sign = match result {
                    StepResult::Passed => '+',
                    StepResult::Failed => '-',
                    StepResult::Broken => '!',
                };
                self.steps.push(format!("{sign}{number}{}", if quiet { "q" } else { "" }));
                self.lines.push(summary);
                self.problems.push(problem);
            }
            Kind::CheckJudged { passed: false, detail, .. } => self.problems.push(detail),
            _ => {}
        }
    }
}

#[track_caller]
fn goes(place: &Place, playbook: &Playbook, range: Range, steps: &[&str]) -> Ran {
    let mut told = Told::default();
    let ran = up(&place.world, playbook, &LabWish::default(), range, &mut |event| told.hear(event)).unwrap();
    assert_eq!(told.steps, steps, "{}", told.problems.join("\n"));
    ran
}

const ALL: Range = Range { only: None, to: None };

fn only(step: usize) -> Range {
    Range { only: Some(step), to: None }
}

fn to(step: usize) -> Range {
    Range { only: None, to: Some(step) }
}

#[test]
fn up_does_every_step_and_leaves_the_lab_running() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    let mut told = Told::default();
    let ran = up(&place.world, &playbook, &LabWish::default(), ALL, &mut |event| told.hear(event)).unwrap();
    assert_eq!(told.steps, ["+1", "+2", "+3", "+4", "+5", "+6"], "{}", told.problems.join("\n"));
    assert_eq!(told.lines[0], "2 rows, 1 event in reports.jsonl");
    assert_eq!((ran.passed, ran.failed, ran.broken), (6, 0, 0));
    let seen = status(&place.world, &[ran.lab]).unwrap().pop().unwrap();
    assert!(seen.running && seen.api.is_some());
    let dedup = seen.bots.iter().find(|bot| bot.id == "dedup").unwrap();
    assert_eq!((dedup.received, dedup.sent), (5, 3));
    assert!(down(&place.world, "pipes").unwrap());
    place.assert_nothing_left();
    assert!(!down(&place.world, "pipes").unwrap());
}

#[test]
fn a_lab_is_continued_and_brought_back() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(2), &["+1", "+2"]);
    goes(&place, &playbook, to(2), &[]);
    goes(&place, &playbook, only(3), &["+3"]);
    goes(&place, &playbook, only(2), &["+1q", "+2"]);
    goes(&place, &playbook, ALL, &["+3", "+4", "+5", "+6"]);
    let mut told = Told::default();
    reset(&place.world, &playbook, &place.lab("pipes"), Some(3), &mut |event| told.hear(event)).unwrap();
    assert_eq!(told.steps, ["+1q", "+2q"]);
    assert_eq!(place.lab("pipes").record.passed, ["report", "event"]);
    let lines = fs::read_to_string(place.lab("pipes").folder.join("out/events.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 1, "nothing of the later steps is left");
    goes(&place, &playbook, ALL, &["+3", "+4", "+5", "+6"]);
}

/// Changes a lab by hand, as the commands do.
fn by_hand(place: &Place, playbook: &Playbook, work: impl FnOnce(&mut Hand<'_>)) {
    work(&mut Hand::open(&place.world, playbook, &place.lab("pipes")).unwrap());
}

fn phishing() -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(r#"{"source.ip": "192.0.2.2", "classification.type": "phishing"}"#).unwrap()
}

#[test]
fn a_step_that_was_done_by_hand_is_not_done_again() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(3), &["+1", "+2", "+3"]);
    by_hand(&place, &playbook, |hand| {
        hand.bot("taxonomy", BotAction::Stop).unwrap();
        hand.inject("dedup-queue", phishing(), 1).unwrap();
    });
    let mut told = Told::default();
    up(&place.world, &playbook, &LabWish::default(), to(4), &mut |event| told.hear(event)).unwrap();
    assert_eq!(told.steps, ["+4"]);
    assert!(told.lines[0].starts_with("done by hand, 1 "), "{:?}", told.lines);
    by_hand(&place, &playbook, |hand| hand.bot("taxonomy", BotAction::Start).unwrap());
    goes(&place, &playbook, to(5), &["+5"]);
    by_hand(&place, &playbook, |hand| {
        let change = r#"{dedup: {parameters: {filter_keys: "source.ip,source.port"}}}"#;
        hand.configure(Source::new("a change", change)).unwrap();
        let mut message = phishing();
        message.insert("source.port".to_owned(), 25.into());
        hand.inject("dedup-queue", message, 1).unwrap();
    });
    let ran = goes(&place, &playbook, ALL, &["+6"]);
    assert_eq!((ran.passed, ran.failed), (1, 0));
}

#[test]
fn a_feed_that_was_put_in_by_hand_counts_and_one_that_was_copied_too() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(1), &["+1"]);
    reset(&place.world, &playbook, &place.lab("pipes"), None, &mut |_| {}).unwrap();
    by_hand(&place, &playbook, |hand| {
        assert_eq!(hand.seed(Feed::Known("data/two.csv".to_owned()), None, None).unwrap().rows, Some(2));
    });
    goes(&place, &playbook, to(1), &["+1"]);
    let reports = || fs::read_to_string(place.lab("pipes").folder.join("out/reports.jsonl")).unwrap();
    assert_eq!(reports().lines().count(), 1, "it was not put in again");
    reset(&place.world, &playbook, &place.lab("pipes"), None, &mut |_| {}).unwrap();
    fs::write(place.lab("pipes").folder.join("in/mine.csv"), "ip\n192.0.2.1\n").unwrap();
    goes(&place, &playbook, to(1), &["+1"]);
    assert_eq!(reports().lines().count(), 1, "it was fetched at once, and nothing was put in");
}

#[test]
fn what_was_changed_by_hand_and_is_no_step_is_undone_before_the_step() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(4), &["+1", "+2", "+3", "+4"]);
    by_hand(&place, &playbook, |hand| drop(hand.inject("dedup-queue", phishing(), 1).unwrap()));
    goes(&place, &playbook, to(5), &["+1q", "+2q", "+3q", "+4q", "+5"]);
    goes(&place, &playbook, ALL, &["+6"]);
}

#[test]
fn what_was_refused_has_changed_nothing() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(4), &["+1", "+2", "+3", "+4"]);
    by_hand(&place, &playbook, |hand| {
        hand.inject("no-queue", phishing(), 1).unwrap_err();
        hand.configure(Source::new("a change", "dedup: {parameters: {filter_type: x}}")).unwrap_err();
        hand.configure(Source::new("a change", "dedap: {enabled: false}")).unwrap_err();
        hand.seed(Feed::Known("data/none.csv".to_owned()), None, None).unwrap_err();
        hand.bot("none", BotAction::Stop).unwrap_err();
    });
    assert!(!place.lab("pipes").record.touched);
    goes(&place, &playbook, to(5), &["+5"]);
}

#[test]
fn what_is_undone_is_told_before_and_kept() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(4), &["+1", "+2", "+3", "+4"]);
    let change = "{dedup: {parameters: {filter_keys: source.port}}}";
    by_hand(&place, &playbook, |hand| drop(hand.configure(Source::new("a change", change)).unwrap()));
    let mut told = Vec::new();
    let mut hear = |event: Event| told.push(event.kind);
    up(&place.world, &playbook, &LabWish::default(), to(5), &mut hear).unwrap();
    let undone = told.iter().position(|kind| matches!(kind, Kind::ChangesUndone { .. })).unwrap();
    let anew =
        told.iter().position(|kind| matches!(kind, Kind::StageStarted { stage } if stage == "begin anew"));
    assert!(undone < anew.unwrap(), "{told:?}");
    let Kind::ChangesUndone { kept: Some(kept) } = &told[undone] else { panic!("{:?}", told[undone]) };
    assert!(fs::read_to_string(kept).unwrap().contains("filter_keys: source.port"));
}

#[test]
fn the_runtime_file_of_a_lab_is_taken_into_use_as_it_was_edited() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(1), &["+1"]);
    let file = place.lab("pipes").folder.join("etc/runtime.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("filter_keys: source.ip", "filter_keys: source.fqdn")).unwrap();
    let used = || place.world.client(&place.lab("pipes")).unwrap().configuration().unwrap().text;
    assert!(!used().contains("source.fqdn"));
    by_hand(&place, &playbook, |hand| drop(hand.reload().unwrap()));
    assert!(used().contains("source.fqdn"));
    fs::write(&file, "nonsense: [").unwrap();
    by_hand(&place, &playbook, |hand| assert!(hand.reload().is_err()));
    assert!(used().contains("source.fqdn"), "a faulty one changes nothing");
}

#[test]
fn a_bot_that_was_stopped_is_still_so_after_the_supervisor_was_killed() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(4), &["+1", "+2", "+3", "+4"]);
    kill(place.processes()[0]);
    goes(&place, &playbook, to(5), &["+5"]);
    kill(place.processes()[0]);
    goes(&place, &playbook, ALL, &["+6"]);
}

#[test]
fn a_lab_that_was_half_made_or_half_emptied_is_made_anew() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(2), &["+1", "+2"]);
    let folder = place.lab("pipes").folder;
    let record = fs::read(folder.join("lab.json")).unwrap();
    assert!(down(&place.world, "pipes").unwrap());
    // As a program left it that was killed while it made the lab, or emptied it.
    fs::create_dir_all(folder.join("out")).unwrap();
    fs::write(folder.join("out/events.jsonl"), "{}\n").unwrap();
    goes(&place, &playbook, to(2), &["+1", "+2"]);
    assert!(down(&place.world, "pipes").unwrap());
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["passed"] = serde_json::json!([]);
    record["begun"] = "report".into();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("lab.json"), record.to_string()).unwrap();
    goes(&place, &playbook, to(2), &["+1", "+2"]);
}

#[test]
fn a_step_that_failed_is_done_anew_from_where_it_began() {
    let place = Place::new();
    let wrong = STEPS
        .replace("count: 1, since: start", "count: 3, since: start")
        .replace("id: twice\n", "id: twice\n    within: 500ms\n");
    let ran = goes(&place, &place.playbook(&wrong), ALL, &["+1", "+2", "-3"]);
    assert_eq!(ran.failed, 1);
    assert!(ran.diagnostics[0].to_string().contains("playbook.yaml:"), "{}", ran.diagnostics[0]);
    goes(&place, &place.playbook(STEPS), to(4), &["+1q", "+2q", "+3", "+4"]);
}

#[test]
fn a_check_uses_a_lab_of_its_own_and_removes_it() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    let run = |playbook: &Playbook, keep| {
        check(&place.world, playbook, &LabWish::default(), (ALL, keep), &mut |_| {}).unwrap()
    };
    assert_eq!(run(&playbook, false).passed, 6);
    place.assert_nothing_left();
    let wrong = place.playbook(
        &STEPS.replace("depth: 1", "depth: 7").replace("id: stopped\n", "id: stopped\n    within: 100ms\n"),
    );
    let ran = run(&wrong, false);
    assert_eq!((ran.passed, ran.failed), (5, 1), "the steps after one that failed are done too");
    place.assert_nothing_left();
    assert_eq!(run(&playbook, true).lab.record.passed.len(), 6);
    assert_eq!(place.processes().len(), 1);
    assert_eq!(down_all(&place.world).unwrap().0.len(), 1);
    place.assert_nothing_left();
}

#[test]
fn an_interrupt_leaves_what_down_removes_and_of_a_check_nothing() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    let interrupt = |event: Event| {
        if let Kind::StepStarted { number: 2, .. } = event.kind {
            place.world.interrupt.store(true, Ordering::Relaxed);
        }
    };
    let ran = up(&place.world, &playbook, &LabWish::default(), ALL, &mut |event| interrupt(event));
    assert!(matches!(ran, Err(SessionError::Interrupted)));
    place.world.interrupt.store(false, Ordering::Relaxed);
    assert_eq!(place.lab("pipes").record.begun.as_deref(), Some("event"));
    assert!(down(&place.world, "pipes").unwrap());
    let ran =
        check(&place.world, &playbook, &LabWish::default(), (ALL, false), &mut |event| interrupt(event));
    assert!(matches!(ran, Err(SessionError::Interrupted)));
    place.assert_nothing_left();
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_supervisor_that_was_killed_is_started_again_and_goes_on() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    goes(&place, &playbook, to(3), &["+1", "+2", "+3"]);
    kill(place.processes()[0]);
    goes(&place, &playbook, ALL, &["+4", "+5", "+6"]);
    kill(place.processes()[0]);
    assert!(down(&place.world, "pipes").unwrap());
    place.assert_nothing_left();
}

#[test]
fn a_supervisor_that_nobody_wrote_down_is_found_and_ended() {
    let place = Place::new();
    let lab = goes(&place, &place.playbook(STEPS), to(1), &["+1"]).lab;
    for file in ["supervisor.json", "lab.json"] {
        fs::remove_file(lab.folder.join(file)).unwrap();
    }
    assert_eq!(down_all(&place.world).unwrap().0, ["pipes"]);
    place.assert_nothing_left();
}

#[test]
fn what_is_left_of_a_lab_without_a_record_is_no_hindrance() {
    let place = Place::new();
    let lab = goes(&place, &place.playbook(STEPS), to(2), &["+1", "+2"]).lab;
    fs::remove_file(lab.folder.join("lab.json")).unwrap();
    goes(&place, &place.playbook(STEPS), to(2), &["+1", "+2"]);
    assert_eq!(place.processes().len(), 1);
}

#[test]
fn a_long_way_to_the_labs_is_no_hindrance() {
    let place = Place::below(&["a-long-folder-name"; 12].join("/"));
    goes(&place, &place.playbook(STEPS), to(2), &["+1", "+2"]);
    assert!(down(&place.world, "pipes").unwrap());
}

#[test]
fn labs_run_side_by_side_and_each_has_one_owner() {
    let place = Place::new();
    let playbook = place.playbook(STEPS);
    let wish = |name: &str| LabWish { name: Some(name.to_owned()), ..LabWish::default() };
    let mut inner = Vec::new();
    let mut other = |event: Event| {
        if let Kind::StepStarted { number: 2, .. } = event.kind {
            inner.push(up(&place.world, &playbook, &wish("one"), ALL, &mut |_| {}).map(|ran| ran.passed));
            inner.push(up(&place.world, &playbook, &wish("two"), ALL, &mut |_| {}).map(|ran| ran.passed));
        }
    };
    let ran = up(&place.world, &playbook, &wish("one"), ALL, &mut other).unwrap();
    assert_eq!(ran.passed, 6);
    assert!(matches!(inner[0], Err(SessionError::Busy { .. })));
    assert_eq!(inner[1].as_ref().unwrap(), &6);
    let urls: Vec<String> = ["one", "two"].map(|name| place.lab(name).api().unwrap().unwrap().url).to_vec();
    assert_ne!(urls[0], urls[1]);
    let several = place.world.labs.pick(None).unwrap_err();
    assert_eq!(several.diagnostics()[0].code, "several-labs");
    assert_eq!(down_all(&place.world).unwrap().0, ["one", "two"]);
    place.assert_nothing_left();
}

#[test]
fn a_botnet_that_cannot_start_says_why() {
    let place = Place::new();
    let folder = place.write(STEPS);
    fs::write(folder.join("runtime.yaml.j2"), RUNTIME.replace("taxonomy.expert", "taxonomi.expert")).unwrap();
    let playbook = Catalog::only_folder(&folder).unwrap().find("pipes").unwrap().load().unwrap();
    let error = check(&place.world, &playbook, &LabWish::default(), (ALL, false), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("intelmq.bots.experts.taxonomi.expert"), "{error}");
    place.assert_nothing_left();
}

#[test]
fn every_check_of_a_good_playbook_can_fail() {
    let place = Place::new();
    let found = |steps: &str| {
        let problems = prove(&place.world, &place.playbook(steps), &LabWish::default(), &mut |_| {}).unwrap();
        problems.into_iter().map(|problem| (problem.code, problem.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(found(STEPS), []);
    let void =
        found(&STEPS.replace(
            "[{events: {file: reports.jsonl, count: 1}}]",
            "[{queue: {name: dedup-queue, depth: 0}}]",
        ));
    assert_eq!(void.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["void-check"]);
    assert!(void[0].1.contains("playbook.yaml:10:"), "{}", void[0].1);
    place.assert_nothing_left();
}

#[test]
fn a_golden_file_is_recorded_as_it_comes_out() {
    let place = Place::new();
    let folder = place.write(STEPS);
    fs::remove_file(folder.join("expected/event.jsonl")).unwrap();
    let playbook = Catalog::only_folder(&folder).unwrap().find("pipes").unwrap().load_to_bless().unwrap();
    let (blessed, problems) = bless(&place.world, &playbook, &LabWish::default(), &mut |_| {}).unwrap();
    assert_eq!(problems, []);
    assert_eq!(
        blessed.iter().map(|golden| golden.path.as_str()).collect::<Vec<_>>(),
        ["expected/event.jsonl"]
    );
    assert_eq!(fs::read_to_string(folder.join("expected/event.jsonl")).unwrap(), GOLDEN);
    let telling = format!("+ {}", GOLDEN.trim_end());
    assert_eq!(blessed[0].difference, ["new, with 1 line:", telling.as_str()]);
    place.assert_nothing_left();
}

#[test]
fn a_supervisor_stands_on_its_own() {
    let place = Place::new();
    place.write(STEPS);
    let output = Command::new(env!("CARGO_BIN_EXE_intelmq-lab"))
        .args(["up", "pipes", "--to", "1", "--playbooks"])
        .arg(place.folder.path().join("playbooks"))
        .env_clear()
        .envs([("XDG_STATE_HOME", place.folder.path().as_os_str()), ("INTELMQ_RATE_LIMIT", "7".as_ref())])
        .output()
        .unwrap();
    // That the output ends means that nobody else holds it.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let own = Place {
        world: World { labs: Labs::at(&place.folder.path().join("intelmq-lab")), ..place.world.clone() },
        folder: tempfile::tempdir().unwrap(),
    };
    let pid = place.processes()[0];
    let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).unwrap();
    let folder = own.lab("pipes").folder;
    assert!([0, 1, 2].iter().all(|number| link(&format!("fd/{number}")).starts_with(&folder)));
    assert_eq!(link("cwd"), folder);
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("INTELMQ_"));
    assert_eq!(session_of(pid), pid, "it leads a session of its own");
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("secrets.json")), 0o600);
}

/// Returns the session of a process, field 6 of its `stat`.
fn session_of(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(3).unwrap().parse().unwrap()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Kills `up` with the word in its next event that means it, and returns the events so far.
fn up_killed_at(place: &Place, word: &str) -> Vec<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_intelmq-lab"))
        .args(["up", "pipes", "--json", "--playbooks"])
        .arg(place.folder.path().join("playbooks"))
        .env("XDG_STATE_HOME", place.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut events = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        events.push(line.unwrap());
        if events.last().unwrap().contains(word) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    events
}

#[test]
fn nothing_is_left_of_a_program_that_was_killed_at_any_moment() {
    let place = Place::below("intelmq-lab");
    place.write(STEPS);
    for word in
        ["session-started", "stage-started", "stage-finished", "action-done", "check-judged", "\"number\":6"]
    {
        let events = up_killed_at(&place, word);
        assert!(events.last().is_some_and(|event| event.contains(word)), "{word}: {events:#?}");
        let playbook = place.playbook(STEPS);
        let again = up(&place.world, &playbook, &LabWish::default(), to(3), &mut |_| {}).unwrap();
        assert_eq!((again.failed, again.broken), (0, 0), "{word}: {:?}", again.diagnostics);
        let (gone, errors) = down_all(&place.world).unwrap();
        assert_eq!(gone, ["pipes"], "{word}: {errors:?}");
        place.assert_nothing_left();
    }
}

#[test]
fn services_are_up_before_the_botnet_and_gone_with_it() {
    let place = Place::new();
    let playbook = Place::with_services();
    let ran =
        up(&place.world, &playbook, &LabWish::default(), Range { only: None, to: Some(1) }, &mut |_| {})
            .unwrap();
    assert_eq!((ran.passed, ran.failed), (1, 0), "{:?}", ran.diagnostics);
    let shown = status(&place.world, &[place.lab("feeds")]).unwrap();
    let kinds: Vec<&str> = shown[0].services.iter().map(|service| service.kind.as_str()).collect();
    assert_eq!(kinds, ["shodan-stream", "n6-api", "mailbox"]);
    let doors: Vec<String> = shown[0].services.iter().map(|service| service.url.clone()).collect();
    let open = |door: &String| std::net::TcpStream::connect(door.rsplit('/').next().unwrap()).is_ok();
    assert!(doors.iter().all(open));
    let [supervisor] = place.processes()[..] else { panic!("one supervisor") };
    kill(supervisor);
    // What was published in the first step is still there, at the same ports.
    let ran = up(&place.world, &playbook, &LabWish::default(), Range::default(), &mut |_| {}).unwrap();
    assert_eq!((ran.passed, ran.failed), (2, 0), "{:?}", ran.diagnostics);
    let again = status(&place.world, &[place.lab("feeds")]).unwrap();
    assert_eq!(again[0].services, shown[0].services);
    assert!(down(&place.world, "feeds").unwrap());
    assert!(!doors.iter().any(open));
    assert_eq!((place.left(), place.processes()), (Vec::new(), Vec::new()));
}

#[test]
fn every_step_of_a_playbook_with_services_fails_before_its_actions_and_passes_after_them() {
    let place = Place::new();
    let problems = prove(&place.world, &Place::with_services(), &LabWish::default(), &mut |_| {}).unwrap();
    assert_eq!(problems, []);
}
