//! A step of a playbook, as it is named on the command line.

use super::failure::Failure;
use crate::diagnostic::suggest;
use crate::playbook::Playbook;

/// Finds a step by its number or id and returns the number, counted from 1.
pub(super) fn number(playbook: &Playbook, word: &str) -> Result<usize, Failure> {
    let ids: Vec<&str> = playbook.steps.iter().map(|step| step.id.as_str()).collect();
    let number = match word.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| (1..=ids.len()).contains(number)),
        Err(_) => ids.iter().position(|id| *id == word).map(|index| index + 1),
    };
    number.ok_or_else(|| {
        let failure = Failure::usage(
            "unknown-step",
            format!("the playbook {} has no step {word:?}", playbook.id.value),
        );
        failure.help(match suggest(word, ids.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its steps are 1 to {}: {}", ids.len(), ids.join(", ")),
        })
    })
}
