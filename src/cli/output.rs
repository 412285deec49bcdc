//! Standard output for data, standard error for talk.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anstyle::Style;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use crate::diagnostic;
use crate::diagnostic::Diagnostic;
use crate::session::{Lab, Mask};

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colour {
    /// Makes it the choice for all that is written from now on.
    pub(super) fn apply(self) {
        let choice = match self {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// What is never shown: the secrets of the labs that a command has to do with.
static HIDDEN: Mutex<Vec<Mask>> = Mutex::new(Vec::new());

/// Never shows the secrets of a lab from now on.
pub(super) fn hide_secrets(lab: &Lab) -> Result<(), Failure> {
    let mask = Mask::of(&lab.secrets()?);
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).push(mask);
    Ok(())
}

/// Shows again what was hidden until now, for what a lesson tells on purpose, or another command.
pub(super) fn hide_nothing() {
    HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Puts stars in the place of secrets.
fn masked(text: &str) -> String {
    let masks = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    masks.iter().fold(text.to_owned(), |text, mask| mask.text(text))
}

/// Puts stars in the place of secrets in what is wrong.
pub(super) fn masked_problems(problems: &[Diagnostic]) -> Vec<Diagnostic> {
    let masks = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    let hidden =
        |problem: &Diagnostic| masks.iter().fold(problem.clone(), |problem, mask| mask.problem(problem));
    problems.iter().map(hidden).collect()
}

/// Writes a text to standard output, with a line end if it has none; what a terminal would obey in it is made harmless.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    exactly(&harmless(text))
}

/// Replaces control characters, apart from line ends, tabs and the styles that we use ourselves.
///
/// Banners, names and log lines come from whoever attacks; a terminal would take orders from them.
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let style = style_length(rest);
        let length = if style > 0 { style } else { character.len_utf8() };
        let (head, tail) = rest.split_at(length);
        let kept = style > 0 || !character.is_control() || matches!(character, '\n' | '\t');
        safe.push_str(if kept { head } else { "\u{fffd}" });
        rest = tail;
    }
    safe
}

/// Returns how long the style is that a text begins with: `ESC [ N;N m` of numbers below 100, without the one that hides text.
fn style_length(text: &str) -> usize {
    let Some((numbers, _)) = text.strip_prefix("\u{1b}[").and_then(|rest| rest.split_once('m')) else {
        return 0;
    };
    let harmless = |number: &str| {
        number.len() <= 2
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && number.trim_start_matches('0') != "8"
    };
    if numbers.split(';').all(harmless) { numbers.len() + 3 } else { 0 }
}

fn exactly(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let text = masked(text);
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Writes a value to standard output as indented JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    exactly(&text)
}

/// Writes a value to standard output as one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    exactly(&serde_json::to_string(value).map_err(io::Error::from)?)
}

/// Says something to the person at the terminal; nobody may be there.
pub(super) fn talk(text: &str) {
    let _ = writeln!(anstream::stderr(), "{}", masked(text));
}

/// Shows problems to the person at the terminal.
pub(super) fn problems(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        let text = masked(&diagnostic::render(diagnostics, diagnostic::Style::Colour));
        let _ = write!(anstream::stderr(), "{text}");
    }
}

/// Writes a text in bold.
pub(super) fn bold(text: &str) -> String {
    let bold = Style::new().bold();
    format!("{bold}{text}{bold:#}")
}

/// Makes the failure of a file that cannot be written.
pub(super) fn cannot_write(path: &Path, cause: &io::Error) -> Failure {
    let problem = Diagnostic::error("cannot-write", format!("{} cannot be written", path.display()));
    Failure::one(Exit::Usage, problem.cause(cause.to_string()))
}

/// Writes where the page of an API is, with what lets one in.
pub(super) fn page(url: &str, token: &str) -> String {
    format!("{url}/?token={token}")
}

/// Writes a number with its noun, such as `1 step` or `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Makes the failure of a file that cannot be read.
pub(super) fn cannot_read(path: &Path, cause: &io::Error) -> Failure {
    let problem = Diagnostic::error("cannot-read", format!("{} cannot be read", path.display()));
    Failure::one(Exit::Usage, problem.cause(cause.to_string()))
}

/// Moves every line of a text in by two spaces.
pub(super) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_came_from_outside() {
        let cases = [
            ("a\tb\nc ä", "a\tb\nc ä"),
            (&bold("lab") as &str, "\u{1b}[1mlab\u{1b}[0m"),
            ("\u{1b}]52;c;bG9s\u{7}", "\u{fffd}]52;c;bG9s\u{fffd}"),
            ("\u{1b}[1;31mred", "\u{1b}[1;31mred"),
            ("\u{1b}[2J\u{1b}[1;08mhidden", "\u{fffd}[2J\u{fffd}[1;08mhidden"),
            ("\u{9b}31m\r", "\u{fffd}31m\u{fffd}"),
        ];
        for (text, shown) in cases {
            assert_eq!(harmless(text), shown, "{text:?}");
        }
    }
}
