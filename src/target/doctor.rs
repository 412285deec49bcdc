//! What this machine has for each target and broker, and what to do about what it lacks.

use serde::Serialize;

use super::machine::{Machine, this_machine};
use super::{TargetError, compose, find};
use crate::broker::BROKERS;
use crate::plan::{TARGETS, Wish, choose};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is for, such as `broker redis`.
    pub what: String,
    /// Whether it can be used.
    pub usable: bool,
    /// What was found, or what is missing.
    pub found: String,
    /// What to do, one way each; empty if it can be used.
    pub ways: Vec<String>,
}

impl Finding {
    /// Makes a finding of something that can be used.
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Finding { what: what.into(), usable: true, found: found.into(), ways: Vec::new() }
    }

    /// Makes a finding of something that is missing.
    pub fn bad(what: impl Into<String>, found: impl Into<String>, ways: Vec<String>) -> Self {
        Finding { what: what.into(), usable: false, found: found.into(), ways }
    }
}

/// Looks at what each broker needs on this machine, and each other target.
pub fn doctor() -> Vec<Finding> {
    let machine = this_machine();
    let mut findings: Vec<Finding> =
        BROKERS.iter().filter(|kind| kind.ready).map(|kind| broker(kind.name)).collect();
    for target in TARGETS.iter().skip(1) {
        let finding = match target.name {
            "compose" => containers(),
            name => program(&machine, name),
        };
        findings.push(match finding {
            finding if finding.usable && find(target.name).is_none() => Finding {
                usable: false,
                found: format!(
                    "{}, but this version of intelmq-lab has no target {}",
                    finding.found, target.name
                ),
                ways: vec!["leave --target out: labs run on this machine".to_owned()],
                ..finding
            },
            finding => finding,
        });
    }
    findings
}

/// Looks at the server that a lab on this machine would bring along.
fn broker(name: &str) -> Finding {
    let what = format!("broker {name}");
    let wish = Wish { broker: Some(name.to_owned()), ..Wish::default() };
    let needs = choose(&wish).map(|choice| find(choice.target.name).map(|target| target.needs(&choice)));
    match needs {
        Ok(Some(Ok(needs))) if needs.ports.is_empty() => Finding::good(what, "part of intelmq-lab"),
        Ok(Some(Ok(_))) => Finding::good(what, "its server is here"),
        Ok(Some(Err(TargetError::NoServer(missing)))) => Finding::bad(what, missing.problem, missing.ways),
        Ok(Some(Err(error))) => Finding::bad(what, error.to_string(), Vec::new()),
        Ok(None) => Finding::bad(what, "no target has it", Vec::new()),
        Err(error) => Finding::bad(what, error.to_string(), Vec::new()),
    }
}

/// Looks at the container engine, and at the plugin that makes containers of a file.
fn containers() -> Finding {
    let what = "target compose";
    match compose::look() {
        Ok(found) => Finding::good(what, found),
        Err(trouble) => Finding::bad(what, trouble.problem, trouble.ways),
    }
}

fn program(machine: &Machine<'_>, name: &str) -> Finding {
    let what = format!("target {name}");
    if let Some(path) = machine.program(name) {
        return Finding::good(what, path.display().to_string());
    }
    let way = format!("install {name}, or leave --target out: labs run on this machine");
    Finding::bad(what, format!("the program `{name}` is not here"), vec![way])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_what_to_do() {
        let nothing = Machine { variable: &|_| None };
        let finding = program(&nothing, "no-such-program");
        assert!(!finding.usable && !finding.ways.is_empty(), "{finding:?}");
        let findings = doctor();
        assert_eq!(findings[0], Finding::good("broker embedded", "part of intelmq-lab"));
        let helpless = |finding: &&Finding| !finding.usable && finding.ways.is_empty();
        assert_eq!(findings.iter().find(helpless), None);
        assert!(TARGETS.iter().skip(1).all(|target| {
            findings.iter().any(|finding| finding.what == format!("target {}", target.name))
        }));
    }
}
