use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::session::{Kind, StepResult};

/// A writer whose text can be read afterwards, or that breaks.
#[derive(Clone, Default)]
struct Page {
    text: Rc<RefCell<Vec<u8>>>,
    breaks: Option<io::ErrorKind>,
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.breaks {
            Some(kind) => Err(kind.into()),
            None => self.text.borrow_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What one report makes of events.
fn report(name: &str, kinds: Vec<Kind>) -> String {
    told(name, |reports| {
        for (number, kind) in kinds.into_iter().enumerate() {
            reports.event(&Event { at: "2026-01-15T06:00:00Z".to_owned(), elapsed_ms: number as u64, kind });
        }
    })
}

fn told(name: &str, tell: impl FnOnce(&mut Reports)) -> String {
    let page = Page::default();
    let wanted: Wanted = name.parse().unwrap();
    let mut reports = Reports::default();
    let sink = Sink::new(Box::new(anstream::StripStream::new(page.clone().boxed())));
    reports.add((wanted.format.make)(sink));
    tell(&mut reports);
    reports.finish().unwrap();
    let text = page.text.borrow().clone();
    String::from_utf8(text).unwrap()
}

impl Page {
    fn boxed(self) -> Box<dyn io::Write> {
        Box::new(self)
    }
}

fn started(playbook: &str) -> Kind {
    Kind::SessionStarted {
        playbook: playbook.to_owned(),
        title: "The reports of a weekend".to_owned(),
        lab: "monday".to_owned(),
        folder: "LAB".to_owned(),
        target: "local".to_owned(),
        broker: "embedded".to_owned(),
        steps: 3,
        done: 0,
    }
}

fn step(number: usize, title: &str, quiet: bool) -> Kind {
    Kind::StepStarted { number, step: format!("step-{number}"), title: title.to_owned(), quiet }
}

fn judged(number: usize, passed: bool, seen: &str) -> Kind {
    let place = "check failed: wrong value\n --> playbooks/monday/playbook.yaml:41:9\n  |   expected: 5\n  |   seen:     6\n";
    Kind::CheckJudged {
        step: format!("step-{number}"),
        expectation: "5 events".to_owned(),
        passed,
        seen: seen.to_owned(),
        detail: if passed { String::new() } else { place.to_owned() },
        file: (!passed).then(|| "playbooks/monday/playbook.yaml".to_owned()),
        line: (!passed).then_some(41),
    }
}

fn finished(number: usize, result: StepResult, quiet: bool) -> Kind {
    let problem = if result == StepResult::Broken { "the botnet does not answer" } else { "" };
    let step = format!("step-{number}");
    let summary = match number {
        2 => "15 events, 1 dropped",
        3 => "a sentence that has more letters than its column, 6 events",
        _ => "",
    };
    let (summary, problem) = (summary.to_owned(), problem.to_owned());
    Kind::StepFinished { number, step, result, summary, problem, took_ms: 210, quiet }
}

/// A session with every kind of step in it.
fn session() -> Vec<Kind> {
    vec![
        started("monday"),
        Kind::StageStarted { stage: "start the botnet".to_owned() },
        Kind::StageFinished { stage: "start the botnet".to_owned(), took_ms: 20 },
        step(1, "One row becomes one event", true),
        judged(1, true, "1 event"),
        finished(1, StepResult::Passed, true),
        step(2, "The same machine twice", false),
        Kind::ActionDone { step: "step-2".to_owned(), action: "seed x.csv".to_owned() },
        Kind::CheckWaiting { step: "step-2".to_owned(), seen: "4 events".to_owned() },
        judged(2, true, "15 events"),
        judged(2, true, "1 dropped"),
        finished(2, StepResult::Passed, false),
        step(3, "A title that is much longer than its column", false),
        Kind::StillBusy {
            step: "step-3".to_owned(),
            when: "before the step".to_owned(),
            waited_ms: 10_000,
            busy: "collector is in its round".to_owned(),
        },
        judged(3, true, "a sentence that has more letters than its column"),
        judged(3, false, "6 events"),
        finished(3, StepResult::Failed, false),
        step(4, "Broken", false),
        finished(4, StepResult::Broken, false),
        Kind::SessionFinished { passed: 2, failed: 2, took_ms: 1234 },
    ]
}

#[test]
fn people_read_a_line_a_step_and_the_difference() {
    insta::assert_snapshot!(report("human", session()), @r"
    The reports of a weekend  3 steps, local, embedded, lab monday
    ✓  2. The same machine twice              15 events, 1 dropped           0.21 s
    !      the botnet did not come to rest before the step, in 10.00 s:
           collector is in its round
    ✗  3. A title that is much longer than its column                        0.21 s
           a sentence that has more letters than its column, 6 events
           check failed: wrong value
            --> playbooks/monday/playbook.yaml:41:9
             |   expected: 5
             |   seen:     6
    !  4. Broken                                                             0.21 s
           the botnet does not answer
    2 passed, 2 failed in 1.23 s
    ");
}

#[test]
fn programs_read_every_event_as_a_line_of_json() {
    let text = report("jsonl", session());
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), session().len());
    assert_eq!(lines[0]["event"], "session-started");
    assert_eq!(lines[13]["busy"], "collector is in its round");
    assert_eq!(lines[15]["line"], 41);
    assert_eq!(lines[18]["result"], "broken");
    assert_eq!(lines[18]["elapsed_ms"], 18);
}

#[test]
fn ci_reads_a_case_a_step() {
    let mut kinds = session();
    kinds.extend([started("tuesday"), step(1, "One", false), finished(1, StepResult::Passed, false)]);
    insta::assert_snapshot!(report("junit", kinds), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="intelmq-lab" tests="4" skipped="0" failures="1" errors="1">
        <testsuite name="monday" tests="3" skipped="0" errors="1" failures="1" time="1.234">
            <properties>
                <property name="target" value="local"/>
                <property name="broker" value="embedded"/>
            </properties>
            <testcase name="step-2" classname="monday" time="0.210"/>
            <testcase name="step-3" classname="monday" time="0.210">
                <failure message="expected 5 events, saw 6 events" type="check-failed">A title that is much longer than its column
    holds: 5 events (a sentence that has more letters than its column)
    does not hold: 5 events (6 events)
    check failed: wrong value
     --&gt; playbooks/monday/playbook.yaml:41:9
      |   expected: 5
      |   seen:     6</failure>
                <system-err>the botnet did not come to rest before the step: collector is in its round</system-err>
            </testcase>
            <testcase name="step-4" classname="monday" time="0.210">
                <error message="the botnet does not answer" type="step-broken">Broken</error>
            </testcase>
        </testsuite>
        <testsuite name="tuesday" tests="1" skipped="0" errors="0" failures="0">
            <properties>
                <property name="target" value="local"/>
                <property name="broker" value="embedded"/>
            </properties>
            <testcase name="step-1" classname="tuesday" time="0.210"/>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn github_shows_what_fails_where_it_stands() {
    insta::assert_snapshot!(report("github", session()), @r"
    ::warning title=monday step-3::the botnet did not come to rest before the step: collector is in its round
    ::error file=playbooks/monday/playbook.yaml,line=41,title=monday step-3::expected 5 events, saw 6 events%0Acheck failed: wrong value%0A --> playbooks/monday/playbook.yaml:41:9%0A  |   expected: 5%0A  |   seen:     6
    ::error title=monday step-4::the botnet does not answer
    ");
}

#[test]
fn a_playbook_that_cannot_run_is_in_every_report_for_programs() {
    let problem = Diagnostic::error("invalid-playbook", "the step has no check").help("add expect");
    for name in ["jsonl", "junit", "github"] {
        let text = told(name, |reports| reports.problem("monday", std::slice::from_ref(&problem)));
        for part in ["monday", "invalid-playbook", "the step has no check"] {
            assert!(text.contains(part), "{part} is missing in {name}:\n{text}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_ends_its_report_only() {
    let page = Page::default();
    let outcome = |breaks| {
        let broken = Page { breaks: Some(breaks), ..Page::default() };
        let mut reports = Reports::default();
        reports.add(jsonl::make(Sink::new(broken.boxed())));
        reports.add(jsonl::make(Sink::new(page.clone().boxed())));
        reports.event(&Event { at: String::new(), elapsed_ms: 0, kind: started("monday") });
        reports.finish().map_err(|error| error.kind())
    };
    assert_eq!(outcome(io::ErrorKind::BrokenPipe), Ok(()));
    assert_eq!(outcome(io::ErrorKind::StorageFull), Err(io::ErrorKind::StorageFull));
    assert_eq!(String::from_utf8_lossy(&page.text.borrow()).lines().count(), 2);
}

#[test]
fn a_report_is_asked_for_by_kind_and_file() {
    let parse = |text: &str| {
        let wanted: Result<Wanted, WantedError> = text.parse();
        wanted.map(|wanted| (wanted.format.name, wanted.file)).map_err(|error| error.to_string())
    };
    assert_eq!(parse("junit=a=b.xml"), Ok(("junit", Some(PathBuf::from("a=b.xml")))));
    assert_eq!(parse("human"), Ok(("human", None)));
    assert_eq!(parse("junit="), Err("the file after \"junit=\" is missing".to_owned()));
    let unknown = "\"unit\" is no kind of report; there are human, jsonl, junit, github";
    assert_eq!(parse("unit"), Err(unknown.to_owned()));
}
