//! Shows problems with the lines they are about. Plain text says everything; colour only helps the eye.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

use super::source::floor_boundary;
use super::{Diagnostic, Location, Severity, Source, Span};

/// Whether to write colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Colour,
}

/// Columns that a source line may take before it is cut.
const WIDTH: usize = 110;
/// Columns that a tab takes.
const TAB: usize = 4;

/// Shows problems, sorted by place, with a blank line between them.
pub fn render(diagnostics: &[Diagnostic], style: Style) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| {
        let place = diagnostic.at.as_ref().map(|at| (at.source.name().to_owned(), at.span.start));
        (place, std::cmp::Reverse(diagnostic.severity))
    });
    sorted.iter().map(|diagnostic| Page::new(diagnostic, style).write()).collect::<Vec<_>>().join("\n")
}

/// Counts problems in words, such as `2 errors, 1 warning`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity, one: &str, many: &str| match diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == severity)
        .count()
    {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    };
    let parts: Vec<String> = [
        count(Severity::Error, "error", "errors"),
        count(Severity::Failed, "failed check", "failed checks"),
        count(Severity::Warning, "warning", "warnings"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
}

/// One problem on its way to text.
struct Page<'a> {
    diagnostic: &'a Diagnostic,
    style: Style,
    /// Columns of the widest line number.
    gutter: usize,
    text: String,
}

/// A labelled part of one line.
struct Mark<'a> {
    line: usize,
    span: Span,
    label: &'a str,
    sign: char,
}

impl<'a> Page<'a> {
    fn new(diagnostic: &'a Diagnostic, style: Style) -> Self {
        let places = diagnostic.at.iter().chain(diagnostic.related.iter().map(|(at, _)| at));
        let widest = places.map(|at| at.position().0).max().unwrap_or(0);
        let gutter = if widest == 0 { 1 } else { widest.to_string().len() };
        Page { diagnostic, style, gutter, text: String::new() }
    }

    fn write(mut self) -> String {
        let diagnostic = self.diagnostic;
        let word = match diagnostic.severity {
            Severity::Failed => "check failed".to_owned(),
            severity => format!("{}[{}]", severity.word(), diagnostic.code),
        };
        let word = self.accent(&word);
        let title = self.paint("1", &clean(&diagnostic.title));
        let _ = writeln!(self.text, "{word}: {title}");
        if let Some(at) = &diagnostic.at {
            self.snippets(at);
        }
        for line in diagnostic.causes.iter().flat_map(|cause| cause.lines()) {
            let bar = self.bar();
            let _ = writeln!(self.text, "{bar}   {}", clean(line));
        }
        if !diagnostic.causes.is_empty() && !diagnostic.help.is_empty() {
            self.blank();
        }
        for help in &diagnostic.help {
            let word = self.paint("1;36", "help");
            let mut lines = help.lines().map(clean);
            let _ = writeln!(self.text, "{word}: {}", lines.next().unwrap_or_default());
            for line in lines {
                let _ = writeln!(self.text, "      {line}");
            }
        }
        self.text
    }

    /// Writes the lines of all places, one block for each source, the main one first.
    fn snippets(&mut self, at: &'a Location) {
        let diagnostic = self.diagnostic;
        let mut blocks: Vec<(&Location, Vec<Mark<'a>>)> = vec![(at, vec![mark(at, &diagnostic.label, '^')])];
        for (place, label) in &diagnostic.related {
            let mark = mark(place, label, '-');
            match blocks.iter_mut().find(|(first, _)| first.source == place.source) {
                Some((_, marks)) => marks.push(mark),
                None => blocks.push((place, vec![mark])),
            }
        }
        for (index, (first, mut marks)) in blocks.into_iter().enumerate() {
            let arrow = self.paint("34", if index == 0 { "-->" } else { ":::" });
            let indent = " ".repeat(self.gutter);
            let _ = writeln!(self.text, "{indent}{arrow} {}", clean(&first.to_string()));
            self.blank();
            marks.sort_by_key(|mark| (mark.line, mark.span.start));
            self.block(&first.source, &marks);
            self.blank();
        }
    }

    /// Writes the marked lines of one source, each with the line before it, and `...` where lines are left out.
    fn block(&mut self, source: &Source, marks: &[Mark<'_>]) {
        let lines: Vec<&str> = source.text().split('\n').collect();
        let text = |number: usize| lines.get(number - 1).map_or("", |line| line.trim_end_matches('\r'));
        let mut last = None;
        for (index, mark) in marks.iter().enumerate() {
            if last != Some(mark.line) {
                let before = mark.line - 1;
                if last.is_some_and(|last| last + 1 < before) {
                    let dots = self.paint("34", "...");
                    let _ = writeln!(self.text, "{dots}");
                }
                if before > 0 && last.is_none_or(|last| last < before) && !text(before).trim().is_empty() {
                    let view = View::new(text(before), 0..0);
                    self.numbered(before, &view.text);
                }
                let range = marks[index..].iter().take_while(|other| other.line == mark.line);
                let (start, end) = range.fold((usize::MAX, 0), |(start, end), other| {
                    (start.min(other.span.start), end.max(other.span.end))
                });
                self.numbered(mark.line, &View::new(text(mark.line), start..end).text);
                last = Some(mark.line);
            }
            self.carets(text(mark.line), marks, mark);
        }
    }

    fn carets(&mut self, line: &str, marks: &[Mark<'_>], mark: &Mark<'_>) {
        let same = marks.iter().filter(|other| other.line == mark.line);
        let start = same.clone().map(|other| other.span.start).min().unwrap_or(0);
        let end = same.map(|other| other.span.end).max().unwrap_or(0);
        let view = View::new(line, start..end);
        let (from, to) = (view.column(line, mark.span.start), view.column(line, mark.span.end));
        let bar = self.bar();
        let signs = mark.sign.to_string().repeat(to.saturating_sub(from).max(1));
        let label = if mark.label.is_empty() { String::new() } else { format!(" {}", clean(mark.label)) };
        let signs = if mark.sign == '^' {
            self.accent(&(signs + &label))
        } else {
            self.paint("34", &(signs + &label))
        };
        let _ = writeln!(self.text, "{bar} {}{signs}", " ".repeat(from));
    }

    fn numbered(&mut self, number: usize, line: &str) {
        let gutter = self.paint("34", &format!("{number:>width$} |", width = self.gutter));
        let line = if line.is_empty() { String::new() } else { format!(" {line}") };
        let _ = writeln!(self.text, "{gutter}{line}");
    }

    fn blank(&mut self) {
        let bar = self.bar();
        let _ = writeln!(self.text, "{bar}");
    }

    fn bar(&self) -> String {
        self.paint("34", &format!("{} |", " ".repeat(self.gutter)))
    }

    fn accent(&self, text: &str) -> String {
        self.paint(if self.diagnostic.severity == Severity::Warning { "1;33" } else { "1;31" }, text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Finds the line of a place; the span becomes bytes within that line, cut at its end.
fn mark<'a>(at: &Location, label: &'a str, sign: char) -> Mark<'a> {
    let text = at.source.text();
    let start = floor_boundary(text, at.span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let rest = &text[start..];
    let line_end = start + rest.find('\n').unwrap_or(rest.len());
    let end = floor_boundary(text, at.span.end).clamp(start, line_end);
    let end = start + text[start..end].trim_end().len();
    let span = Span { start: start - line_start, end: end - line_start };
    Mark { line: at.position().0, span, label, sign }
}

/// A source line as it is shown: tabs as spaces, no control characters, cut if it is too long.
struct View {
    text: String,
    /// The byte at which the shown part starts.
    from: usize,
    /// Columns of what stands before it.
    lead: usize,
}

impl View {
    /// Cuts a line so that the part `keep` is seen.
    fn new(line: &str, keep: std::ops::Range<usize>) -> Self {
        let all: usize = line.chars().map(columns).sum();
        if all <= WIDTH {
            return View { text: clean(line), from: 0, lead: 0 };
        }
        let start = floor_boundary(line, keep.start);
        let before: usize = line[..start].chars().map(columns).sum();
        let mut skip = if before < WIDTH / 2 { 0 } else { before - WIDTH / 3 };
        let mut from = 0;
        for (index, character) in line.char_indices() {
            from = index;
            match skip.checked_sub(columns(character)) {
                Some(rest) if skip > 0 => skip = rest,
                _ => break,
            }
        }
        let mut room = WIDTH;
        let shown: String = line[from..]
            .chars()
            .take_while(|character| {
                room = room.saturating_sub(columns(*character));
                room > 0
            })
            .collect();
        let tail = if from + shown.len() < line.len() { "…" } else { "" };
        let (head, lead) = if from > 0 { ("…", 1) } else { ("", 0) };
        View { text: format!("{head}{}{tail}", clean(&shown)), from, lead }
    }

    /// Returns the column, from 0, at which a byte of the line is shown.
    fn column(&self, line: &str, byte: usize) -> usize {
        let byte = floor_boundary(line, byte).max(self.from);
        let column = self.lead + line[self.from..byte].chars().map(columns).sum::<usize>();
        column.min(WIDTH + self.lead)
    }
}

fn columns(character: char) -> usize {
    if character == '\t' { TAB } else { shown(character).width().unwrap_or(1) }
}

/// Replaces what would disturb a terminal: control characters and marks that change the direction of text.
fn shown(character: char) -> char {
    match character {
        '\0'..='\x1f' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\x7f'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
        other => other,
    }
}

fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => clean.push_str(&" ".repeat(TAB)),
            other => clean.push(shown(other)),
        }
    }
    clean
}
