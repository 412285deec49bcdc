//! A step's solution as a learner would type it, and the feeds that it is about.

use serde_json::Value as Json;

use crate::pipeline;
use crate::playbook::{Action, Inject, Part, Requeue, Seed, Step};

/// Names the feeds of a step that its text and hints do not name; empty if there are none.
pub(super) fn feeds(step: &Step) -> String {
    let texts = step.text.before.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        Part::Show(_) => None,
    });
    let texts: Vec<&String> = texts.chain(&step.hints).collect();
    let seeds = step.actions.iter().filter_map(|action| match &action.value {
        Action::Seed(seed) => Some(seed),
        _ => None,
    });
    let unnamed = seeds.filter(|seed| !texts.iter().any(|text| text.contains(seed.file.value.as_str())));
    let names: Vec<String> = unnamed.map(|seed| format!("`{}`", seed.file.value)).collect();
    if names.is_empty() { String::new() } else { format!("To seed: {}.", names.join(", ")) }
}

/// Writes the commands that do a step.
pub(super) fn solution(step: &Step) -> String {
    step.actions.iter().map(|action| typed(&action.value)).collect::<Vec<_>>().join("\n")
}

fn typed(action: &Action) -> String {
    match action {
        Action::Seed(seed) => typed_seed(seed),
        Action::Configure(change) => {
            let change = pipeline::yaml(&Json::Object(change.clone()));
            let lines: Vec<String> = change.trim_end().lines().map(|line| format!("  {line}")).collect();
            format!("change.yaml:\n{}\nintelmq-lab configure change.yaml", lines.join("\n"))
        }
        Action::Start(bot) | Action::Stop(bot) | Action::Reload(bot) => {
            format!("intelmq-lab bot {} {}", action.verb(), bot.value)
        }
        Action::Inject(Inject { queue, message, times }) => {
            let message = Json::Object(message.clone()).to_string().replace('\'', "'\\''");
            let times = if *times == 1 { String::new() } else { format!(" --times {times}") };
            format!("intelmq-lab inject {} '{message}'{times}", queue.value)
        }
        Action::Requeue(requeue) => typed_requeue(requeue),
        // There is no command: the lesson plays the other side.
        Action::Request(_) | Action::Fault(_) => format!("({action})"),
    }
}

fn typed_seed(Seed { file, name, service }: &Seed) -> String {
    let name = name.as_ref().map_or_else(String::new, |name| format!(" --as {}", name.value));
    let service =
        service.as_ref().map_or_else(String::new, |service| format!(" --service {}", service.value));
    format!("intelmq-lab seed {}{name}{service}", file.value)
}

fn typed_requeue(Requeue { bot, contains, replace, queue }: &Requeue) -> String {
    let which =
        contains.as_ref().map_or_else(|| "--all".to_owned(), |text| format!("ENTRY   (that with {text:?})"));
    let repairs = replace.iter().map(|one| format!(" --replace '{}={}'", one.text, one.with));
    let queue = queue.iter().map(|queue| format!(" --queue {}", queue.value));
    let more: String = repairs.chain(queue).collect();
    format!("intelmq-lab dump requeue {}{more} {which}", bot.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::{playbook, step};

    #[test]
    fn a_solution_is_what_one_types() {
        let actions = "do: [{seed: {file: 'sample:one.csv', as: two.csv, service: reports}}, {stop: reader}, \
            {configure: {reader: {parameters: {postfix: .csv}}}}, \
            {inject: {queue: q, message: {comment: it's}, times: 2}}], expect: []";
        let (_folder, playbook) = playbook(&step("one", actions));
        let expected = "intelmq-lab seed sample:one.csv --as two.csv --service reports\n\
            intelmq-lab bot stop reader\n\
            change.yaml:\n  reader:\n    parameters:\n      postfix: .csv\nintelmq-lab configure change.yaml\n\
            intelmq-lab inject q '{\"comment\":\"it'\\''s\"}' --times 2";
        assert_eq!(solution(&playbook.steps[0]), expected);
        assert_eq!(feeds(&playbook.steps[0]), "To seed: `sample:one.csv`.");
    }
}
