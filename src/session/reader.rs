//! Fills a lesson's texts in: with what is so in a lab, and what it showed, or with placeholders where there is none.

use serde_json::Value as Json;

use super::SessionError;
use super::lab::Lab;
use super::mask::Mask;
use super::solution;
use super::world::World;
use crate::check::Places;
use crate::observe::{Baseline, Observer};
use crate::pipeline;
use crate::plan::{Given, variables};
use crate::playbook::{Action, Part, Playbook, Show, ShowChange, ShowLines, Step};
use crate::rows::Rows;
use crate::template::{self, Variables};

/// What stands for a value that the learner is to find.
pub(super) const GAP: &str = "___";

/// Reads the texts of a playbook, as Markdown.
pub struct Reader<'a> {
    playbook: &'a Playbook,
    variables: Variables,
    lab: Option<(&'a World, &'a Lab)>,
}

impl<'a> Reader<'a> {
    /// Reads for somebody without a lab: its places are placeholders.
    pub fn without_lab(playbook: &'a Playbook) -> Self {
        let given = Given { folder: "LAB".into(), ..Given::default() };
        // `lint` complains about what no plan can be made of.
        let variables = variables(playbook, &given).unwrap_or_else(|_| playbook.example_variables());
        Reader { playbook, variables, lab: None }
    }

    /// Reads for somebody who has a lab of the playbook.
    pub fn in_lab(world: &'a World, playbook: &'a Playbook, lab: &'a Lab) -> Result<Self, SessionError> {
        Ok(Reader { playbook, variables: lab.variables(playbook)?, lab: Some((world, lab)) })
    }

    /// Returns what is read before a step is done, with the names of its feeds.
    pub fn before(&self, step: &Step) -> String {
        let text = self.parts(step, &step.text.before, &mut |show| self.now(show));
        match solution::feeds(step) {
            feeds if feeds.is_empty() => text,
            feeds => format!("{text}\n{feeds}\n"),
        }
    }

    /// Returns what one types to do a step.
    pub fn solution(&self, step: &Step) -> String {
        let text = self.fill(&solution::solution(step));
        let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
        if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
    }

    /// Returns what is read once a step has passed, with what it showed then.
    pub fn seen(&self, step: &Step) -> String {
        let shown = self.lab.map(|(_, lab)| lab.shown(&step.id)).unwrap_or_default();
        let mut shown = shown.into_iter();
        self.parts(step, &step.text.seen, &mut |_| shown.next())
    }

    /// Fills in places of the lab; `lint` complains about what cannot be filled in.
    pub fn fill(&self, text: &str) -> String {
        template::fill(text, &self.variables).unwrap_or_else(|_| text.to_owned())
    }

    fn parts(&self, step: &Step, parts: &[Part], of_run: &mut dyn FnMut(&Show) -> Option<String>) -> String {
        let mut texts = Vec::new();
        for part in parts {
            texts.push(match part {
                Part::Text(text) => self.fill(text.trim()),
                Part::Show(block) => {
                    let shown = of_run(&block.show);
                    let text = self.block(step, &block.show, shown);
                    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
                }
            });
        }
        texts.retain(|text| !text.is_empty());
        if texts.is_empty() { String::new() } else { texts.join("\n\n") + "\n" }
    }

    fn block(&self, step: &Step, show: &Show, shown: Option<String>) -> String {
        let text = match show {
            Show::Lines(lines) => self.lines(lines),
            Show::Change(change) => change_of(step, change),
            _ => shown,
        };
        text.unwrap_or_else(|| format!("[{}]", in_words(show)))
    }

    /// Returns what a block shows of the lab as it is now; `None` if it does not run.
    fn now(&self, show: &Show) -> Option<String> {
        let (world, lab) = self.lab.filter(|_| show.is_of_a_run())?;
        let mut observer = Observer::new(world.client(lab).ok()?, self.variables.clone(), Places::default());
        let text = observer.show(show, &Baseline::default()).ok()?;
        Some(Mask::of(&lab.secrets().ok()?).text(text))
    }

    fn lines(&self, show: &ShowLines) -> Option<String> {
        let bytes = self.playbook.bytes(&show.file).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let first = show.from.max(1);
        let count = show.last.map_or(usize::MAX, |last| (last + 1).saturating_sub(first));
        if show.columns.is_empty() {
            return Some(text.lines().skip(first - 1).take(count).collect::<Vec<_>>().join("\n"));
        }
        Some(columns(&text, &show.columns, first, count))
    }
}

/// Lines up some columns of a CSV file; its head is always shown.
fn columns(text: &str, wanted: &[String], first: usize, count: usize) -> String {
    let mut rows = Rows::new(text, 0);
    let mut cells = Vec::new();
    let mut table: Vec<Vec<String>> = Vec::new();
    let mut places = Vec::new();
    while rows.next_row(&mut cells).is_some() {
        if table.is_empty() {
            places.extend(wanted.iter().map(|name| cells.iter().position(|cell| cell == name)));
        }
        let cell = |place: &Option<usize>| place.and_then(|place| cells.get(place)).map(ToString::to_string);
        table.push(places.iter().map(|place| cell(place).unwrap_or_default()).collect());
    }
    let kept = |line: usize| line == 1 || (first..first.saturating_add(count)).contains(&line);
    let table: Vec<Vec<String>> =
        table.into_iter().enumerate().filter(|(index, _)| kept(index + 1)).map(|(_, row)| row).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..wanted.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Writes what a step lays over the botnet, with gaps.
fn change_of(step: &Step, show: &ShowChange) -> Option<String> {
    let change = step.actions.iter().find_map(|action| match &action.value {
        Action::Configure(change) => Some(change.clone()),
        _ => None,
    })?;
    let mut change = Json::Object(change);
    leave_out(&mut change, show);
    Some(pipeline::yaml(&change).trim_end().to_owned())
}

fn leave_out(value: &mut Json, show: &ShowChange) {
    let Json::Object(map) = value else { return };
    for (key, inner) in map {
        if show.gaps.iter().any(|gap| gap.value == *key) {
            *inner = Json::from(GAP);
        } else {
            leave_out(inner, show);
        }
    }
}

/// Says in words what a block is filled in with.
fn in_words(show: &Show) -> String {
    match show {
        Show::Lines(lines) => format!("lines of {}", lines.file.value),
        Show::Change(_) => "a change to the botnet".to_owned(),
        Show::Bot(bot) => format!("the bot {} in the runtime file", bot.value),
        Show::Events(events) => format!("events of {}", events.file.value),
        Show::Dump(dump) => format!("what {} gave up", dump.bot.value),
        Show::Log(log) => match &log.bot {
            Some(bot) => format!("the log of {}", bot.value),
            None => "the log".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::{playbook, step};

    const HEAD: &str = "a,b,c\n1,\"x, y\",2\n3,z,4\n";

    #[test]
    fn columns_of_a_file_are_lined_up() {
        let wanted = ["c".to_owned(), "b".to_owned(), "none".to_owned()];
        assert_eq!(columns(HEAD, &wanted[..2], 1, usize::MAX), "c  b\n2  x, y\n4  z");
        assert_eq!(columns(HEAD, &wanted[..1], 3, 1), "c\n4");
        assert_eq!(columns(HEAD, &wanted[2..], 1, 1), "");
    }

    #[test]
    fn a_change_is_shown_as_the_step_makes_it_with_gaps() {
        let configure =
            "do: [{configure: {reader: {parameters: {path: '{{ lab.in }}', postfix: .csv}}}}], expect: []";
        let (_folder, playbook) = playbook(&step("one", configure));
        let shown = |gaps: &str| {
            let show = serde_json::from_str(&format!("{{\"gaps\": [{gaps}]}}")).unwrap();
            change_of(&playbook.steps[0], &show).unwrap()
        };
        assert_eq!(shown(""), "reader:\n  parameters:\n    path: '{{ lab.in }}'\n    postfix: .csv");
        assert_eq!(shown("\"path\""), "reader:\n  parameters:\n    path: ___\n    postfix: .csv");
    }
}
