//! `show`: what a playbook teaches, or the text of one step.

use serde_json::json;

use super::args::Common;
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::output::{self, bold};
use super::step;
use super::table;
use crate::playbook::{Part, Playbook, Show, ShowLines, Step};
use crate::template;
use crate::template::Variables;

/// The arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab show PLAYBOOK 1")]
pub(super) struct Args {
    /// The playbook
    playbook: String,
    /// A step, by number or id: show its text
    step: Option<String>,
    /// Show the presenter's notes and the hints too
    #[arg(long, requires = "step")]
    notes: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let playbook = catalog::read(&catalog::one(&args.playbook, common)?.entry)?;
    match &args.step {
        Some(word) => {
            let number = step::number(&playbook, word)?;
            let step = &playbook.steps[number - 1];
            if common.json {
                output::json(&Reader::of(&playbook).json(number, step))?;
            } else {
                output::data(&Reader::of(&playbook).text(number, step, args.notes))?;
            }
        }
        None if common.json => output::json(&playbook_json(&playbook))?,
        None => output::data(&overview(&playbook))?,
    }
    Ok(Exit::Ok)
}

fn overview(playbook: &Playbook) -> String {
    let steps = output::count(playbook.steps.len(), "step");
    let size = format!("{}, {} minutes, {steps}", playbook.level.word(), playbook.minutes.value);
    let mut text = format!("{}\n{}\n{size}\n\n", bold(&playbook.title), playbook.summary.value);
    let number = |index: usize| (index + 1).to_string();
    let rows = playbook.steps.iter().enumerate();
    let rows: Vec<Vec<String>> = rows
        .map(|(index, step)| {
            vec![format!("{:>2}.", number(index)), step.id.value.clone(), step.title.clone()]
        })
        .collect();
    text += &table::table(&rows);
    text
}

/// Shows the texts of a playbook to somebody without a lab.
struct Reader<'a> {
    playbook: &'a Playbook,
    variables: Variables,
}

impl<'a> Reader<'a> {
    fn of(playbook: &'a Playbook) -> Self {
        let mut variables = playbook.example_variables();
        "LAB/in".clone_into(&mut variables.lab_in);
        "LAB/out".clone_into(&mut variables.lab_out);
        Reader { playbook, variables }
    }

    fn text(&self, number: usize, step: &Step, notes: bool) -> String {
        let mut text = heading(&format!("{number}. {}", step.title), &self.parts(&step.text.before));
        if !step.text.seen.is_empty() {
            text.push('\n');
            text += &heading("Seen", &self.parts(&step.text.seen));
        }
        if notes {
            let hints = step.hints.iter().enumerate();
            let hints: Vec<String> =
                hints.map(|(index, hint)| format!("{}. {}\n", index + 1, self.fill(hint))).collect();
            text.push('\n');
            text += &heading("Hints", &hints.concat());
            text.push('\n');
            text += &heading("Notes", &self.fill(step.notes.trim()));
        }
        text
    }

    fn json(&self, number: usize, step: &Step) -> serde_json::Value {
        json!({
            "number": number,
            "id": step.id.value,
            "title": step.title,
            "text": self.parts(&step.text.before),
            "seen": self.parts(&step.text.seen),
            "hints": step.hints.iter().map(|hint| self.fill(hint)).collect::<Vec<_>>(),
            "notes": self.fill(&step.notes),
            "within_ms": u64::try_from(step.within.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn parts(&self, parts: &[Part]) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => self.fill(text.trim()),
            Part::Show(block) => self.block(&block.show),
        };
        let texts: Vec<String> = parts.iter().map(text).filter(|text| !text.is_empty()).collect();
        if texts.is_empty() { String::new() } else { texts.join("\n\n") + "\n" }
    }

    /// Fills in places of the lab; `lint` complains about what cannot be filled in.
    fn fill(&self, text: &str) -> String {
        template::fill(text, &self.variables).unwrap_or_else(|_| text.to_owned())
    }

    /// Shows what is known without a run, and says in words what a run fills in.
    fn block(&self, show: &Show) -> String {
        let lines = match show {
            Show::Lines(lines) if lines.columns.is_empty() => self.lines(lines),
            _ => None,
        };
        lines.unwrap_or_else(|| format!("    [{}]", shown(show)))
    }

    fn lines(&self, show: &ShowLines) -> Option<String> {
        let bytes = self.playbook.bytes(&show.file).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let first = show.from.max(1);
        let count = show.last.map_or(usize::MAX, |last| (last + 1).saturating_sub(first));
        let lines = text.lines().skip(first - 1).take(count);
        Some(lines.map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"))
    }
}

fn heading(title: &str, text: &str) -> String {
    format!("{}\n\n{text}", bold(title))
}

/// Says in words what a block is filled in with.
fn shown(show: &Show) -> String {
    match show {
        Show::Lines(lines) => format!("lines of {}", lines.file.value),
        Show::Bot(bot) => format!("the bot {} in the runtime file", bot.value),
        Show::Events(events) => format!("events of {}", events.file.value),
        Show::Dump(dump) => format!("what {} gave up", dump.bot.value),
        Show::Log(log) => match &log.bot {
            Some(bot) => format!("the log of {}", bot.value),
            None => "the log".to_owned(),
        },
    }
}

fn playbook_json(playbook: &Playbook) -> serde_json::Value {
    let reader = Reader::of(playbook);
    let steps = playbook.steps.iter().enumerate().map(|(index, step)| reader.json(index + 1, step));
    json!({
        "id": playbook.id.value,
        "title": playbook.title.value,
        "summary": playbook.summary.value,
        "level": playbook.level.word(),
        "minutes": playbook.minutes.value,
        "steps": steps.collect::<Vec<_>>(),
    })
}
