//! Golden files as a run gives them.

use super::{Expectation, Observation, events};

/// Returns the golden file that an expectation compares with, and what it must hold for the expectation to be met by what was seen.
///
/// `None` if it compares with no file, or if what it names was not there. `contain` is left alone: what of all that was seen
/// matters is the author's to say.
pub fn bless(expectation: &Expectation, observation: &Observation) -> Option<(String, String)> {
    match expectation {
        Expectation::Events(expected) => {
            let golden = expected.exactly.as_ref()?.file.as_ref()?;
            Some((golden.value.clone(), events::golden(expected, observation)?))
        }
        Expectation::File(expected) => {
            let golden = expected.equals.as_ref()?;
            Some((golden.value.clone(), observation.files.get(&expected.path.value)?.clone()))
        }
        _ => None,
    }
}
