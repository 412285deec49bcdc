//! What a learner reads: a step's Markdown file, cut into its parts.

use serde::Deserialize;

use crate::check::{Event, LogLevel};
use crate::diagnostic::yaml;
use crate::diagnostic::{Diagnostic, Located, Location, Source, Span, suggest};

/// The sections that a text may have after what is read first.
const SECTIONS: [&str; 3] = ["Seen", "Hints", "Notes"];

/// One step's text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepText {
    /// The title; empty if it stands in `playbook.yaml`.
    pub title: String,
    /// What is read before the actions.
    pub before: Vec<Part>,
    /// What is read once the check has passed.
    pub seen: Vec<Part>,
    /// Each says more than the one before.
    pub hints: Vec<String>,
    /// For the presenter.
    pub notes: String,
}

/// A stretch of text.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Markdown; may hold `{{ lab.in }}` and the like.
    Text(String),
    /// Something that is filled in from the run.
    Show(Block),
}

/// A fenced block `show`.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// What is shown.
    pub show: Show,
    /// Where it stands.
    pub at: Location,
}

/// What a block `show` asks for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// Lines of a sample or of a file of the playbook.
    Lines(ShowLines),
    /// What the step's `configure` lays over the botnet, as the learner would write it.
    Change(ShowChange),
    /// A bot's part of the runtime file.
    Bot(Located<String>),
    /// Events of an output.
    Events(ShowEvents),
    /// Dumped messages.
    Dump(ShowDump),
    /// Log lines.
    Log(ShowLog),
}

/// Lines of a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowLines {
    /// `sample:NAME` or a file of the playbook.
    pub file: Located<String>,
    /// The first line, counted from 1.
    #[serde(default = "first")]
    pub from: usize,
    /// The last line; `None` is the end.
    pub last: Option<usize>,
    /// Only these columns of a CSV file; empty means all.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A step's change to the botnet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowChange {
    /// Keys whose values are left out, for the learner to fill in.
    #[serde(default)]
    pub gaps: Vec<Located<String>>,
}

/// Events of an output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowEvents {
    /// The output's file, below `lab.out`.
    pub file: Located<String>,
    /// Only events with these values; `null` means that the field is missing.
    #[serde(default, rename = "where")]
    pub filter: Event,
    /// Only these fields; empty means all.
    #[serde(default)]
    pub only: Vec<String>,
    /// How many at most.
    #[serde(default = "first")]
    pub most: usize,
}

/// Dumped messages.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowDump {
    /// The bot.
    pub bot: Located<String>,
    /// Only entries with this text in the error or in the row.
    pub contains: Option<String>,
    /// How many at most.
    #[serde(default = "first")]
    pub most: usize,
}

/// Log lines.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowLog {
    /// The bot; `None` is every bot.
    pub bot: Option<Located<String>>,
    /// This level and worse.
    pub level: Option<LogLevel>,
    /// Only lines with this text.
    pub contains: Option<String>,
    /// How many at most.
    #[serde(default = "first")]
    pub most: usize,
}

fn first() -> usize {
    1
}

impl Show {
    /// Returns the bot that it names.
    pub fn bot(&self) -> Option<&Located<String>> {
        match self {
            Show::Bot(bot) => Some(bot),
            Show::Dump(dump) => Some(&dump.bot),
            Show::Log(log) => log.bot.as_ref(),
            Show::Lines(_) | Show::Change(_) | Show::Events(_) => None,
        }
    }

    /// Tells whether it is filled in from a run; what is not stands in the playbook itself.
    pub fn is_of_a_run(&self) -> bool {
        !matches!(self, Show::Lines(_) | Show::Change(_))
    }
}

impl StepText {
    /// Makes the text of a step that is written in `playbook.yaml` itself.
    pub(super) fn inline(text: &str) -> Self {
        StepText { before: vec![Part::Text(text.to_owned())], ..StepText::default() }
    }

    /// Reads a Markdown file; what is wrong with it is told, and the rest is read.
    pub(super) fn read(source: &Source) -> (Self, Vec<Diagnostic>) {
        let mut reader = Reader { source, text: StepText::default(), problems: Vec::new() };
        let mut section = "";
        let mut first = 1;
        let mut body = Vec::new();
        let mut fenced = false;
        for (index, line) in source.text().lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let heading = if fenced { None } else { line.strip_prefix("## ") };
            if let Some(heading) = heading {
                reader.section(section, first, &body);
                section = reader.known(heading.trim(), index + 1);
                (first, body) = (index + 2, Vec::new());
            } else {
                body.push(line);
            }
        }
        reader.section(section, first, &body);
        (reader.text, reader.problems)
    }

    /// Lists every block `show`, and whether it comes after the check.
    pub fn blocks(&self) -> impl Iterator<Item = (&Block, bool)> {
        let before = self.before.iter().map(|part| (part, false));
        before.chain(self.seen.iter().map(|part| (part, true))).filter_map(|(part, after)| match part {
            Part::Show(block) => Some((block, after)),
            Part::Text(_) => None,
        })
    }
}

struct Reader<'a> {
    source: &'a Source,
    text: StepText,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn known(&mut self, heading: &str, line: usize) -> &'static str {
        if let Some(known) = SECTIONS.into_iter().find(|known| *known == heading) {
            return known;
        }
        let near =
            suggest(heading, SECTIONS).map(|near| format!("did you mean `## {near}`?")).unwrap_or_default();
        self.problems.push(
            Diagnostic::error("text-heading", format!("a step's text has no section {heading:?}"))
                .at(self.source.at_line(line))
                .label(near)
                .help("possible here: ## Seen, ## Hints, ## Notes; use `###` within a section"),
        );
        "Seen"
    }

    /// Takes a section; `first` is the number of its first line.
    fn section(&mut self, name: &str, first: usize, lines: &[&str]) {
        match name {
            "Seen" => self.text.seen = self.parts(first, lines),
            "Hints" => self.hints(first, lines),
            "Notes" => lines.join("\n").trim().clone_into(&mut self.text.notes),
            _ => {
                let title = lines.iter().position(|line| !line.trim().is_empty());
                let skip = match title {
                    Some(index) if lines[index].starts_with("# ") => {
                        lines[index].trim_start_matches('#').trim().clone_into(&mut self.text.title);
                        index + 1
                    }
                    _ => 0,
                };
                self.text.before = self.parts(first + skip, &lines[skip..]);
            }
        }
    }

    fn parts(&mut self, first: usize, lines: &[&str]) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut text: Vec<&str> = Vec::new();
        let mut index = 0;
        while index < lines.len() {
            if lines[index].trim() != "```show" {
                text.push(lines[index]);
                index += 1;
                continue;
            }
            let start = index + 1;
            let length = lines[start..].iter().take_while(|line| line.trim() != "```").count();
            push_text(&mut parts, &mut text);
            parts.extend(self.show(first + start, &lines[start..start + length]).map(Part::Show));
            index = start + length + 1;
        }
        push_text(&mut parts, &mut text);
        parts
    }

    fn show(&mut self, first: usize, lines: &[&str]) -> Option<Block> {
        // What stands before the block is blanked out byte by byte, so that its places are places in the file.
        let offset: usize = self.source.text().split_inclusive('\n').take(first - 1).map(str::len).sum();
        let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
        let before: String = self.source.text().bytes().take(offset).map(blank).collect();
        let source = Source::new(self.source.name(), before + &lines.join("\n") + "\n");
        match yaml::read::<Show>(&source) {
            Ok(show) => Some(Block { show, at: self.source.at_line(first) }),
            Err(mut problem) => {
                let span = problem.at.as_ref().map(|at| at.span).filter(|span| *span != Span::default());
                problem.at =
                    Some(span.map_or_else(|| self.source.at_line(first), |span| self.source.at(span)));
                self.problems.push(problem);
                None
            }
        }
    }

    fn hints(&mut self, first: usize, lines: &[&str]) {
        for (index, line) in lines.iter().enumerate() {
            let number = self.text.hints.len() + 1;
            if let Some(hint) = line.strip_prefix(&format!("{number}. ")) {
                self.text.hints.push(hint.trim().to_owned());
            } else if let (Some(hint), true) = (self.text.hints.last_mut(), line.starts_with([' ', '\t'])) {
                hint.push('\n');
                hint.push_str(line.trim());
            } else if !line.trim().is_empty() {
                self.problems.push(
                    Diagnostic::error("text-hints", "hints are a numbered list")
                        .at(self.source.at_line(first + index))
                        .help(format!(
                            "begin the hint with `{number}. `, or indent a line that continues one"
                        )),
                );
            }
        }
    }
}

fn push_text(parts: &mut Vec<Part>, lines: &mut Vec<&str>) {
    let text = lines.join("\n").trim_matches('\n').to_owned();
    if !text.trim().is_empty() {
        parts.push(Part::Text(text));
    }
    lines.clear();
}
