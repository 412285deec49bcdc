//! Everything that happens in a session. Terminal, JSON lines, JUnit, REST stream and web page are consumers.

use serde::Serialize;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Milliseconds since the session began.
    pub elapsed_ms: u64,
    /// What.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Kind {
    /// A playbook begins in a lab.
    SessionStarted {
        /// The playbook's id.
        playbook: String,
        /// Its title.
        title: String,
        /// The lab's name.
        lab: String,
        /// The lab's folder.
        folder: String,
        /// The target.
        target: String,
        /// The broker.
        broker: String,
        /// How many steps the playbook has.
        steps: usize,
        /// How many of them were done before, in a lab that is continued.
        done: usize,
    },
    /// Something that may take a while begins (rendering, starting the supervisor, pulling an image).
    StageStarted {
        /// What begins.
        stage: String,
    },
    /// It is over.
    StageFinished {
        /// What ended.
        stage: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// What was changed by hand since the last step, and makes no step, is about to be undone.
    ChangesUndone {
        /// The file with the botnet as it was, if it had one.
        kept: Option<String>,
    },
    /// A step begins.
    StepStarted {
        /// Counted from 1.
        number: usize,
        /// The step's id.
        step: String,
        /// Its title.
        title: String,
        /// Whether it only brings the lab to where the wanted step begins.
        quiet: bool,
    },
    /// An action was done.
    ActionDone {
        /// The step's id.
        step: String,
        /// The action in words, such as `seed 2026-01-15-scan_telnet-example-asn.csv`.
        action: String,
    },
    /// The botnet did not come to rest in time, and the session goes on nevertheless: what it sees now may change.
    StillBusy {
        /// The step's id.
        step: String,
        /// At which moment, such as `before the step`.
        when: String,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
        /// What was still busy, in words.
        busy: String,
    },
    /// A check waits for something that is not yet so.
    CheckWaiting {
        /// The step's id.
        step: String,
        /// What it saw so far.
        seen: String,
    },
    /// One expectation was judged.
    CheckJudged {
        /// The step's id.
        step: String,
        /// What was expected, in words.
        expectation: String,
        /// Whether it holds.
        passed: bool,
        /// What was seen, in words, such as `6 events in events.txt`.
        seen: String,
        /// A readable difference, with the line of the playbook; empty if it holds.
        detail: String,
        /// The file that the expectation stands in, as diagnostics name it, if it stands in one.
        file: Option<String>,
        /// The line of the expectation, counted from 1.
        line: Option<usize>,
    },
    /// A step is over.
    StepFinished {
        /// Counted from 1.
        number: usize,
        /// The step's id.
        step: String,
        /// How it ended.
        result: StepResult,
        /// What came of it in one line, such as `6 rows, 5 events in events.jsonl`.
        summary: String,
        /// Why it is broken, in words; empty otherwise.
        problem: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Whether it only brought the lab to where the wanted step begins.
        quiet: bool,
    },
    /// The playbook is over.
    SessionFinished {
        /// Steps that passed.
        passed: usize,
        /// Steps that failed or are broken.
        failed: usize,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    /// Every expectation holds.
    Passed,
    /// At least one does not.
    Failed,
    /// An action could not be done, or the botnet does not answer.
    Broken,
}
