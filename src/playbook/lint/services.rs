//! Services: their options, what is seeded at them, and what shall go wrong with them.

use super::{KnownService, Linter, unknown};
use crate::diagnostic::{Diagnostic, Located, suggest};
use crate::playbook::{Action, Fault, Service};
use crate::template::fill_json;

pub(super) fn check(linter: &mut Linter<'_>) {
    let playbook = linter.playbook;
    for service in &playbook.services {
        if let Some(known) = linter.kind(&service.kind) {
            options(linter, service, &known);
        }
    }
    for action in playbook.steps.iter().flat_map(|step| &step.actions) {
        let Some(named) = action.service() else { continue };
        let Some(service) = playbook.services.iter().find(|service| service.id.value == named.value) else {
            let ids = playbook.services.iter().map(|service| service.id.as_str());
            let problem = unknown("unknown-service", "service", named, ids);
            linter.at(named, problem);
            continue;
        };
        let Some(known) = linter.kind(&service.kind) else { continue };
        match &action.value {
            Action::Seed(_) if !known.publishes => nothing_published(linter, named, &known),
            Action::Fault(wanted) => fault(linter, action, wanted, &known),
            _ => {}
        }
    }
}

fn nothing_published(linter: &mut Linter<'_>, at: &Located<String>, known: &KnownService) {
    let problem =
        Diagnostic::error("service-data", format!("a service of kind {:?} publishes nothing", known.kind));
    linter
        .at(at, problem.help("name another service, or leave `service` away to put the file into `lab.in`"));
}

fn options(linter: &mut Linter<'_>, service: &Service, known: &KnownService) {
    if let Some(file) = service.data.first().filter(|_| !known.publishes) {
        let title = format!("a service of kind {:?} publishes nothing", known.kind);
        linter.at(file, Diagnostic::error("service-data", title).help("remove `data`"));
    }
    let mut strange = false;
    for name in service.options.keys().filter(|name| !known.options.contains(&name.as_str())) {
        strange = true;
        let title = format!("a service of kind {:?} has no option {name:?}", known.kind);
        let problem = Diagnostic::error("service-option", title);
        let problem = match suggest(name, known.options.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem,
        };
        linter.at(&service.kind, problem.help(format!("there are: {}", known.options.join(", "))));
    }
    // What cannot be filled in is told elsewhere.
    let Ok(filled) = fill_json(&service.options.clone().into(), &linter.playbook.example_variables()) else {
        return;
    };
    if let (false, Some(filled)) = (strange, filled.as_object())
        && let Err(reason) = (known.check)(known.kind, filled)
    {
        let title = format!("the options of service {:?} cannot be used", service.id.value);
        linter.at(&service.id, Diagnostic::error("service-option", title).cause(reason));
    }
}

/// Wants one kind of trouble, which the service can have, and numbers that make sense.
fn fault(linter: &mut Linter<'_>, action: &Located<Action>, wanted: &Fault, known: &KnownService) {
    let mut tell = |title: String, help: String| {
        linter.at(action, Diagnostic::error("fault", title).help(help));
    };
    let possible = || format!("a service of kind {:?} can have: {}", known.kind, known.faults.join(", "));
    match wanted.troubles().as_slice() {
        [] => tell(
            "the fault does not say what goes wrong".to_owned(),
            format!("{}; or `clear: true`", possible()),
        ),
        ["clear"] if wanted.times.is_some() || wanted.path.is_some() => {
            tell("what is cleared is cleared for good".to_owned(), "remove `times` and `path`".to_owned());
        }
        ["clear"] => {}
        [one] if !known.faults.contains(one) => {
            tell(format!("a service of kind {:?} cannot have the fault {one:?}", known.kind), possible());
        }
        [_] => {}
        several => tell(
            format!("the fault says {} at once", several.join(" and ")),
            "write an action for each; they are met one after the other".to_owned(),
        ),
    }
    if wanted.status.is_some_and(|status| !(400..600).contains(&status)) {
        tell("the status is no error".to_owned(), "write one from 400 to 599".to_owned());
    }
    if wanted.retry_after.is_some() && wanted.status.is_none() {
        tell("`retry_after` goes with a status".to_owned(), "add `status: 429`".to_owned());
    }
    if wanted.times == Some(0) {
        tell("the fault happens 0 times".to_owned(), "write 1 or more, or leave `times` away".to_owned());
    }
}
