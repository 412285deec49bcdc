//! Finds the placeholders of a template, and what YAML makes of the text around each.

use crate::diagnostic::{Diagnostic, Location, Source, Span};

/// What a placeholder stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Text without quotes.
    Plain,
    /// Between `"` and `"`.
    DoubleQuoted,
    /// Between `'` and `'`.
    SingleQuoted,
    /// Behind a `#`.
    Comment,
}

/// One `{{ … }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// The dotted name; `None` for a literal text such as `{{ "{{" }}`.
    pub name: Option<String>,
    /// From `{{` to `}}`, both included.
    pub span: Span,
    /// The name itself.
    pub inner: Span,
    /// What it stands in.
    pub context: Context,
}

/// Finds every placeholder, and everything that looks like a template but is none.
pub fn placeholders(template: &Source) -> (Vec<Placeholder>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut problems = Vec::new();
    let mut offset = 0;
    for line in template.text().split_inclusive('\n') {
        Scanner { template, line, offset, context: Context::Plain, fresh: true }
            .read(&mut found, &mut problems);
        offset += line.len();
    }
    (found, problems)
}

/// One line on its way through the scanner.
struct Scanner<'a> {
    template: &'a Source,
    line: &'a str,
    /// Where the line starts in the template.
    offset: usize,
    context: Context,
    /// Whether a quote here would open a quoted text: nothing but blanks and indicators came before it.
    fresh: bool,
}

impl Scanner<'_> {
    fn read(mut self, found: &mut Vec<Placeholder>, problems: &mut Vec<Diagnostic>) {
        let line = self.line;
        let mut at = 0;
        while let Some(character) = line[at..].chars().next() {
            let rest = &line[at..];
            if rest.starts_with("{{") {
                match self.placeholder(at) {
                    Ok(place) => {
                        at = place.span.end - self.offset;
                        found.push(place);
                    }
                    Err(problem) => {
                        problems.push(problem);
                        at += rest.find("}}").map_or(rest.len(), |end| end + 2);
                    }
                }
                self.fresh = false;
                continue;
            }
            if let Some(problem) = self.refuse(at) {
                problems.push(problem);
                at += 2;
                continue;
            }
            at += self.step(character, &rest[character.len_utf8()..]);
        }
    }

    /// Goes past one character (or an escape in quotes) and returns the bytes it took.
    fn step(&mut self, character: char, after: &str) -> usize {
        let mut length = character.len_utf8();
        match (self.context, character) {
            (Context::DoubleQuoted, '\\') => length += after.chars().next().map_or(0, char::len_utf8),
            (Context::SingleQuoted, '\'') if after.starts_with('\'') => length += 1,
            (Context::DoubleQuoted, '"') | (Context::SingleQuoted, '\'') => {
                self.context = Context::Plain;
                self.fresh = false;
            }
            (Context::Plain, '"') if self.fresh => self.context = Context::DoubleQuoted,
            (Context::Plain, '\'') if self.fresh => self.context = Context::SingleQuoted,
            (Context::Plain, '#') if self.fresh => self.context = Context::Comment,
            (Context::Plain, ' ' | '\t' | ',' | '[' | '{') => self.fresh = true,
            (Context::Plain, '-' | ':' | '?') if after.starts_with([' ', '\n', '\r']) => {}
            (Context::Plain, _) => self.fresh = false,
            _ => {}
        }
        length
    }

    fn refuse(&self, at: usize) -> Option<Diagnostic> {
        let (code, what) = match &self.line[at..] {
            rest if rest.starts_with("{%") => ("template-block", "a block `{% %}`"),
            rest if rest.starts_with("{#") => ("template-comment", "a comment `{# #}`"),
            _ => return None,
        };
        Some(
            Diagnostic::error(code, format!("the template has {what}"))
                .at(self.place(at, at + 2))
                .help("only `{{ NAME }}` is filled in, so that its lines stay the lines of the runtime file")
                .help(if code == "template-comment" {
                    "write a YAML comment: `# …`"
                } else {
                    "write the lines out; to have these two characters themselves, write `{{ \"{%\" }}`"
                }),
        )
    }

    fn placeholder(&self, at: usize) -> Result<Placeholder, Diagnostic> {
        let bad = |end: usize, title: &str| {
            Err(Diagnostic::error("template-syntax", title).at(self.place(at, end)).help(
                "write one name, such as `{{ lab.in }}`; to have two braces themselves, write `{{ \"{{\" }}`",
            ))
        };
        let body = &self.line[at + 2..];
        let start = body.len() - body.trim_start_matches(' ').len();
        let length = match body[start..].chars().next() {
            Some(quote @ ('"' | '\'')) => body[start + 1..].find(quote).map_or(0, |end| end + 2),
            _ => body[start..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(0),
        };
        let (word, tail) = body[start..].split_at(length);
        if !tail.trim_start_matches(' ').starts_with("}}") {
            return match body.find("}}") {
                Some(end) => bad(at + 2 + end + 2, "between `{{` and `}}` stands more than a name"),
                None => bad(self.line.trim_end().len(), "`{{` is not closed by `}}` on its line"),
            };
        }
        let end = at + 2 + body.len() - tail.trim_start_matches(' ').len() + 2;
        let named = !word.starts_with(['"', '\'']);
        let legal = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if named && !word.split('.').all(legal) || word.contains(['\\']) {
            return bad(end, "between `{{` and `}}` stands something else than a name");
        }
        let inner = Span { start: self.offset + at + 2 + start, end: self.offset + at + 2 + start + length };
        let span = Span { start: self.offset + at, end: self.offset + end };
        Ok(Placeholder { name: named.then(|| word.to_owned()), span, inner, context: self.context })
    }

    fn place(&self, start: usize, end: usize) -> Location {
        self.template.at(Span { start: self.offset + start, end: self.offset + end })
    }
}
