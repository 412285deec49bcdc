use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::event::{Event, Kind, StepResult};
use super::fake::{Fake, Habits};
use super::steps::Steps;
use super::teller::Teller;
use super::{Labs, SessionError, World, bless, prove};
use crate::check::Places;
use crate::observe::Observer;
use crate::playbook::{Catalog, Playbook};
use crate::seed::Actor;
use crate::template::Variables;

/// Makes a playbook of steps that are given as YAML; `data/two.csv` has two rows, `data/bad.csv` a good and a bad one.
pub(super) fn playbook(steps: &str) -> (tempfile::TempDir, Playbook) {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join("monday").join(path);
    for sub in ["data", "expected"] {
        std::fs::create_dir_all(at(sub)).unwrap();
    }
    let head = "format: 1\nid: monday\ntitle: Monday\nsummary: A test.\nlevel: beginner\nminutes: 1\nbotnet: runtime.yaml.j2\n";
    std::fs::write(at("playbook.yaml"), format!("{head}steps:\n{steps}")).unwrap();
    std::fs::write(at("runtime.yaml.j2"), "reader:\n  module: a\n  group: Collector\n").unwrap();
    std::fs::write(at("data/two.csv"), "ip\n192.0.2.1\n192.0.2.2\n").unwrap();
    std::fs::write(at("data/bad.csv"), "ip\n192.0.2.3\nbad one\n").unwrap();
    std::fs::write(
        at("expected/two.jsonl"),
        "{\"source.ip\": \"192.0.2.1\"}\n{\"source.ip\": \"192.0.2.2\"}\n",
    )
    .unwrap();
    let catalog = Catalog::only_folder(folder.path()).unwrap();
    let loaded = catalog.find("monday").unwrap().load();
    let playbook = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
    (folder, playbook)
}

/// One step with an id, in the form that [`playbook`] takes.
pub(super) fn step(id: &str, body: &str) -> String {
    format!("  - {{id: {id}, title: T, say: S, hint: [H], {body}}}\n")
}

const SEED_TWO: &str = "do: [{seed: {file: data/two.csv}}]";
const SEED_BAD: &str = "do: [{seed: {file: data/bad.csv}}]";

/// Runs something with the steps of a playbook in a fake botnet.
pub(super) fn with_steps<T>(habits: Habits, steps: &str, work: impl FnOnce(&Fake, &mut Steps<'_>) -> T) -> T {
    let (_folder, playbook) = playbook(steps);
    let fake = Fake::start(habits);
    let interrupt = Arc::new(AtomicBool::new(false));
    let world = World { labs: Labs::at(fake.folder()), program: "none".into(), interrupt };
    let variables =
        Variables { lab_in: "/lab/in".into(), lab_out: "/lab/out".into(), ..Variables::default() };
    let mut steps = Steps {
        world: &world,
        playbook: &playbook,
        observer: Observer::new(fake.client(), variables.clone(), Places::default()),
        actor: Actor::new(&playbook, fake.client(), variables),
        client: fake.client(),
    };
    work(&fake, &mut steps)
}

/// Does all steps and returns for each how it ended, its line, and its problem.
fn run(habits: Habits, steps: &str) -> Vec<(StepResult, String, String)> {
    with_steps(habits, steps, |_, steps| {
        let mut events: Vec<Kind> = Vec::new();
        let mut emit = |event: Event| events.push(event.kind);
        let mut teller = Teller::new(&mut emit);
        for index in 0..steps.playbook.steps.len() {
            steps.step(index, false, &mut teller).unwrap();
        }
        let ended = events.into_iter().filter_map(|event| match event {
            Kind::StepFinished { result, summary, problem, .. } => Some((result, summary, problem)),
            _ => None,
        });
        ended.collect()
    })
}

#[track_caller]
fn passes(habits: Habits, steps: &str, lines: &[&str]) {
    let ran = run(habits, steps);
    let told: Vec<&str> = ran.iter().map(|(_, line, _)| line.as_str()).collect();
    assert_eq!(told, lines);
    assert!(ran.iter().all(|(result, ..)| *result == StepResult::Passed), "{ran:#?}");
}

#[test]
fn a_step_sees_what_came_since_it_began() {
    let count = |more: &str| format!("expect: [{{events: {{file: events.jsonl, count: 2{more}}}}}]");
    let dump =
        "expect: [{dump: {bot: parser, count: 1}}, {events: {file: events.jsonl, count: 3, since: start}}]";
    let log = "expect: [{log: {contains: row, count: 2}}, {status: {bot: parser, received: 2, sent: 2}}]";
    let steps = [
        step("one", &format!("{SEED_TWO}, {}", count(""))),
        step("two", &format!("{SEED_BAD}, {dump}")),
        step("three", &format!("{SEED_TWO}, {log}")),
    ];
    let lines = [
        "2 rows, 2 events in events.jsonl",
        "2 rows, 1 in the dump of parser, 3 events in events.jsonl",
        "2 rows, 2 lines in the log with \"row\", parser: 2 received, 2 sent",
    ];
    passes(Habits { row: Duration::from_millis(5), ..Habits::default() }, &steps.concat(), &lines);
}

#[test]
fn exact_contents_wait_until_the_botnet_is_idle() {
    let slow = Habits { row: Duration::from_millis(80), ..Habits::default() };
    let exactly = "expect: [{events: {file: events.jsonl, exactly: expected/two.jsonl}}]";
    passes(slow, &step("one", &format!("{SEED_TWO}, {exactly}")), &["2 rows, 2 events in events.jsonl"]);
}

#[test]
fn at_least_holds_as_soon_as_it_is_so() {
    let slow = Habits { row: Duration::from_millis(150), restless: false, ..Habits::default() };
    let contain = "expect: [{events: {file: events.jsonl, contain: [{source.ip: 192.0.2.1}]}}]";
    passes(slow, &step("one", &format!("{SEED_TWO}, {contain}")), &["2 rows, 1 event in events.jsonl"]);
}

#[test]
fn a_check_that_does_not_hold_is_a_result_with_its_place() {
    let wrong = "within: 3s, expect: [{events: {file: events.jsonl, count: 3}}]";
    let began = Instant::now();
    let (_folder, events) =
        with_steps(Habits::default(), &step("one", &format!("{SEED_TWO}, {wrong}")), |_, steps| {
            let mut events = Vec::new();
            let mut emit = |event: Event| events.push(event.kind);
            let ended = steps.step(0, false, &mut Teller::new(&mut emit)).unwrap();
            assert_eq!(ended.result, StepResult::Failed);
            assert_eq!(ended.diagnostics.len(), 1);
            ((), events)
        });
    assert!(began.elapsed() < Duration::from_millis(2800), "nothing more comes from a botnet at rest");
    let judged = events.iter().find_map(|event| match event {
        Kind::CheckJudged { passed, seen, detail, line, .. } => {
            Some((*passed, seen.clone(), detail.clone(), *line))
        }
        _ => None,
    });
    let (passed, seen, detail, line) = judged.unwrap();
    assert_eq!((passed, seen.as_str(), line), (false, "2 events in events.jsonl", Some(9)));
    assert!(detail.contains("playbook.yaml:9:") && detail.contains("exactly 3 events"), "{detail}");
}

#[test]
fn a_botnet_that_never_rests_fails_when_the_time_is_over() {
    let restless = Habits { restless: true, ..Habits::default() };
    let body = "within: 200ms, expect: [{events: {file: events.jsonl, count: {at_most: 9}}}]";
    with_steps(restless, &step("one", body), |_, steps| {
        let baseline = steps.observer.baseline(&[], &steps.client.snapshot().unwrap()).unwrap();
        let began = Instant::now();
        let step = &steps.playbook.steps[0];
        let mut waited = Vec::new();
        let judgement = steps.wait(step, &baseline, &mut |seen| waited.push(seen)).unwrap();
        assert!(!judgement.passed() && !judgement.idle);
        assert!((200..400).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    });
}

#[test]
fn what_was_done_by_hand_is_seen_without_another_round_of_collectors() {
    let body = "do: [{seed: {file: data/two.csv}}], expect: [{events: {file: events.jsonl, count: 2}}]";
    let asked = with_steps(Habits::default(), &step("one", body), |fake, steps| {
        let baseline = steps.observer.baseline(&[], &steps.client.snapshot().unwrap()).unwrap();
        let seed = steps.playbook.steps[0].actions[0].value.clone();
        steps.actor.act(&seed).unwrap();
        let mut emit = |_: Event| {};
        let mut look = || steps.done_by_hand(0, false, &baseline, &mut Teller::new(&mut emit)).unwrap();
        assert_eq!((look(), look()), (true, true));
        fake.asked()
    });
    assert_eq!(asked, ["put in/two.csv", "run"], "the second look needed no round");
}

#[test]
fn a_botnet_that_does_not_come_to_rest_is_told_with_what_was_busy() {
    let body = format!("within: 200ms, {SEED_TWO}, expect: [{{events: {{file: events.jsonl, count: 2}}}}]");
    with_steps(Habits { restless: true, ..Habits::default() }, &step("one", &body), |_, steps| {
        let mut told = Vec::new();
        let (step, limit) = (steps.playbook.steps[0].clone(), Duration::from_millis(30));
        steps.settle_within(limit, &step, "before the step", &mut |kind| told.push(kind)).unwrap();
        let [Kind::StillBusy { step: id, when, waited_ms, busy }] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!((id.as_str(), when.as_str()), ("one", "before the step"));
        assert_eq!(busy, "parser is at work");
        assert!(*waited_ms >= 30);
        let baseline = steps.observer.baseline(&[], &steps.client.snapshot().unwrap()).unwrap();
        let judgement = steps.wait(&step, &baseline, &mut |_| {}).unwrap();
        let problem = judgement.problem(&judgement.verdicts[0], steps.playbook.at(&step.expect[0]));
        assert!(problem.causes.iter().any(|cause| cause == &format!("still busy: {busy}")), "{problem:?}");
    });
}

#[test]
fn an_action_that_cannot_be_done_breaks_the_step() {
    let expect = "expect: [{queue: {name: parser-queue, depth: 0}}]";
    for (action, problem) in [
        ("{stop: nobody}", "there is no bot `nobody`"),
        ("{requeue: parser}", "the dump of parser is empty"),
        ("{configure: {reader: {module: nonsense}}}", "there is no module nonsense"),
        ("{request: {url: \"http://127.0.0.1:1/\"}}", "gives no answer"),
        ("{seed: {file: data/none.csv}}", "data/none.csv"),
    ] {
        let action = action.replace("{requeue: parser}", "{requeue: {bot: parser}}");
        let ran = run(Habits::default(), &step("one", &format!("do: [{action}], {expect}")));
        assert_eq!(ran[0].0, StepResult::Broken, "{action}");
        assert!(ran[0].2.contains(problem) && ran[0].2.contains("playbook.yaml:9:"), "{}", ran[0].2);
    }
}

#[test]
fn actions_are_done_in_order_and_each_finds_the_botnet_at_rest() {
    let body = "do: [{seed: {file: data/bad.csv}}, {seed: {file: data/two.csv, as: b/more.csv}}, {stop: parser}, \
                {start: parser}, {requeue: {bot: parser, contains: bad, replace: [{text: bad one, with: 192.0.2.9}]}}], \
                expect: [{events: {file: events.jsonl, count: 4}}]";
    let slow = Habits { row: Duration::from_millis(20), ..Habits::default() };
    let asked = with_steps(slow, &step("one", body), |fake, steps| {
        let mut emit = |_: Event| {};
        let ended = steps.step(0, false, &mut Teller::new(&mut emit)).unwrap();
        assert_eq!(ended.result, StepResult::Passed, "{:#?}", ended.diagnostics);
        fake.asked()
    });
    let wanted = ["put in/bad.csv", "put in/b/more.csv", "run", "stop parser", "start parser", "requeue 004"];
    assert_eq!(asked, wanted);
}

#[test]
fn an_interrupt_ends_a_wait() {
    let body = "within: 10s, expect: [{events: {file: events.jsonl, count: {at_least: 9}}}]";
    with_steps(Habits { restless: true, ..Habits::default() }, &step("one", body), |_, steps| {
        steps.world.interrupt.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut emit = |_: Event| {};
        let ended = steps.step(0, false, &mut Teller::new(&mut emit));
        assert!(matches!(ended, Err(SessionError::Interrupted)));
    });
}

/// The codes of what is found wrong with a step.
fn proved(habits: Habits, body: &str) -> Vec<&'static str> {
    with_steps(habits, &step("one", body), |_, steps| {
        let found = prove::one(steps, &steps.playbook.steps[0].clone()).unwrap();
        found.problems.iter().map(|problem| problem.code).collect()
    })
}

#[test]
fn a_check_must_fail_before_and_hold_after_its_actions() {
    let quick = Habits::default();
    let count = |number: &str| format!("expect: [{{events: {{file: events.jsonl, count: {number}}}}}]");
    for (body, codes) in [
        (format!("{SEED_TWO}, {}", count("2")), vec![]),
        (format!("{SEED_TWO}, {}", count("{at_most: 9}")), vec!["void-check"]),
        (format!("within: 100ms, {SEED_TWO}, {}", count("3")), vec!["check"]),
        (format!("{SEED_TWO}, {}, still: [{{dump: {{bot: parser, count: 0}}}}]", count("2")), vec![]),
        (
            format!("{SEED_TWO}, {}, still: [{{status: {{bot: parser, received: 2}}}}]", count("2")),
            vec!["still-too-early"],
        ),
        (format!("do: [{{stop: nobody}}], {}", count("2")), vec!["action"]),
    ] {
        assert_eq!(proved(quick, &body), codes, "{body}");
    }
}

#[test]
fn a_check_must_hold_when_looked_at_again() {
    let contain = "expect: [{events: {file: events.jsonl, contain: [{source.ip: 192.0.2.1}]}}]";
    let forgetful = Habits { row: Duration::from_millis(30), forgets: true, ..Habits::default() };
    assert_eq!(proved(forgetful, &format!("{SEED_TWO}, {contain}")), ["unstable-check"]);
}

#[test]
fn golden_files_that_do_not_fit_are_recorded_anew() {
    let events =
        |more: &str| format!("{{events: {{file: events.jsonl, exactly: expected/two.jsonl{more}}}}}");
    let only = ", only: [source.ip], where: {source.ip: 192.0.2.3}";
    let recorded = |body: String| {
        with_steps(Habits::default(), &step("one", &body), |_, steps| {
            let found = bless::one(steps, &steps.playbook.steps[0].clone(), &mut |_| {}).unwrap();
            found
                .into_iter()
                .map(|golden| (golden.path, golden.content, golden.difference.len()))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(recorded(format!("{SEED_TWO}, expect: [{}]", events(""))), []);
    let content = "{\"source.ip\":\"192.0.2.3\"}\n".to_owned();
    let found = recorded(format!("within: 100ms, {SEED_BAD}, expect: [{}]", events(only)));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0.as_str(), &found[0].1), ("expected/two.jsonl", &content));
    assert!(found[0].2 >= 3, "the two that go and the one that comes are shown");
}
