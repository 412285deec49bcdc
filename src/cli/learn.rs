//! `learn`: a lesson in the terminal. A step's text, the learner's deeds, a check, the next step.

use std::ffi::OsString;
use std::sync::atomic::Ordering;

use super::args::{self, Common};
use super::catalog;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::output::{self, bold};
use super::prompt;
use super::reports::tell;
use super::show::heading;
use super::step;
use crate::diagnostic::{Diagnostic, Style, render, suggest};
use crate::playbook::Playbook;
use crate::report::{Progress, Reports, Sink, of_steps};
use crate::session::{Event, Lab, LabWish, Ran, Range, Reader, SessionError, World, begin, look, reset, up};

/// The arguments of `learn`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab learn PLAYBOOK")]
pub(super) struct Args {
    /// The playbook: its id, or its folder
    playbook: String,
    /// The lab's name; the playbook's id if none is given
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
}

/// What a learner can say, with what it does.
const WORDS: &[(&str, &str)] = &[
    ("check", "see whether the step is done, and go on if it is"),
    ("hint", "a hint; each says more than the one before"),
    ("do", "have the step done for you"),
    ("show", "read the step's text again"),
    ("reset", "begin the step anew"),
    ("help", "this list"),
    ("quit", "end; the lab stays, and `learn` goes on with it"),
];

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    if common.json {
        let failure = Failure::usage("no-json", "a lesson is for people, and has no form for programs");
        return Err(failure.help("`intelmq-lab up PLAYBOOK --json` does the steps and tells programs"));
    }
    let named = catalog::one(&args.playbook, common)?;
    let playbook = catalog::load(&named.entry)?;
    let world = World::of_user(interrupt::watch()?)?;
    let wish = LabWish { name: args.lab.clone(), wish: common.wish(), playbooks: named.folder };
    let mut reports = Reports::default();
    reports.add(Box::new(Progress::default()));
    let ran = begin(&world, &playbook, &wish, &mut |event| tell(&world, &event, &mut reports));
    reports.finish()?;
    let ran = ran?;
    output::problems(&ran.diagnostics);
    if Exit::of(&ran) != Exit::Ok {
        return Ok(Exit::of(&ran));
    }
    let lab = ran.lab.record.name.clone();
    let again = catalog::again(&args.playbook, common, &playbook, &lab);
    let (hints, last) = (0, Exit::Ok);
    let named = args.playbook.clone();
    let lesson = Lesson { world: &world, playbook: &playbook, lab, named, again, common, hints, last };
    lesson.teach(&ran.lab)
}

/// A lesson that goes on.
struct Lesson<'a> {
    world: &'a World,
    playbook: &'a Playbook,
    /// The lab's name.
    lab: String,
    /// How the playbook is named on the command line.
    named: String,
    /// How the playbook and the lab are named on the command line.
    again: String,
    common: &'a Common,
    /// How many hints were given at this step.
    hints: usize,
    /// How the last check of this step ended.
    last: Exit,
}

/// What a line asks for.
enum Wish {
    /// One of [`WORDS`].
    Word(&'static str),
    /// A command of this program.
    Command(Vec<String>),
    /// Nothing.
    Nothing,
}

impl Lesson<'_> {
    fn teach(mut self, lab: &Lab) -> Result<Exit, Failure> {
        let mut at = lab.passed(self.playbook);
        self.welcome(lab)?;
        self.tell_step(lab, at)?;
        while at < self.playbook.steps.len() {
            let line = prompt::line(&format!("step {}> ", at + 1), &self.world.interrupt)?;
            if self.world.interrupt.load(Ordering::Relaxed) {
                return Ok(Exit::Interrupted);
            }
            let wish = line.map_or(Ok(Wish::Word("quit")), |line| understand(&line));
            match wish {
                Ok(Wish::Word("quit")) => return Ok(self.leave(&format!("learn {}", self.again))),
                Ok(wish) => self.obey(wish, at)?,
                Err(failure) => output::problems(&failure.diagnostics),
            }
            if self.last == Exit::Interrupted {
                return Ok(self.last);
            }
            let Some(lab) = self.world.labs.find(&self.lab)? else {
                output::talk(&format!("lab {} is gone, and the lesson with it", self.lab));
                return Ok(Exit::Ok);
            };
            let now = lab.passed(self.playbook);
            if now != at {
                (self.hints, self.last) = (0, Exit::Ok);
                if now > at && self.tell_seen(&lab, now - 1)? && now < self.playbook.steps.len() {
                    prompt::pause("[Enter] goes on to the next step ", &self.world.interrupt)?;
                }
                self.tell_step(&lab, now)?;
                at = now;
            }
        }
        output::talk("that was the last step; every check has passed");
        Ok(self.leave(&format!("events --lab {}", self.lab)))
    }

    fn obey(&mut self, wish: Wish, at: usize) -> Result<(), Failure> {
        let (number, playbook) = (at + 1, self.playbook);
        let named = LabWish { name: Some(self.lab.clone()), ..LabWish::default() };
        match wish {
            Wish::Word("check") => {
                self.deed(|world, lab, emit| look(world, playbook, lab, number, emit))?;
            }
            Wish::Word("do") => {
                let only = Range { only: Some(number), to: None };
                self.deed(|world, _, emit| up(world, playbook, &named, only, emit))?;
            }
            Wish::Word("reset") => {
                self.deed(|world, lab, emit| reset(world, playbook, lab, Some(number), emit))?;
                if self.last == Exit::Ok {
                    output::talk(&format!("lab {} is where step {number} begins", self.lab));
                }
            }
            Wish::Word("hint") => self.hint(at)?,
            Wish::Word("show") => {
                if let Some(lab) = self.world.labs.find(&self.lab)? {
                    self.tell_step(&lab, at)?;
                }
            }
            Wish::Word(_) => output::data(&words_there_are())?,
            Wish::Command(words) => self.command(words, number),
            Wish::Nothing => {}
        }
        Ok(())
    }

    /// Does something with the lab, shows what comes of it, and remembers how it ended.
    fn deed(
        &mut self,
        work: impl FnOnce(&World, &Lab, &mut dyn FnMut(Event)) -> Result<Ran, SessionError>,
    ) -> Result<(), Failure> {
        let world = self.world;
        let mut reports = Reports::default();
        reports.add(of_steps(Sink::stdout()));
        let ran = world
            .labs
            .pick(Some(&self.lab))
            .and_then(|lab| work(world, &lab, &mut |event| tell(world, &event, &mut reports)));
        let ended = ran.map_err(Failure::from).and_then(|ran| Ok(reports.finish().map(|()| ran)?));
        match ended {
            Ok(ran) => {
                self.last = Exit::of(&ran);
                if self.last == Exit::CheckFailed {
                    differences(ran.diagnostics)?;
                    output::talk("not yet; `hint` helps, `reset` begins the step anew, `do` does it for you");
                }
            }
            Err(failure) => {
                output::problems(&failure.diagnostics);
                self.last = failure.exit;
            }
        }
        Ok(())
    }

    /// Runs a command of this program for the lab.
    fn command(&self, words: Vec<String>, number: usize) {
        // It hides what it has to by itself.
        output::hide_nothing();
        let words = self.completed(self.shown(words, number));
        super::parse_and_dispatch(words.into_iter().map(OsString::from));
        self.common.color.apply();
        // Ctrl-C ended the command, and not the lesson.
        self.world.interrupt.store(false, Ordering::Relaxed);
    }

    /// Adds the playbook to `show`, and the step in hand to its options, where the learner left them out.
    fn shown(&self, mut words: Vec<String>, number: usize) -> Vec<String> {
        let Some(second) = words.get(1).filter(|_| words[0] == "show") else { return words };
        if step::number(self.playbook, second).is_ok() {
            words.insert(1, self.named.clone());
        } else if second == "--answer" || second == "--notes" {
            words.splice(1..1, [self.named.clone(), number.to_string()]);
        }
        words
    }

    /// Adds the program's name, the lab, and the folder with playbooks, where the learner left them out.
    fn completed(&self, words: Vec<String>) -> Vec<String> {
        let given =
            |option: &str| words.iter().any(|word| word == option || word.starts_with(&format!("{option}=")));
        let mut more = Vec::new();
        if takes_lab(&words) && !given("--lab") && !given("--all") {
            more.extend(["--lab".to_owned(), self.lab.clone()]);
        }
        if let Some(folder) = self.common.playbooks.as_ref().filter(|_| !given("--playbooks")) {
            more.extend(["--playbooks".to_owned(), folder.display().to_string()]);
        }
        ["intelmq-lab".to_owned()].into_iter().chain(words).chain(more).collect()
    }

    fn hint(&mut self, at: usize) -> Result<(), Failure> {
        let hints = &self.playbook.steps[at].hints;
        let Some(hint) = hints.get(self.hints) else {
            output::talk("there is no more hint; `do` does the step for you");
            return Ok(());
        };
        self.hints += 1;
        let Some(lab) = self.world.labs.find(&self.lab)? else { return Ok(()) };
        let text = Reader::in_lab(self.world, self.playbook, &lab)?.fill(hint);
        output::hide_nothing();
        output::data(&format!("hint {} of {}: {text}", self.hints, hints.len()))
    }

    fn welcome(&self, lab: &Lab) -> Result<(), Failure> {
        output::data(&format!("{}\n{}\n", bold(&self.playbook.title), self.playbook.summary.value))?;
        if let Some(api) = lab.page()? {
            output::talk(&format!("page {}", output::page(&api.url, &api.token)));
        }
        output::talk(
            "Do each step here, or in another terminal, and say `check`. `help` shows what else you can say.\n",
        );
        Ok(())
    }

    /// Shows the text of a step, counted from 0; nothing behind the last.
    fn tell_step(&self, lab: &Lab, index: usize) -> Result<(), Failure> {
        let Some(step) = self.playbook.steps.get(index) else { return Ok(()) };
        let reader = Reader::in_lab(self.world, self.playbook, lab)?;
        output::hide_nothing();
        let title = format!("{} of {}. {}", index + 1, self.playbook.steps.len(), step.title);
        output::data(&heading(&title, &(reader.before(step) + "\n")))
    }

    /// Shows what was to be seen in a step, counted from 0; says whether that was anything.
    fn tell_seen(&self, lab: &Lab, index: usize) -> Result<bool, Failure> {
        let seen = Reader::in_lab(self.world, self.playbook, lab)?.seen(&self.playbook.steps[index]);
        output::hide_nothing();
        if !seen.is_empty() {
            output::data(&format!("\n{seen}\n"))?;
        }
        Ok(!seen.is_empty())
    }

    /// Says that the lab stays, and returns how the lesson ends.
    fn leave(&self, next: &str) -> Exit {
        output::talk(&format!(
            "lab {} stays; next: `intelmq-lab {next}`, or `intelmq-lab down --lab {}` to remove it",
            self.lab, self.lab
        ));
        self.last
    }
}

/// Shows what was expected and what was seen, without the playbook's lines: a learner has not written them.
fn differences(problems: Vec<Diagnostic>) -> Result<(), Failure> {
    let problems: Vec<Diagnostic> =
        problems.into_iter().map(|problem| Diagnostic { at: None, ..problem }).collect();
    output::data(&render(&problems, Style::Colour))
}

/// Finds out what a line asks for.
fn understand(line: &str) -> Result<Wish, Failure> {
    let Some(mut words) = prompt::words(line) else {
        return Err(Failure::usage("open-quote", "a quote is open at the end of the line"));
    };
    let own = words.first().is_some_and(|word| word == "intelmq-lab");
    words.drain(..usize::from(own));
    let Some(first) = words.first() else { return Ok(Wish::Nothing) };
    if let (Some((word, _)), 1, false) = (WORDS.iter().find(|(word, _)| word == first), words.len(), own) {
        return Ok(Wish::Word(word));
    }
    let command = args::command();
    let commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    if first == "learn" {
        return Err(Failure::usage("in-lesson", "you are in a lesson already").help("`quit` ends it"));
    }
    if first.starts_with('-') || commands.contains(&first.as_str()) {
        return Ok(Wish::Command(words));
    }
    let known = WORDS.iter().map(|(word, _)| *word).chain(commands.iter().copied());
    let failure = Failure::usage(
        "unknown-word",
        format!("`{first}` is no word of a lesson, and no command of intelmq-lab"),
    );
    Err(failure.help(match suggest(first, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`help` shows what you can say; other programs run in another terminal".to_owned(),
    }))
}

/// Tells whether a command acts on a lab that exists.
fn takes_lab(words: &[String]) -> bool {
    let mut command = args::command();
    let mut words = words.iter().peekable();
    // A lab of `check` is a fresh one.
    if words.peek().is_some_and(|word| *word == "check") {
        return false;
    }
    while let Some(inner) = words.next().and_then(|word| command.find_subcommand(word).cloned()) {
        command = inner;
    }
    command.get_arguments().any(|argument| argument.get_id() == "lab")
}

fn words_there_are() -> String {
    let rows: Vec<Vec<String>> =
        WORDS.iter().map(|(word, what)| vec![format!("  {word}"), (*what).to_owned()]).collect();
    let more =
        "Every command of intelmq-lab can be typed here too, such as `status`, `seed FILE` or `dump list`.";
    format!("{}\n{more}\n", super::table::table(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_word_of_the_lesson_or_a_command() {
        let told = |line: &str| match understand(line) {
            Ok(Wish::Word(word)) => format!("word {word}"),
            Ok(Wish::Command(words)) => format!("command {}", words.join("|")),
            Ok(Wish::Nothing) => "nothing".to_owned(),
            Err(failure) => failure.diagnostics[0].code.to_owned(),
        };
        for (line, expected) in [
            ("check", "word check"),
            ("  hint \n", "word hint"),
            ("check --all", "command check|--all"),
            ("intelmq-lab reset", "command reset"),
            ("intelmq-lab", "nothing"),
            ("", "nothing"),
            ("inject q '{}'", "command inject|q|{}"),
            ("--version", "command --version"),
            ("learn x", "in-lesson"),
            ("ls -l", "unknown-word"),
            ("seed 'x", "open-quote"),
        ] {
            assert_eq!(told(line), expected, "{line:?}");
        }
    }

    #[test]
    fn the_lab_is_added_where_a_command_acts_on_one() {
        let takes = |line: &str| takes_lab(&prompt::words(line).unwrap());
        for line in ["seed x", "dump list", "bot stop url-expert", "status", "up x", "show x 1", "reset"] {
            assert!(takes(line), "{line}");
        }
        for line in ["list", "check x", "lint", "render x --out y", "--version"] {
            assert!(!takes(line), "{line}");
        }
    }
}
