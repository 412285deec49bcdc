//! Regular expressions as Python's `re` reads them, searched with a limit on steps.
//!
//! They are rewritten for the engine, with what the two read differently; what it cannot do is refused.

#[cfg(test)]
mod tests;
mod translate;

use fancy_regex::{Regex, RegexBuilder};

/// How many steps back a search may take before it is given up.
const STEPS: usize = 1_000_000;

/// A regular expression.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    text: String,
    regex: Regex,
    /// For texts that end with a line's end, before which Python's `$` matches too.
    before_line_end: Option<Regex>,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found<'t> {
    captures: fancy_regex::Captures<'t, str>,
}

impl Pattern {
    /// Reads a regular expression; the error names it and says what cannot be read.
    pub(crate) fn parse(text: &str, case_sensitive: bool) -> Result<Pattern, String> {
        let refused = |problem: String| format!("regular expression {text:?}: {problem}");
        let compile = |dollar| {
            let translated = translate::translate(text, dollar).map_err(refused)?;
            let regex = RegexBuilder::new(&translated)
                .case_insensitive(!case_sensitive)
                .backtrack_limit(STEPS)
                .build()
                .map_err(|error| refused(error.to_string()))?;
            Ok::<_, String>((translated, regex))
        };
        let (translated, regex) = compile(r"\z")?;
        let (other, before_line_end) = compile(r"(?=\n?\z)")?;
        let before_line_end = (translated != other).then_some(before_line_end);
        Ok(Pattern { text: text.to_owned(), regex, before_line_end })
    }

    /// Searches for the first match.
    pub(crate) fn search<'t>(&self, text: &'t str) -> Result<Option<Found<'t>>, String> {
        let found = self.regex_for(text).captures(text);
        found.map(|found| found.map(|captures| Found { captures })).map_err(|error| self.failed(&error))
    }

    /// Tells whether there is a match.
    pub(crate) fn is_match(&self, text: &str) -> Result<bool, String> {
        self.regex_for(text).is_match(text).map_err(|error| self.failed(&error))
    }

    /// Returns the number of a group by its name.
    pub(crate) fn group_number(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|known| known == Some(name))
    }

    fn regex_for(&self, text: &str) -> &Regex {
        self.before_line_end.as_ref().filter(|_| text.ends_with('\n')).unwrap_or(&self.regex)
    }

    fn failed(&self, error: &fancy_regex::Error) -> String {
        format!("regular expression {:?}: {error}; make it simpler", self.text)
    }
}

impl Found<'_> {
    /// Returns a group by its number, 0 for all; `None` if there is no such group, `Some(None)` if it took no part.
    #[expect(
        clippy::option_option,
        reason = "no such group, and a group that took no part, are different answers"
    )]
    pub(crate) fn group(&self, number: usize) -> Option<Option<&str>> {
        let there = number < self.captures.len();
        there.then(|| self.captures.get(number).map(|group| group.as_str()))
    }
}
