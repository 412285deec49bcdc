//! `playbook.yaml` as it is written, before texts and golden events are read.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value as Json;

use super::action::Action;
use super::period::Period;
use crate::check::Expectation;
use crate::diagnostic::{Diagnostic, Located, Source, yaml};

/// The version of the format that this program reads.
pub const FORMAT: u64 = 1;

/// Just the version, so that a playbook of another version is told so before its keys are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) format: Option<Located<Json>>,
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, bound = "S: DeserializeOwned")]
pub(super) struct Document<S = StepDocument> {
    #[serde(rename = "format")]
    _format: u64,
    pub(super) id: Located<String>,
    pub(super) title: Located<String>,
    pub(super) summary: Located<String>,
    pub(super) level: Level,
    pub(super) minutes: Located<u32>,
    pub(super) botnet: Located<String>,
    #[serde(default)]
    pub(super) services: Vec<Service>,
    #[serde(default)]
    pub(super) secrets: Vec<Located<String>>,
    pub(super) steps: Vec<S>,
}

/// Who a playbook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Has never seen IntelMQ.
    Beginner,
    /// Has run a botnet.
    Intermediate,
    /// Runs one every day.
    Advanced,
}

impl Level {
    /// Returns the word that playbooks have for it.
    pub fn word(self) -> &'static str {
        match self {
            Level::Beginner => "beginner",
            Level::Intermediate => "intermediate",
            Level::Advanced => "advanced",
        }
    }
}

/// A simulated feed, or something else that runs beside the botnet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What templates call it.
    pub id: Located<String>,
    /// What it is.
    pub kind: Located<String>,
    /// What it publishes: `sample:NAME` or files of the playbook.
    #[serde(default)]
    pub data: Vec<Located<String>>,
    /// Its own options, whose texts may hold variables.
    #[serde(default)]
    pub options: serde_json::Map<String, Json>,
}

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    pub(super) id: Located<String>,
    pub(super) title: Option<Located<String>>,
    pub(super) say: Located<String>,
    pub(super) notes: Option<Located<String>>,
    #[serde(default, rename = "do")]
    pub(super) actions: Vec<Located<Action>>,
    #[serde(default)]
    pub(super) expect: Vec<Located<Expectation>>,
    #[serde(default)]
    pub(super) still: Vec<Located<Expectation>>,
    #[serde(default)]
    pub(super) hint: Vec<Located<String>>,
    pub(super) within: Option<Located<Period>>,
}

/// Reads the file; what does not fit is told of its head and of each step, the first fault of each.
pub(super) fn read(source: &Source) -> Result<Document, Vec<Diagnostic>> {
    yaml::read::<Document>(source).map_err(|first| {
        let mut faults: Vec<Diagnostic> =
            yaml::read::<Document<IgnoredAny>>(source).err().into_iter().collect();
        faults.extend(step_pieces(source).iter().filter_map(|piece| {
            let mut fault = yaml::read::<Vec<StepDocument>>(piece).err()?;
            fault.at = fault.at.map(|at| source.at(at.span));
            Some(fault)
        }));
        if faults.is_empty() { vec![first] } else { faults }
    })
}

/// Where the steps begin.
#[derive(Debug, Deserialize)]
struct Outline {
    steps: Vec<Located<IgnoredAny>>,
}

/// Returns the file once for each step, with everything else blanked out, so that places stay what they are.
///
/// Nothing is returned for a file that is no YAML, or whose steps do not begin a line each.
fn step_pieces(source: &Source) -> Vec<Source> {
    let text = source.text();
    let Ok(outline) = yaml::read::<Outline>(source) else { return Vec::new() };
    let line_of =
        |start: usize| text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let mut starts: Vec<usize> = outline.steps.iter().map(|step| line_of(step.span.start)).collect();
    let begins = |start: &usize| text[*start..].trim_start().starts_with("- ");
    if !starts.iter().all(begins) || !starts.is_sorted() {
        return Vec::new();
    }
    starts.push(text.len());
    let blank =
        |part: &str| part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect::<String>();
    let piece =
        |part: &[usize]| Source::new(source.name(), blank(&text[..part[0]]) + &text[part[0]..part[1]]);
    starts.windows(2).map(piece).collect()
}
