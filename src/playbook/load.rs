//! Reads a playbook's folder: structure, texts and golden events, every fault with its place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::action::Action;
use super::document::{FORMAT, Level, Service, StepDocument, Version, read};
use super::folder::{Folder, FolderError};
use super::samples::Samples;
use super::text::StepText;
use crate::check::{Event, Expectation, Golden};
use crate::diagnostic::yaml;
use crate::diagnostic::{Diagnostic, Located, Location, Source, Span};
use crate::template::Variables;

/// The file that makes a folder a playbook.
pub(super) const FILE: &str = "playbook.yaml";
/// How long a step's checks may take if it does not say.
const WITHIN: Duration = Duration::from_secs(10);

/// A playbook that was read. Its places are in [`Playbook::source`].
#[derive(Debug, Clone)]
pub struct Playbook {
    /// The id, equal to the folder's name.
    pub id: Located<String>,
    /// A line.
    pub title: Located<String>,
    /// What the learner can do afterwards.
    pub summary: Located<String>,
    /// Who it is for.
    pub level: Level,
    /// How long a learner needs.
    pub minutes: Located<u32>,
    /// The template of the runtime file, to be rendered with [`crate::template::render`].
    pub botnet: Source,
    /// What runs beside the botnet.
    pub services: Vec<Service>,
    /// Names of secrets that are made for each lab.
    pub secrets: Vec<Located<String>>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// `playbook.yaml`.
    pub source: Source,
    /// Where it comes from.
    pub folder: Folder,
    /// Where its samples come from.
    pub samples: Samples,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique within the playbook.
    pub id: Located<String>,
    /// A line.
    pub title: String,
    /// What the learner reads.
    pub text: StepText,
    /// The file that the text stands in; `None` if it stands in `playbook.yaml`.
    pub file: Option<Source>,
    /// What is done, in order.
    pub actions: Vec<Located<Action>>,
    /// What becomes true by the actions.
    pub expect: Vec<Located<Expectation>>,
    /// What holds before and after.
    pub still: Vec<Located<Expectation>>,
    /// Up to three, each says more.
    pub hints: Vec<String>,
    /// For the presenter; may be empty.
    pub notes: String,
    /// How long the checks may take.
    pub within: Duration,
}

impl Playbook {
    /// Reads what an action or a text names: `sample:NAME`, or a file of the playbook.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>, FolderError> {
        match file.strip_prefix("sample:") {
            Some(name) => self.samples.read(name),
            None => self.folder.read(file),
        }
    }

    /// Reads everything that its services publish from the start, by the names in `playbook.yaml`.
    pub fn feeds(&self) -> Result<BTreeMap<String, Vec<u8>>, FolderError> {
        let files = self.services.iter().flat_map(|service| &service.data);
        files.map(|file| Ok((file.value.clone(), self.bytes(file)?))).collect()
    }

    /// Returns a place in `playbook.yaml`; what is known by its start only is shown by its first word.
    pub fn at<T>(&self, value: &Located<T>) -> Location {
        let Span { start, end } = value.span;
        let rest = self.source.text().get(start..).unwrap_or_default();
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        self.source.at(Span { start, end: end.max(start + word) })
    }

    /// Tells whether the template could be read; if not, that was told.
    pub(super) fn has_botnet(&self) -> bool {
        self.botnet.name().starts_with(&self.folder.name_of(""))
    }

    /// Makes values for its template that look right, for checking it without a lab.
    pub fn example_variables(&self) -> Variables {
        let services = self.services.iter().map(|service| service.id.as_str());
        Variables::example(services, self.secrets.iter().map(|secret| secret.as_str()))
    }
}

/// Reads a playbook; what keeps it from running is returned all at once.
pub fn load(folder: &Folder, samples: &Samples) -> Result<Playbook, Vec<Diagnostic>> {
    match assemble(folder, samples) {
        (Some(playbook), problems) if problems.is_empty() => Ok(playbook),
        (_, problems) => Err(problems),
    }
}

/// Reads a playbook whose golden files may be missing, because they are about to be recorded.
pub(super) fn load_to_bless(folder: &Folder, samples: &Samples) -> Result<Playbook, Vec<Diagnostic>> {
    match read_all(folder, samples) {
        (Some(playbook), problems, _) if problems.is_empty() => Ok(playbook),
        (_, problems, _) => Err(problems),
    }
}

/// Reads as much of a playbook as can be read.
pub(super) fn assemble(folder: &Folder, samples: &Samples) -> (Option<Playbook>, Vec<Diagnostic>) {
    let (playbook, mut problems, unrecorded) = read_all(folder, samples);
    problems.extend(unrecorded);
    (playbook, problems)
}

/// Reads as much of a playbook as can be read; the last problems are those about missing golden files.
fn read_all(folder: &Folder, samples: &Samples) -> (Option<Playbook>, Vec<Diagnostic>, Vec<Diagnostic>) {
    let source = match text_of(folder, FILE) {
        Ok(source) => source,
        Err(mut problem) => {
            problem.title = format!("{} cannot be used: {}", folder.name(), problem.title);
            return (None, vec![problem.help("a playbook is a folder with a playbook.yaml")], Vec::new());
        }
    };
    let document = match check_version(&source).map_err(|problem| vec![problem]).and_then(|()| read(&source))
    {
        Ok(document) => document,
        Err(problems) => return (None, problems, Vec::new()),
    };
    let mut loader = Loader { folder, source: source.clone(), problems: Vec::new(), unrecorded: Vec::new() };
    let botnet = loader.file(&document.botnet);
    let steps = document.steps.into_iter().map(|step| loader.step(step)).collect();
    let Loader { problems, unrecorded, .. } = loader;
    let playbook = Playbook {
        id: document.id,
        title: document.title,
        summary: document.summary,
        level: document.level,
        minutes: document.minutes,
        botnet: botnet.unwrap_or_else(|| Source::new(document.botnet.value.as_str(), "")),
        services: document.services,
        secrets: document.secrets,
        steps,
        source,
        folder: folder.clone(),
        samples: samples.clone(),
    };
    (Some(playbook), problems, unrecorded)
}

/// Refuses another version of the format before its keys are looked at.
fn check_version(source: &Source) -> Result<(), Diagnostic> {
    let version: Version = yaml::read(source)?;
    let Some(format) = version.format else {
        return Err(Diagnostic::error("format", "the playbook does not say which format it has")
            .at(source.at_line(1))
            .help(format!("begin the file with `format: {FORMAT}`")));
    };
    let at = source.at(format.span);
    match format.value.as_u64() {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(Diagnostic::error(
            "format",
            format!("this playbook has format {newer}, this program reads {FORMAT}"),
        )
        .at(at)
        .help("use a newer intelmq-lab")),
        _ => Err(Diagnostic::error("format", format!("{} is no format of playbooks", format.value))
            .at(at)
            .help(format!("the only one there is so far: `format: {FORMAT}`"))),
    }
}

/// Reads a text of the folder.
pub(super) fn text_of(folder: &Folder, path: &str) -> Result<Source, Diagnostic> {
    let bytes = folder.read(path).map_err(|error| match error {
        FolderError::Path { .. } => Diagnostic::error("path-escape", error.to_string()),
        _ => Diagnostic::error("missing-file", error.to_string()),
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(folder.name_of(path), text)),
        Err(_) => Err(Diagnostic::error("not-text", format!("{} is not UTF-8 text", folder.name_of(path)))),
    }
}

struct Loader<'a> {
    folder: &'a Folder,
    source: Source,
    problems: Vec<Diagnostic>,
    /// About golden files that do not exist.
    unrecorded: Vec<Diagnostic>,
}

impl Loader<'_> {
    /// Reads a text file that `playbook.yaml` names.
    fn file(&mut self, path: &Located<String>) -> Option<Source> {
        match text_of(self.folder, path) {
            Ok(source) => Some(source),
            Err(problem) => {
                let help = format!("paths start at {}", self.folder.name());
                self.problems.push(problem.at(self.source.at(path.span)).help(help));
                None
            }
        }
    }

    fn step(&mut self, step: StepDocument) -> Step {
        let is_file = !step.say.contains('\n') && step.say.starts_with("steps/");
        let file = if is_file { self.file(&step.say) } else { None };
        let text = match &file {
            Some(source) => {
                let (text, problems) = StepText::read(source);
                self.problems.extend(problems);
                text
            }
            None if is_file => StepText::default(),
            None => StepText::inline(&step.say),
        };
        let title = self.one(step.title.as_ref(), &text.title, "title", &step.id);
        let notes = self.one(step.notes.as_ref(), &text.notes, "notes", &step.id);
        let written: Vec<String> = step.hint.iter().map(|hint| hint.value.clone()).collect();
        self.one(step.hint.first(), &text.hints.join("\n"), "hint", &step.id);
        let hints = if text.hints.is_empty() { written } else { text.hints.clone() };
        let mut golden = |expectations: Vec<Located<Expectation>>| {
            let filled = |mut expectation: Located<Expectation>| {
                self.golden(&mut expectation.value);
                expectation
            };
            expectations.into_iter().map(filled).collect()
        };
        let (expect, still) = (golden(step.expect), golden(step.still));
        Step {
            id: step.id,
            title,
            text,
            file,
            actions: step.actions,
            expect,
            still,
            hints,
            notes,
            within: step.within.map_or(WITHIN, |within| within.value.0),
        }
    }

    /// Takes a text that stands in `playbook.yaml` or in the step's file, never in both.
    fn one(&mut self, yaml: Option<&Located<String>>, file: &str, key: &str, step: &str) -> String {
        match yaml {
            None => file.to_owned(),
            Some(written) => {
                if !file.is_empty() {
                    self.problems.push(
                        Diagnostic::error("text-twice", format!("step {step:?} has its {key} twice"))
                            .at(self.source.at(written.span))
                            .help(format!("keep the one in the step's text and remove `{key}` here")),
                    );
                }
                written.value.clone()
            }
        }
    }

    /// Reads the golden files that an expectation compares with.
    fn golden(&mut self, expectation: &mut Expectation) {
        match expectation {
            Expectation::Events(events) => {
                for golden in events.exactly.iter_mut().chain(&mut events.contain) {
                    self.golden_events(golden);
                }
            }
            Expectation::File(file) => {
                let golden = file.equals.as_ref().and_then(|path| self.golden_file(path));
                file.golden = golden.map(|source| source.text().to_owned()).unwrap_or_default();
            }
            _ => {}
        }
    }

    /// Reads a golden file; that there is none yet is a problem of its own.
    fn golden_file(&mut self, path: &Located<String>) -> Option<Source> {
        let before = self.problems.len();
        let file = self.file(path);
        let missing = |problem: &Diagnostic| problem.code == "missing-file";
        if self.problems.get(before).is_some_and(missing) {
            let problem = self.problems.split_off(before).into_iter();
            self.unrecorded.extend(problem.map(|problem| problem.help("`intelmq-lab bless` records it")));
        }
        file
    }

    fn golden_events(&mut self, golden: &mut Golden) {
        let Some(source) = golden.file.as_ref().and_then(|path| self.golden_file(path)) else { return };
        let mut start = 0;
        for line in source.text().split_inclusive('\n') {
            let span = Span { start, end: start + line.trim_end().len() };
            start += line.len();
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Event>(line) {
                Ok(event) => golden.events.push(event),
                Err(error) => self.problems.push(
                    Diagnostic::error("golden-line", format!("this line is no event: {error}"))
                        .at(source.at(span))
                        .help("golden files have one JSON object a line; `intelmq-lab bless` writes them"),
                ),
            }
        }
    }
}
