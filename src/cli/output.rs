//! Standard output for data, standard error for talk.

use std::io::{self, Write};
use std::path::Path;

use super::exit::Exit;
use super::failure::Failure;
use crate::diagnostic;
use crate::diagnostic::Diagnostic;

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

/// Writes a text to standard output, with a line end if it has none.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Says something to the person at the terminal; nobody may be there.
pub(super) fn talk(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Shows problems to the person at the terminal.
pub(super) fn problems(diagnostics: &[Diagnostic]) {
    if !diagnostics.is_empty() {
        let text = diagnostic::render(diagnostics, diagnostic::Style::Colour);
        let _ = write!(anstream::stderr(), "{text}");
    }
}

/// Makes the failure of a file that cannot be written.
pub(super) fn cannot_write(path: &Path, cause: &io::Error) -> Failure {
    let problem = Diagnostic::error("cannot-write", format!("{} cannot be written", path.display()));
    Failure::one(Exit::Usage, problem.cause(cause.to_string()))
}
